-- Asks for the end of a batch: lines that have not begun do not. `reason`: cancelled, by its owner, or expired.
-- Answers stopping | gone | its status, when it has ended.
local id, owner, reason = unpack(ARGV)
local key = batch_key(id)
local holder, status, ended, stop = unpack(redis.call('HMGET', key, 'owner', 'status', 'ended', 'stop'))
if not holder or owner ~= '' and holder ~= owner then return 'gone' end
if ended then return status end
if stop then return 'stopping' end
redis.call('HSET', key, 'stop', reason)
if reason == 'cancelled' then redis.call('HSET', key, 'status', 'cancelling', 'cancelling_ms', now) end
wake_batch(id)
return 'stopping'
