
-- Takes a job in: idempotency, limits, record, indexes, backlog and feed as one step. When it returns, the job is committed.
-- `supersede` is among its pieces only where the job has such a key.
-- Answers {'accepted', status, now, requests left, tokens left, fed…} | {'duplicate', id} | {'conflict', id}
-- | {'full', seconds until there may be room} | {'limited', requests | tokens | waiting, seconds, requests left, tokens left}
-- | {'unfit'}, where the deadline passes before the job may run
-- | {'late', milliseconds until it would start, and end}, where it passes before the job can be done.
local id, owner, slug, request, run_at, deadline, idempotency, body_hash, metadata, retry_of, hook, max_waiting, max_waiting_tokens,
  is_only_retry, delay, class, prompt_cost, most_output, key, requests_per_minute, tokens_per_minute, key_max_waiting, supersede, door, affinity =
  unpack(ARGV)
local queue = queue_of(slug)

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
-- The same id again is the same call again, sent twice by a connection that broke in between.
local function is_again()
  return redis.call('EXISTS', P .. 'req:' .. id) == 1
end

if delay ~= '' then run_at = now + tonumber(delay) end
local is_due = run_at == '' or tonumber(run_at) <= now
if is_due then run_at = '' end
if not is_due and deadline ~= '' and tonumber(run_at) >= now + tonumber(deadline) then return { 'unfit' } end
local cost = expected_cost(queue, prompt_cost, most_output)
local older = supersede ~= '' and older_of(owner, supersede)
if is_due then
  local seconds = wait_for_room(queue, cost, max_waiting, max_waiting_tokens, older)
  if seconds and not is_again() then return { 'full', seconds } end
  if deadline ~= '' then
    local starts, ends = expected_times(queue, owner, class, cost)
    if ends and ends > tonumber(deadline) and not is_again() then return { 'late', math.ceil(starts), math.ceil(ends) } end
  end
end
if not redis.call('SET', P .. 'req:' .. id, request, 'NX') then return { 'duplicate', id } end
local left = { requests = '', tokens = '' }
if key ~= '' then
  local limit, seconds
  local waiting = key_max_waiting ~= '' and waiting_of_key(key) - (older and older.waits and older.key == key and 1 or 0)
  if waiting and waiting >= tonumber(key_max_waiting) then
    limit, seconds = 'waiting', wait_for(1, (drain_rate(queue)))
  else
    left, limit, seconds = admit(key, cost, { requests = requests_per_minute, tokens = tokens_per_minute })
  end
  if limit then
    redis.call('DEL', P .. 'req:' .. id)
    return { 'limited', limit, seconds, left.requests, left.tokens }
  end
end

if idempotency ~= '' then redis.call('SET', idempotency_key, id .. ' ' .. body_hash) end
local status = is_due and 'queued' or 'scheduled'
write_job(id, owner, slug, status, deadline ~= '' and now + tonumber(deadline) or '', metadata, {
  'prompt_cost', prompt_cost, 'key', key, 'cost', cost, 'class', class ~= 'normal' and class or '', 'run_at_ms', run_at,
  'idem', idempotency, 'retry_of', retry_of, 'supersede', supersede, 'affinity', affinity,
})
if retry_of ~= '' and redis.call('EXISTS', P .. 'job:' .. retry_of) == 1 then
  redis.call('HSET', P .. 'job:' .. retry_of, 'retried_by', id)
end
if hook ~= '' then redis.call('SET', P .. 'hook:' .. id, hook) end
if door ~= '' then redis.call('SET', P .. 'door:' .. id, door) end
count_of_key(key, 1)
if supersede ~= '' then take_place(id, owner, supersede, older) end

if is_due then
  local line = key == '' and NO_KEY or key
  enqueue({ id = id, owner = owner, queue = queue, class = class, cost = cost, key = line }, exactly_now)
  make_room(queue)
else
  redis.call('ZADD', P .. 'scheduled', run_at, id)
end
return { 'accepted', status, now, left.requests, left.tokens, unpack(feed_room()) }
