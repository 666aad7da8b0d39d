-- Adds a schedule of an owner, with fields given as name, value, …
-- Answers {'created'} | {'too_many'} | {'duplicate', id} | {'conflict', id}
local id, owner, limit, key, hash = unpack(ARGV)
local before = made_before(owner, key, hash)
if before then return before end
if redis.call('ZCARD', P .. 'schedules:' .. owner) >= tonumber(limit) then return { 'too_many' } end
redis.call('HSET', P .. 'schedule:' .. id, 'v', 1, 'owner', owner, 'created_ms', now, unpack(ARGV, 6))
redis.call('ZADD', P .. 'schedules:' .. owner, 0, id)
redis.call('SADD', P .. 'schedules', id)
note_made(owner, key, hash, id)
return { 'created' }
