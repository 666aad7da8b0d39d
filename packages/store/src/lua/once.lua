-- Included by the scripts that make a thing once for an Idempotency-Key.

-- For how long a key is remembered, in milliseconds: as long as jobs are kept by default.
local REMEMBERED_MS = 604800000

local function once_key(owner, key)
  return P .. 'once:' .. owner .. ':' .. key
end

-- {'duplicate' | 'conflict', id} where the key has made something.
local function made_before(owner, key, hash)
  local seen = key ~= '' and redis.call('GET', once_key(owner, key))
  if not seen then return nil end
  local id, first = string.match(seen, '^(%S+) (%S+)$')
  return { first == hash and 'duplicate' or 'conflict', id }
end

local function note_made(owner, key, hash, id)
  if key ~= '' then redis.call('SET', once_key(owner, key), id .. ' ' .. hash, 'PX', REMEMBERED_MS) end
end
