-- Adds a file whose object has been written. Answers {'created'} | {'duplicate', id} | {'conflict', id}.
local id, owner, filename, purpose, bytes, digest, expires_s, key, hash = unpack(ARGV)
local before = made_before(owner, key, hash)
if before then
  redis.call('ZREM', P .. 'uploads', id)
  redis.call('HSET', P .. 'removals', id, '')
  return before
end
redis.call('HSET', file_key(id), 'v', 1, 'owner', owner, 'filename', filename, 'purpose', purpose, 'bytes', bytes, 'digest', digest,
  'created_ms', now)
local expires_ms = expires_s == '' and '' or now + expires_s * 1000
if expires_ms ~= '' then redis.call('HSET', file_key(id), 'expires_ms', expires_ms) end
list_file(id, owner, expires_ms)
redis.call('ZREM', P .. 'uploads', id)
note_made(owner, key, hash, id)
return { 'created' }
