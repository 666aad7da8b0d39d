-- Says that attempts are under way still, given as id, number, receiver, …; those that were recorded or written off are left alone.
local lease_ms = tonumber(ARGV[1])
for i = 2, #ARGV, 3 do
  local id, number, receiver = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local status, attempts, begun = unpack(read_delivery(id, 'status', 'attempts', 'begun_ms'))
  if begun and attempts == number then
    redis.call('ZADD', P .. 'leases:' .. receiver, 'XX', now + lease_ms, id)
    redis.call('PEXPIRE', P .. 'leases:' .. receiver, lease_ms)
    if status == 'pending' then redis.call('ZADD', P .. 'deliveries:due', 'XX', now + lease_ms, id) end
    local breaker = P .. 'receiver:' .. receiver
    if redis.call('HGET', breaker, 'probe') == id then redis.call('HSET', breaker, 'probe_until_ms', now + lease_ms) end
  end
end
return redis.status_reply('OK')
