-- Notes what became of a schedule's run; one that is noted already, or older, changes nothing.
local id, at, outcome, started, message = unpack(ARGV)
local key = P .. 'schedule:' .. id
local owner, last = unpack(redis.call('HMGET', key, 'owner', 'last_ms'))
if not owner or last and tonumber(last) >= tonumber(at) then return 0 end
redis.call('HSET', key, 'last_ms', at, 'last_outcome', outcome, 'last_error', message)
if started ~= '' then redis.call('HSET', key, 'last_id', started) end
redis.call('HINCRBY', key, 'runs', 1)
return 1
