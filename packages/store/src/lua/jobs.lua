-- Included by the scripts that end attempts and jobs.

-- After a stop is requested, how long the worker has to acknowledge before the job is ended over its head.
local STOP_GRACE_MS = 2000

local LATE_WAITING = 'The deadline passed while the job waited.'
local LATE_RUNNING = 'The deadline passed while the job ran.'

-- A job has ended: its owner is charged what it has cost, where that is known, and not what it was expected to.
local function settle(job, from, to)
  local charged, prompt_cost, attempts, prompt, completion, started =
    unpack(read(job.id, 'charged', 'prompt_cost', 'attempts', 'prompt_tokens', 'completion_tokens', 'started_ms'))
  local tokens = attempts and (prompt or prompt_cost or 0) + (completion or 0) or 0
  if job.key ~= NO_KEY and not job.batch then give_back(job.key, job.cost - tokens) end
  if charged then charge(job.queue, job.class, job.owner, tokens - charged) end
  if from ~= 'running' then return end
  count_drained(job.queue, tokens)
  if to ~= 'succeeded' or attempts ~= '1' or tokens == 0 then return end
  learn(job.queue, job.cost ~= tonumber(prompt_cost) and completion, (now - started) / tokens)
end

-- Who has the place that jobs with a supersede key take from each other.
local function place_named(owner, name)
  return P .. 'supersede:' .. owner .. ':' .. name
end

local function leave_place(job)
  local place = job.supersede and place_named(job.owner, job.supersede)
  if place and redis.call('GET', place) == job.id then redis.call('DEL', place) end
end

-- Ends a job: the only place that writes a terminal state. The fence is raised, so that nobody writes after it.
local function finalize(id, owner, slug, from, to, result, code, message)
  local key, job = P .. 'job:' .. id, placed(id)
  move(id, owner, slug, from, to)
  redis.call('HSET', key, 'finished_ms', now)
  redis.call('HINCRBY', key, 'fence', 1)
  if code ~= '' then redis.call('HSET', key, 'error_code', code) end
  if message ~= '' then redis.call('SET', P .. 'err:' .. id, message) end
  if result ~= '' then redis.call('SET', P .. 'out:' .. id, result) end
  if from == 'queued' then dequeue(job) end
  settle(job, from, to)
  if from == 'scheduled' then redis.call('ZREM', P .. 'scheduled', id) end
  leave_window(job)
  leave_place(job)
  unchain(job)
  leave_twins(job, to)
  redis.call('ZREM', P .. 'deadlines', id)
  -- What is of a batch goes when its line is written, however long that takes.
  redis.call('ZADD', P .. 'finished', job.batch and 'inf' or now, id)
  if job.batch then end_line(job, to) else emit('job.' .. to, id, owner) end
  notify(id, 'end')
end

-- A running job has lost its worker. What has stored tokens since it was started is no poison: the count is of losses in a row
-- without any.
local function count_lost(id)
  local stored, resumed_from = unpack(read(id, 'completion_tokens', 'resumed_from'))
  if tonumber(stored or '0') > tonumber(resumed_from or '0') then
    redis.call('HDEL', P .. 'job:' .. id, 'lost')
  else
    redis.call('HINCRBY', P .. 'job:' .. id, 'lost', 1)
  end
end

-- Ends a job without a worker's result, with the text its stream holds. One that waits or fails and never emitted anything has no
-- output.
local function end_with_stream(id, owner, slug, from, to, reason, code, message)
  local result = ''
  if from == 'running' and to ~= 'failed' or tonumber(read(id, 'chunks')[1] or '0') > 0 then
    local _, text = read_stream(id)
    result = cjson.encode({ text = text, finish_reason = reason })
  end
  finalize(id, owner, slug, from, to, result, code, message)
end

-- Ends a job whose deadline has passed while it waited.
local function end_late(id, owner, slug, from)
  end_with_stream(id, owner, slug, from, 'expired', 'deadline', 'deadline_exceeded', LATE_WAITING)
end

-- Ends a running job that was asked to stop, for the reason it was asked.
local function end_stopped(id, owner, slug, stop)
  if stop == 'deadline' then
    end_with_stream(id, owner, slug, 'running', 'expired', 'deadline', 'deadline_exceeded', LATE_RUNNING)
  else
    end_with_stream(id, owner, slug, 'running', 'cancelled', 'cancelled', '', '')
  end
end

-- Asks the worker of a running job to stop; the deadlines index ends the job if nobody answers in time.
local function request_stop(id, reason)
  redis.call('HSET', P .. 'job:' .. id, 'stop', reason)
  redis.call('ZADD', P .. 'deadlines', now + STOP_GRACE_MS, id)
  redis.call('PUBLISH', P .. 'control', id .. ',' .. reason)
end

-- Takes a job back, to wait again; whoever had it can write no more. Answers what places it.
local function take_back(id, owner, slug, status)
  local job = placed(id)
  if status == 'running' then
    move(id, owner, slug, 'running', 'queued')
    redis.call('HINCRBY', P .. 'job:' .. id, 'fence', 1)
    notify(id, 'queued')
  end
  leave_window(job)
  return job
end

-- Puts a running job back to where it stood before it was fed.
local function requeue(id, owner, slug, ready_ms)
  local job = take_back(id, owner, slug, 'running')
  refund(job)
  enqueue(job, ready_ms, true)
end

-- Sets a fed job aside until a worker comes that has its variant: in the queue of its base it would stand in the others' way.
local function park(id, owner, slug, status, ready_ms)
  take_back(id, owner, slug, status)
  redis.call('ZADD', P .. 'parked:' .. slug, ready_ms, id)
end

-- Brings back what was parked, to where it stood.
local function unpark(slug, limit)
  local parked = redis.call('ZPOPMIN', P .. 'parked:' .. slug, limit)
  for i = 1, #parked, 2 do enqueue(placed(parked[i]), parked[i + 1]) end
  if #parked > 0 then make_room(slug) end
end
