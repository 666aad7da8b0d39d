-- Discards up to `limit` pending deliveries of an endpoint that takes none any more. Answers how many.
local endpoint, limit = ARGV[1], tonumber(ARGV[2])
if redis.call('HGET', P .. 'endpoint:' .. endpoint, 'status') == 'enabled' then return 0 end
local pending = redis.call('ZRANGE', deliveries_of_endpoint(endpoint, 'pending'), 0, limit - 1)
for _, id in ipairs(pending) do settle_delivery(id, 'discarded') end
return #pending
