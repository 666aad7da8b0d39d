-- Gives batches for which something is to be done to a dispatcher, for a while: under a new fence, which shuts out every earlier one.
-- Answers id, fence, id, fence, …
local limit, lease_ms = tonumber(ARGV[1]), tonumber(ARGV[2])
local claimed = {}
for _, id in ipairs(redis.call('ZRANGE', P .. 'batches_due', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)) do
  if redis.call('EXISTS', batch_key(id)) == 1 then
    redis.call('ZADD', P .. 'batches_due', now + lease_ms, id)
    redis.call('HDEL', batch_key(id), 'due')
    redis.call('HSET', batch_key(id), 'held', 1)
    claimed[#claimed + 1] = id
    claimed[#claimed + 1] = redis.call('HINCRBY', batch_key(id), 'fence', 1)
  else
    redis.call('ZREM', P .. 'batches_due', id)
  end
end
return claimed
