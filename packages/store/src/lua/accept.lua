
-- Takes a job in: idempotency, limits, record, indexes, backlog and feed as one step. When it returns, the job is committed.
-- `supersede` is among its pieces only where the job has such a key.
-- With `reuse`, the key of what it asks for, a job may end at once with the answer that is kept or that comes with it, or wait for a twin.
-- Answers {'accepted', status, now, requests left, tokens left, fed…} | {'duplicate', id} | {'conflict', id}
-- | {'accepted', 'succeeded', now, requests left, tokens left, the answer if it did not come with it, its tokens, fed…}
-- | {'full', seconds until there may be room} | {'limited', requests | tokens | waiting, seconds, requests left, tokens left}
-- | {'unfit'}, where the deadline passes before the job may run
-- | {'late', milliseconds until it would start, and end}, where it passes before the job can be done.
local id, owner, slug, request, run_at, deadline, idempotency, body_hash, metadata, retry_of, hook, max_waiting, max_waiting_tokens,
  is_only_retry, delay, class, prompt_cost, most_output, key, requests_per_minute, tokens_per_minute, key_max_waiting, supersede, door,
  reuse, given, given_tokens, way, chain, model_timeout, affinity, trace = unpack(ARGV)
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
local job = { id = id, owner = owner, slug = slug, queue = queue, class = class, cost = cost, key = key == '' and NO_KEY or key }
local answer
if reuse ~= '' then
  job.reuse = reuse
  answer = is_due and given_answer(given, given_tokens) or is_due and find_answer(reuse)
end
if is_due and not answer and not (job.reuse and may_follow(group_of(job))) then
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
  local waiting = key_max_waiting ~= '' and not answer and waiting_of_key(key) - (older and older.waits and older.key == key and 1 or 0)
  if waiting and waiting >= tonumber(key_max_waiting) then
    limit, seconds = 'waiting', wait_for(1, (drain_rate(queue)))
  else
    left, limit, seconds = admit(key, answer and 0 or cost, { requests = requests_per_minute, tokens = tokens_per_minute })
  end
  if limit then
    redis.call('DEL', P .. 'req:' .. id)
    return { 'limited', limit, seconds, left.requests, left.tokens }
  end
end

if idempotency ~= '' then redis.call('SET', idempotency_key, id .. ' ' .. body_hash) end
local status = answer and 'succeeded' or is_due and 'queued' or 'scheduled'
local deadline_ms = deadline ~= '' and now + tonumber(deadline) or ''
write_job(id, owner, slug, class, status, answer and '' or deadline_ms, metadata, {
  'prompt_cost', prompt_cost, 'key', key, 'cost', cost, 'run_at_ms', run_at,
  'idem', idempotency, 'retry_of', retry_of, 'supersede', supersede, 'reuse', reuse, 'deadline_ms', answer and deadline_ms or '',
  'chain', answer and '' or chain, 'affinity', affinity, 'trace', trace,
})
keep_route(id, queue, is_due and now or run_at, { text = way, chain = chain, timeout = model_timeout }, answer)
if retry_of ~= '' and redis.call('EXISTS', P .. 'job:' .. retry_of) == 1 then
  redis.call('HSET', P .. 'job:' .. retry_of, 'retried_by', id)
end
if hook ~= '' then redis.call('SET', P .. 'hook:' .. id, hook) end
if door ~= '' then redis.call('SET', P .. 'door:' .. id, door) end
if supersede ~= '' then take_place(id, owner, supersede, older) end
if answer then
  end_at_once(job, answer)
  if supersede ~= '' then leave_place({ id = id, owner = owner, supersede = supersede }) end
  local told = given == '' and answer.result or ''
  return { 'accepted', status, now, left.requests, left.tokens, told, answer.completion, unpack(feed_room()) }
end

count_of_key(key, 1)
if is_due then
  wait_in_turn(job, exactly_now)
else
  redis.call('ZADD', P .. 'scheduled', run_at, id)
end
return { 'accepted', status, now, left.requests, left.tokens, unpack(feed_room()) }
