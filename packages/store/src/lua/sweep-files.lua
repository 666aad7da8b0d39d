-- One bounded pass over files that have expired, uploads that nobody has finished, and batches that ended long ago and whose files are
-- gone. Answers how many there were.
local abandoned_ms, retention_ms, limit = unpack(ARGV)

-- What cannot go yet is looked at again after so long.
local LATER_MS = 600000

local function due(index, before)
  return redis.call('ZRANGE', P .. index, '-inf', before, 'BYSCORE', 'LIMIT', 0, limit)
end

local expired = due('files_expiring', now)
for _, id in ipairs(expired) do
  if remove_file(id) == 'in_use' then redis.call('ZADD', P .. 'files_expiring', now + LATER_MS, id) end
end

local abandoned = due('uploads', now - abandoned_ms)
for _, id in ipairs(abandoned) do
  redis.call('ZREM', P .. 'uploads', id)
  redis.call('HSET', P .. 'removals', id, '')
end

local function has_file(id)
  return id and redis.call('EXISTS', file_key(id)) == 1
end

local ended = due('batches_ended', now - retention_ms)
for _, id in ipairs(ended) do
  local owner, output, failed = unpack(redis.call('HMGET', P .. 'batch:' .. id, 'owner', 'output', 'error'))
  if has_file(output) or has_file(failed) then
    redis.call('ZADD', P .. 'batches_ended', now - retention_ms + LATER_MS, id)
  else
    redis.call('ZREM', P .. 'batches_ended', id)
    redis.call('ZREM', P .. 'batches_due', id)
    redis.call('ZREM', P .. 'batches:' .. owner, id)
    redis.call('DEL', P .. 'batch:' .. id, P .. 'batch_segments:' .. id)
  end
end
return #expired + #abandoned + #ended
