-- Notes segments of a batch's input, each as text. Answers 1, or 0 for who has lost the batch.
local id, fence, lines = unpack(ARGV)
if not held_batch(id, fence) then return 0 end
redis.call('HINCRBY', batch_key(id), 'total', lines)
redis.call('RPUSH', P .. 'batch_segments:' .. id, unpack(ARGV, 4))
return 1
