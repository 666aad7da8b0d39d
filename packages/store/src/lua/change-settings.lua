
-- Puts another version of the settings in the place of the one that was read, and what scripts need of them where they find it. Every
-- process is told. Answers 1, or 0 when they have changed since.
local seen, changed, by, action, max_running, normal_ms, low_ms = unpack(ARGV, 1, 7)
local failures, share, open_ms, most_open_ms, answer_ttl_ms, most_answer_bytes = unpack(ARGV, 8, 13)
local HISTORY = 100

local current = redis.call('GET', P .. 'settings')
if (current and cjson.decode(current).version or 0) ~= tonumber(seen) then return 0 end
redis.call('SET', P .. 'settings', changed)
redis.call('LPUSH', P .. 'settings_history', changed)
redis.call('LTRIM', P .. 'settings_history', 0, HISTORY - 1)

redis.call('DEL', P .. 'weights', P .. 'ageing', P .. 'breaker_rules', P .. 'reuse_limits')
for i = 14, #ARGV, 2 do redis.call('HSET', P .. 'weights', ARGV[i], ARGV[i + 1]) end
local function set(key, name, value)
  if value ~= '' then redis.call('HSET', P .. key, name, value) end
end
set('ageing', 'normal', normal_ms)
set('ageing', 'low', low_ms)
set('breaker_rules', 'failures', failures)
set('breaker_rules', 'share', share)
set('breaker_rules', 'open_ms', open_ms)
set('breaker_rules', 'most_open_ms', most_open_ms)
set('reuse_limits', 'ttl_ms', answer_ttl_ms)
set('reuse_limits', 'max_bytes', most_answer_bytes)
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
