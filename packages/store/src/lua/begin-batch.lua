-- Begins to read the input of a batch, from the start: what an earlier reading has noted is forgotten. With a batch to reuse, which was
-- over the same content, its segments are taken instead. Answers begun | copied | lost.
local id, fence, reuse = unpack(ARGV)
if not held_batch(id, fence) then return 'lost' end
redis.call('DEL', P .. 'batch_segments:' .. id)
redis.call('HSET', batch_key(id), 'total', 0)
if reuse == '' or redis.call('COPY', P .. 'batch_segments:' .. reuse, P .. 'batch_segments:' .. id) == 0 then return 'begun' end
local total, model = unpack(redis.call('HMGET', batch_key(reuse), 'total', 'model'))
redis.call('HSET', batch_key(id), 'total', total, 'model', model or '')
return 'copied'
