-- Removes an owner's endpoint and what is known of its receiver; answers 1, or 0 when there is none. Its deliveries stay in the
-- log of their jobs.
local id, owner = unpack(ARGV)
if redis.call('HGET', P .. 'endpoint:' .. id, 'owner') ~= owner then return 0 end
redis.call('DEL', P .. 'endpoint:' .. id, P .. 'receiver:' .. id, P .. 'leases:' .. id)
redis.call('ZREM', P .. 'receivers_open', id)
redis.call('ZREM', P .. 'endpoints:' .. owner, id)
return 1
