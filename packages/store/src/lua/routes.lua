
-- Included by the scripts that end attempts: a job that came by an alias may have other models behind its own, as its `route:…` says. It
-- goes on to the next when its model fails at it, has had it for too long, or has an open breaker. `chained:…` has the jobs of a queue that
-- can go on, by when they are to be looked at while its breaker is open; `overstays` those that may not stay for ever, by when not.

-- Failures are counted for `count_ms`; settings may say otherwise of the rest. After a look at a job that can go nowhere, the next one comes
-- `look_again_ms` later.
local BREAKER = { failures = 5, share = 0.5, open_ms = 5000, most_open_ms = 120000, count_ms = 10000, look_again_ms = 2000 }

local function breaker_rule(name)
  return tonumber(redis.call('HGET', P .. 'breaker_rules', name) or BREAKER[name])
end

-- What an attempt has emitted is no more; who follows it is told to forget it (events.lua).
local function forget_text(id)
  local attempts, chunks = unpack(read(id, 'attempts', 'chunks'))
  if tonumber(chunks or '0') == 0 then return end
  redis.call('DEL', P .. 'chunks:' .. id)
  redis.call('HDEL', P .. 'job:' .. id, 'first_token_ms')
  redis.call('HSET', P .. 'job:' .. id, 'chunks', 0, 'completion_tokens', 0, 'begun_anew', attempts)
end

-- The place in the list of the model that is next, and the list: the first without an open breaker, or else the first at all.
local function next_in_chain(list, must_be_well)
  local chain, at = {}, nil
  for slug in string.gmatch(list, '%S+') do
    chain[#chain + 1] = slug
    if not at and breaker_state(queue_of(slug)) ~= 'open' then at = #chain end
  end
  if not at and not must_be_well and #chain > 0 then at = 1 end
  return at, chain
end

-- Puts a job that was fed, or stood elsewhere, into its line again, where it stood by its time.
local function line_up_again(job)
  enqueue(job, ready_at(unpack(read(job.id, 'created_ms', 'run_at_ms'))), true)
end

-- Sends a job that waits or runs on to the next model of its chain, where it begins anew. Whoever had it can write no more.
-- Answers whether there was one.
local function go_on(job, status, code, must_be_well)
  if not job.chain then return false end
  local id, owner, slug, key = job.id, job.owner, job.slug, P .. 'job:' .. job.id
  local route = cjson.decode(redis.call('GET', P .. 'route:' .. id))
  local at, chain = next_in_chain(route.fallback, must_be_well)
  if not at then return false end
  unchain(job)
  -- Another model gives another answer: what asks for the same of this one gets a leader of its own.
  leave_twins(job, 'failed')
  if status == 'queued' then dequeue(job) end
  take_back(id, owner, slug, status)
  refund(job)
  forget_text(id)
  route.tried = (route.tried and route.tried .. ' ' or '') .. slug .. ':' .. code
  route.fallback = table.concat(chain, ' ', at + 1)
  redis.call('SET', P .. 'route:' .. id, cjson.encode(route))
  redis.call('HDEL', key, 'lost', 'crashes', 'failures', 'backend', 'preempted', 'keeps_slot', 'passed', 'left_at_ms', 'prompt_tokens', 'reuse')
  redis.call('HSET', key, 'model', chain[at])
  redis.call('ZREM', index_of(owner, slug, 'queued'), id)
  redis.call('ZADD', index_of(owner, chain[at], 'queued'), 0, id)
  count_state(slug, job.class, 'queued', -1)
  count_state(chain[at], job.class, 'queued', 1)
  redis.call('SADD', P .. 'own:' .. owner, chain[at])
  unlist_model(owner, slug)
  if at < #chain then
    chain_up(id, queue_of(chain[at]), now, route.timeout_ms)
  else
    redis.call('HDEL', key, 'chain')
  end
  line_up_again(placed(id))
  make_room(chain[at])
  notify(id, 'queued')
  return true
end

-- What was fed and not started yet waits again, where it stood.
local function recall_window(queue)
  for _, id in ipairs(redis.call('ZRANGE', P .. 'window:' .. queue, 0, -1)) do
    if read(id, 'status')[1] == 'queued' then
      local job = placed(id)
      leave_window(job)
      refund(job)
      line_up_again(job)
    end
  end
end

local function open_breaker(queue, opens, wait_ms, code)
  -- A server that says how long is taken at its word: that says nothing of how long the next failure is to keep it shut.
  local asked = wait_ms ~= nil
  wait_ms = wait_ms or math.min(breaker_rule('open_ms') * 2 ^ math.min(opens, 30), breaker_rule('most_open_ms'))
  set_breaker(queue, 'open', 'until_ms', now + wait_ms, 'opens', asked and opens or opens + 1, 'code', code)
  redis.call('ZADD', P .. 'breakers_due', now + wait_ms, queue)
  recall_window(queue)
end

-- An attempt has ended: the model is to blame, or it has shown that it works. `wait_ms` is how long its server has asked to be left alone,
-- or nil.
local function note_outcome(queue, is_fault, wait_ms, code)
  local key = breaker_of(queue)
  local state, since, failed, succeeded, opens = unpack(redis.call('HMGET', key, 'state', 'since', 'failed', 'succeeded', 'opens'))
  if not is_fault then
    if state == 'half' then set_breaker(queue, 'closed') end
    if state == 'closed' then redis.call('HINCRBY', key, 'succeeded', 1) end
    return
  end
  if state == 'open' then return end
  if state == 'half' or wait_ms then return open_breaker(queue, tonumber(opens or '0'), wait_ms, code) end
  if not state or now - since > BREAKER.count_ms then
    since, failed, succeeded = now, 0, 0
    redis.call('HSET', key, 'state', 'closed', 'since', now, 'succeeded', 0)
  end
  failed = failed + 1
  redis.call('HSET', key, 'failed', failed)
  redis.call('PEXPIRE', key, 2 * BREAKER.count_ms)
  if failed >= breaker_rule('failures') and failed / (failed + succeeded) >= breaker_rule('share') then
    open_breaker(queue, 0, nil, code)
  end
end

-- A bounded pass: breakers whose time has come let one job try, what waits behind an open one goes on where it can, and so does what a
-- model has had for too long.
local function sweep_routes(limit)
  for _, queue in ipairs(redis.call('ZRANGE', P .. 'breakers_due', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)) do
    set_breaker(queue, 'half')
  end
  local states = redis.call('HGETALL', P .. 'breakers')
  for i = 1, #states, 2 do
    local chained = P .. 'chained:' .. states[i]
    local waiting = states[i + 1] == 'open' and redis.call('ZRANGE', chained, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit) or {}
    for _, id in ipairs(waiting) do
      local status = read(id, 'status')[1]
      if status ~= 'queued' or not go_on(placed(id), status, 'breaker_open', true) then
        redis.call('ZADD', chained, now + BREAKER.look_again_ms, id)
      end
    end
  end
  for _, id in ipairs(redis.call('ZRANGE', P .. 'overstays', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)) do
    local status, stop = unpack(read(id, 'status', 'stop'))
    local job = placed(id)
    redis.call('ZREM', P .. 'overstays', id)
    local may = status == 'queued' or status == 'running' and not stop
    if may and go_on(job, status, 'timeout') and status == 'running' then
      note_outcome(job.queue, true, nil, 'timeout')
      -- Its worker can write no more, and is told to let go.
      redis.call('PUBLISH', P .. 'control', id .. ',cancelled')
    end
  end
end
