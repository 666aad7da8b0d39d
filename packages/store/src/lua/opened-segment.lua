-- All lines of a segment are jobs now, or refused. Answers 1, or 0 for who has lost the batch.
local id, fence, segment = unpack(ARGV)
if not held_batch(id, fence) then return 0 end
redis.call('HSET', batch_key(id), 'next', segment + 1)
return 1
