-- The input of a batch is as it should be: its lines may run. Answers started | lost, and stopped where it was cancelled meanwhile.
local id, fence, model = unpack(ARGV)
local batch = held_batch(id, fence)
if not batch then return 'lost' end
if model ~= '' then redis.call('HSET', batch_key(id), 'model', model) end
if batch.stop then return 'stopped' end
redis.call('HSET', batch_key(id), 'status', 'in_progress', 'in_progress_ms', now)
return 'started'
