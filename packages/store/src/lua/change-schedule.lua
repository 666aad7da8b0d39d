-- Pauses, resumes or removes a schedule of an owner. Answers 1, or 0 when there is none.
local id, owner, change = unpack(ARGV)
local key = P .. 'schedule:' .. id
if redis.call('HGET', key, 'owner') ~= owner then return 0 end
if change == 'pause' then
  redis.call('HSET', key, 'paused', 1)
elseif change == 'resume' then
  redis.call('HDEL', key, 'paused')
else
  redis.call('DEL', key)
  redis.call('ZREM', P .. 'schedules:' .. owner, id)
  redis.call('SREM', P .. 'schedules', id)
end
return 1
