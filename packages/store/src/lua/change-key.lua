-- Puts another record of an API key in the place of the one that was read. Answers 1, or 0 when it has changed since.
local id, seen, changed = unpack(ARGV)
if redis.call('HGET', P .. 'api_keys', id) ~= seen then return 0 end
redis.call('HSET', P .. 'api_keys', id, changed)
return 1
