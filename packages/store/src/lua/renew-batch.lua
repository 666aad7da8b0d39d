-- Keeps a batch for its holder. Answers 1, or 0 when it is somebody else's by now.
local id, fence, lease_ms = unpack(ARGV)
if not held_batch(id, fence) then return 0 end
redis.call('ZADD', P .. 'batches_due', now + lease_ms, id)
return 1
