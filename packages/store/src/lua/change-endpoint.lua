-- Sets fields of an owner's endpoint, given as name, value, …; answers 1, or 0 when there is none.
-- A new secret makes the one before the previous one.
local id, owner = ARGV[1], ARGV[2]
local key = P .. 'endpoint:' .. id
local holder, secret = unpack(redis.call('HMGET', key, 'owner', 'secret'))
if holder ~= owner then return 0 end
for i = 3, #ARGV, 2 do
  if ARGV[i] == 'secret' then redis.call('HSET', key, 'previous_secret', secret) end
  if ARGV[i] == 'previous_valid_ms' then
    redis.call('HSET', key, 'previous_until_ms', now + tonumber(ARGV[i + 1]))
  else
    redis.call('HSET', key, ARGV[i], ARGV[i + 1])
  end
end
return 1
