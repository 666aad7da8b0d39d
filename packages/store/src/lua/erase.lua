-- Included by the scripts that remove jobs.

local STATUSES = { 'scheduled', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired' }

-- Removes every part of a finished job together.
local function erase(id, owner, slug, status, idempotency)
  redis.call('DEL', P .. 'job:' .. id, P .. 'req:' .. id, P .. 'out:' .. id, P .. 'err:' .. id, P .. 'meta:' .. id,
    P .. 'hook:' .. id, P .. 'door:' .. id, P .. 'chunks:' .. id)
  erase_deliveries(id)
  redis.call('ZREM', index_of(owner, slug, status), id)
  local left = {}
  for i, other in ipairs(STATUSES) do left[i] = index_of(owner, slug, other) end
  if redis.call('EXISTS', unpack(left)) == 0 then redis.call('SREM', P .. 'own:' .. owner, slug) end
  redis.call('ZREM', P .. 'finished', id)
  if idempotency then redis.call('DEL', P .. 'idem:' .. owner .. ':' .. idempotency) end
end

