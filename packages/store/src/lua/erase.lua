-- Included by the scripts that remove jobs.

-- Removes every part of a finished job together.
local function erase(id, owner, slug, status, idempotency)
  redis.call('DEL', P .. 'job:' .. id, P .. 'req:' .. id, P .. 'out:' .. id, P .. 'err:' .. id, P .. 'meta:' .. id,
    P .. 'hook:' .. id, P .. 'door:' .. id, P .. 'route:' .. id, P .. 'chunks:' .. id)
  erase_deliveries(id)
  redis.call('ZREM', index_of(owner, slug, status), id)
  unlist_model(owner, slug)
  redis.call('ZREM', P .. 'finished', id)
  if idempotency then redis.call('DEL', P .. 'idem:' .. owner .. ':' .. idempotency) end
end

