-- Takes a job in: idempotency, record, indexes, backlog and feed as one step. When it returns, the job is committed.
-- Answers {'accepted', status, now, requests left, tokens left, fed…} | {'duplicate', id} | {'conflict', id}
-- | {'full', seconds until there may be room} | {'limited', requests | tokens | waiting, seconds}
-- | {'unfit'}, where the deadline passes before the job may run.
local id, owner, slug, request, run_at, deadline, idempotency, body_hash, metadata, retry_of, hook, max_waiting, is_only_retry, delay,
  class, prompt_cost, most_output, key, requests_per_minute, tokens_per_minute, key_max_waiting = unpack(ARGV)

-- Tokens that a job is expected to make where none has ended yet.
local UNKNOWN_OUTPUT = 256

-- What is told where nothing has ended lately, in seconds, and the most that is told.
local UNKNOWN_WAIT, LONGEST_WAIT = 60, 3600

-- Seconds until so many jobs have ended, by how fast they have of late.
local function wait_for(jobs)
  local rate = drain_rate(queue_of(slug))
  return math.min(rate > 0 and math.ceil(jobs / rate) or UNKNOWN_WAIT, LONGEST_WAIT)
end

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
  local excess = waiting_in(queue_of(slug)) - tonumber(max_waiting) + 1
  if excess > 0 and redis.call('EXISTS', P .. 'req:' .. id) == 0 then return { 'full', wait_for(excess) } end
end
-- Of what generates nothing, the prompt is all that it costs.
local output = most_output == '0' and 0 or tonumber(redis.call('HGET', P .. 'drain:' .. queue_of(slug), 'output') or UNKNOWN_OUTPUT)
if most_output ~= '' then output = math.min(output, tonumber(most_output)) end
local cost = prompt_cost + math.ceil(output)
-- The same id again is the same call again, sent twice by a connection that broke in between.
if not redis.call('SET', P .. 'req:' .. id, request, 'NX') then return { 'duplicate', id } end
local left = { requests = '', tokens = '' }
if key ~= '' then
  local limit, seconds
  local waiting = key_max_waiting ~= '' and tonumber(redis.call('HGET', P .. 'waiting_of_key', key) or '0')
  if waiting and waiting >= tonumber(key_max_waiting) then
    limit, seconds = 'waiting', wait_for(1)
  else
    left, limit, seconds = admit(key, cost, { requests = requests_per_minute, tokens = tokens_per_minute })
  end
  if limit then
    redis.call('DEL', P .. 'req:' .. id)
    return { 'limited', limit, seconds }
  end
end
if idempotency ~= '' then redis.call('SET', idempotency_key, id .. ' ' .. body_hash) end

local status = is_due and 'queued' or 'scheduled'
local record = { 'v', 1, 'owner', owner, 'model', slug, 'status', status, 'created_ms', now }
local function add(name, value)
  if value ~= '' then
    record[#record + 1] = name
    record[#record + 1] = value
  end
end
add('prompt_cost', prompt_cost)
add('key', key)
add('cost', cost)
add('class', class ~= 'normal' and class or '')
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
count_of_key(key, 1)

if is_due then
  enqueue({ id = id, owner = owner, queue = queue_of(slug), class = class, cost = cost }, exactly_now)
  feed(queue_of(slug))
else
  redis.call('ZADD', P .. 'scheduled', run_at, id)
end
return { 'accepted', status, now, left.requests, left.tokens, unpack(fed) }
