-- Takes a job in: idempotency, record, indexes, backlog and feed as one step. When it returns, the job is committed.
-- Answers {'accepted', status, now, fed…} | {'duplicate', id} | {'conflict', id}.
local id, owner, slug, request, run_at, deadline, idempotency, body_hash, metadata, retry_of, hook = unpack(ARGV)

local idempotency_key = P .. 'idem:' .. owner .. ':' .. idempotency
if idempotency ~= '' then
  local seen = redis.call('GET', idempotency_key)
  if seen then
    local first, hash = string.match(seen, '^(%S+) (%S+)$')
    return { hash == body_hash and 'duplicate' or 'conflict', first }
  end
end
-- The same id again is the same call again, sent twice by a connection that broke in between.
if not redis.call('SET', P .. 'req:' .. id, request, 'NX') then return { 'duplicate', id } end
if idempotency ~= '' then redis.call('SET', idempotency_key, id .. ' ' .. body_hash) end

local is_due = run_at == '' or tonumber(run_at) <= now
local status = is_due and 'queued' or 'scheduled'
local record = { 'v', 1, 'owner', owner, 'model', slug, 'status', status, 'created_ms', now }
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
if metadata ~= '' then redis.call('SET', P .. 'meta:' .. id, metadata) end
if hook ~= '' then redis.call('SET', P .. 'hook:' .. id, hook) end
redis.call('SADD', P .. 'own:' .. owner, slug)
redis.call('ZADD', index_of(owner, slug, status), 0, id)

if is_due then
  enqueue(id, owner, slug, exactly_now)
  feed(queue_of(slug))
else
  redis.call('ZADD', P .. 'scheduled', run_at, id)
end
return { 'accepted', status, now, unpack(fed) }
