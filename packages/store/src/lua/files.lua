-- Included by the scripts that know of files.

local function file_key(id)
  return P .. 'file:' .. id
end

local function use_file(id, change)
  if id and id ~= '' and redis.call('EXISTS', file_key(id)) == 1 then redis.call('HINCRBY', file_key(id), 'uses', change) end
end

local function list_file(id, owner, expires_ms)
  redis.call('ZADD', P .. 'files:' .. owner, 0, id)
  if expires_ms ~= '' then redis.call('ZADD', P .. 'files_expiring', expires_ms, id) end
end

-- Forgets a file that nothing uses; its objects are named for removal. Answers removed | in_use.
local function remove_file(id)
  local owner, uses, batch, part = unpack(redis.call('HMGET', file_key(id), 'owner', 'uses', 'batch', 'part'))
  if tonumber(uses or '0') > 0 then return 'in_use' end
  redis.call('HSET', P .. 'removals', id, batch and batch .. ' ' .. part or '')
  redis.call('ZREM', P .. 'files:' .. owner, id)
  redis.call('ZREM', P .. 'files_expiring', id)
  redis.call('DEL', file_key(id))
  return 'removed'
end
