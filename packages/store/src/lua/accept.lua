-- Takes a job in: idempotency, record, indexes, backlog and feed as one step. When it returns, the job is committed.
-- Answers {'accepted', status, now, fed…} | {'duplicate', id} | {'conflict', id} | {'full', seconds until there may be room}
-- | {'unfit'}, where the deadline passes before the job may run.
local id, owner, slug, request, run_at, deadline, idempotency, body_hash, metadata, retry_of, hook, max_waiting, is_only_retry, delay =
  unpack(ARGV)

-- What is told where nothing has ended lately, in seconds, and the most that is told.
local UNKNOWN_WAIT, LONGEST_WAIT = 60, 3600

local idempotency_key = P .. 'idem:' .. owner .. ':' .. idempotency
if idempotency ~= '' then
  local seen = redis.call('GET', idempotency_key)
  if seen then
    local first, hash = string.match(seen, '^(%S+) (%S+)$')
    return { hash == body_hash and 'duplicate' or 'conflict', first }
  end
end
-- Of two who retry everything that failed, one retries this.
if is_only_retry ~= '' then
  local other = redis.call('HGET', P .. 'job:' .. retry_of, 'retried_by')
  if other then return { 'duplicate', other } end
end
if delay ~= '' then run_at = now + tonumber(delay) end
local is_due = run_at == '' or tonumber(run_at) <= now
if is_due then run_at = '' end
if not is_due and deadline ~= '' and tonumber(run_at) >= now + tonumber(deadline) then return { 'unfit' } end
if is_due and max_waiting ~= '' then
  local excess = tonumber(redis.call('HGET', P .. 'waiting', queue_of(slug)) or '0') - tonumber(max_waiting) + 1
  if excess > 0 and redis.call('EXISTS', P .. 'req:' .. id) == 0 then
    local rate = drain_rate(queue_of(slug))
    local seconds = rate > 0 and math.ceil(excess / rate) or UNKNOWN_WAIT
    return { 'full', math.min(seconds, LONGEST_WAIT) }
  end
end
-- The same id again is the same call again, sent twice by a connection that broke in between.
if not redis.call('SET', P .. 'req:' .. id, request, 'NX') then return { 'duplicate', id } end
if idempotency ~= '' then redis.call('SET', idempotency_key, id .. ' ' .. body_hash) end

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
if retry_of ~= '' and redis.call('EXISTS', P .. 'job:' .. retry_of) == 1 then
  redis.call('HSET', P .. 'job:' .. retry_of, 'retried_by', id)
end
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
