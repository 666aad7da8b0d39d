-- Adds an endpoint of an owner, with fields given as name, value, …; answers 1, or 0 when the owner has `limit` already.
local id, owner, limit = unpack(ARGV)
if redis.call('ZCARD', P .. 'endpoints:' .. owner) >= tonumber(limit) then return 0 end
redis.call('HSET', P .. 'endpoint:' .. id, 'v', 1, 'owner', owner, 'status', 'enabled', 'created_ms', now, unpack(ARGV, 4))
redis.call('ZADD', P .. 'endpoints:' .. owner, 0, id)
return 1
