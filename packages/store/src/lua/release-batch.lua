-- Gives a batch back, to be looked at again after a while at the latest, or never where no time is given: it has ended. What is in its
-- way is noted for its owner. Answers released | again, where something has come up meanwhile and it is still held | lost.
local id, fence, delay_ms, paused = unpack(ARGV)
local key = batch_key(id)
if not held_batch(id, fence) then return 'lost' end
if paused == '' then redis.call('HDEL', key, 'paused') else redis.call('HSET', key, 'paused', paused) end
if delay_ms == '' then
  redis.call('HDEL', key, 'held', 'due')
  redis.call('ZREM', P .. 'batches_due', id)
  return 'released'
end
if paused == '' and redis.call('HDEL', key, 'due') == 1 then return 'again' end
redis.call('HDEL', key, 'held')
redis.call('ZADD', P .. 'batches_due', now + delay_ms, id)
return 'released'
