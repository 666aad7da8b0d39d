-- Takes a job in: idempotency, record, indexes, backlog and feed as one step. When it returns, the job is committed.
-- Answers {'accepted', fed…} | {'duplicate', id} | {'conflict', id}.
local id, owner, slug, kind, request, run_at, deadline, idempotency, body_hash, metadata, retry_of = unpack(ARGV)

if idempotency ~= '' then
  local key = P .. 'idem:' .. owner .. ':' .. idempotency
  local seen = redis.call('GET', key)
  if seen then
    local first, hash = string.match(seen, '^(%S+) (%S+)$')
    return { hash == body_hash and 'duplicate' or 'conflict', first }
  end
  redis.call('SET', key, id .. ' ' .. body_hash)
end

local record = { 'v', 1, 'owner', owner, 'model', slug, 'type', kind, 'status', 'queued', 'created_ms', now }
local function add(name, value)
  if value ~= '' then
    record[#record + 1] = name
    record[#record + 1] = value
  end
end
add('run_at_ms', run_at)
add('idem', idempotency)
add('retry_of', retry_of)
if deadline ~= '' then
  local deadline_ms = now + tonumber(deadline)
  add('deadline_ms', deadline_ms)
  redis.call('ZADD', P .. 'deadlines', deadline_ms, id)
end

redis.call('HSET', P .. 'job:' .. id, unpack(record))
redis.call('SET', P .. 'req:' .. id, request)
if metadata ~= '' then redis.call('SET', P .. 'meta:' .. id, metadata) end
redis.call('ZADD', P .. 'own:' .. owner, 0, id)
redis.call('ZADD', P .. 'own:' .. owner .. ':m:' .. slug, 0, id)

if run_at ~= '' and tonumber(run_at) > now then
  move(id, owner, nil, 'scheduled')
  redis.call('ZADD', P .. 'scheduled', run_at, id)
else
  move(id, owner, nil, 'queued')
  enqueue(id, owner, slug, now)
  feed(slug)
end
return { 'accepted', unpack(fed) }
