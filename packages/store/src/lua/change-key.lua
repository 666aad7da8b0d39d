
-- Puts another record of an API key in the place of the one that was read, '' for none. What it changes holds at once, but for what
-- may run: the next feed of each queue finds that. Answers 1, or 0 when it has changed since.
local id, seen, changed, max_running, by, action = unpack(ARGV)
if (redis.call('HGET', P .. 'api_keys', id) or '') ~= seen then return 0 end
redis.call('HSET', P .. 'api_keys', id, changed)
if max_running ~= (redis.call('HGET', P .. 'running_limits', id) or '') then
  if max_running == '' then
    redis.call('HDEL', P .. 'running_limits', id)
  else
    redis.call('HSET', P .. 'running_limits', id, max_running)
  end
  release_lines(id)
end
audit(by, action, id)
return 1
