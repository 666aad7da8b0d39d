
-- Puts another version of the settings in the place of the one that was read, and what scripts need of them where they find it. Every
-- process is told. Answers 1, or 0 when they have changed since.
local seen, changed, by, action, max_running, normal_ms, low_ms, answer_ttl_ms, most_answer_bytes = unpack(ARGV)
local HISTORY = 100

local current = redis.call('GET', P .. 'settings')
if (current and cjson.decode(current).version or 0) ~= tonumber(seen) then return 0 end
redis.call('SET', P .. 'settings', changed)
redis.call('LPUSH', P .. 'settings_history', changed)
redis.call('LTRIM', P .. 'settings_history', 0, HISTORY - 1)

redis.call('DEL', P .. 'weights', P .. 'ageing', P .. 'reuse_limits')
for i = 10, #ARGV, 2 do redis.call('HSET', P .. 'weights', ARGV[i], ARGV[i + 1]) end
if normal_ms ~= '' then redis.call('HSET', P .. 'ageing', 'normal', normal_ms) end
if low_ms ~= '' then redis.call('HSET', P .. 'ageing', 'low', low_ms) end
if answer_ttl_ms ~= '' then redis.call('HSET', P .. 'reuse_limits', 'ttl_ms', answer_ttl_ms) end
if most_answer_bytes ~= '' then redis.call('HSET', P .. 'reuse_limits', 'max_bytes', most_answer_bytes) end
if max_running == '' then
  redis.call('HDEL', P .. 'running_limits', '*')
else
  redis.call('HSET', P .. 'running_limits', '*', max_running)
end
for _, key in ipairs(redis.call('SMEMBERS', held_keys())) do release_lines(key) end

local version = cjson.decode(changed).version
audit(by, action, version)
redis.call('PUBLISH', P .. 'settings', version)
return 1
