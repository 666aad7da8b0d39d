-- Shared by every script; prepended to each. KEYS[1] is the deployment's key prefix, which carries the hash tag, so all
-- keys built from it live in one slot. Time is Redis's own: one clock for the whole fleet.
local P = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- To the microsecond, for orders: no two scripts start in the same one, so what came first stands first.
local exactly_now = time[1] * 1000 + time[2] / 1000

-- After a stop is requested, how long the worker has to acknowledge before the job is ended over its head.
local STOP_GRACE_MS = 2000

-- Who follows a running job reads at every chunk, so this long without a reading nobody does.
local WATCH_MS = 20000

-- Most jobs one script call feeds, over all models; the next call goes on. Three values a job: the answer stays far
-- below the 8,000 values that Lua can unpack.
local FEED_LIMIT = 500

local LATE_WAITING = 'The deadline passed while the job waited.'
local LATE_RUNNING = 'The deadline passed while the job ran.'

local fed = {}

local function read(id, ...)
  return redis.call('HMGET', P .. 'job:' .. id, ...)
end

-- 64 channels by the id's last two characters, which are random; packages/store/src/keys.ts computes the same.
local function notify(id, what)
  local bucket = (string.byte(id, -1) * 31 + string.byte(id, -2)) % 64
  redis.call('PUBLISH', P .. 'notify:' .. bucket, id .. ',' .. what)
end

local function emit(event, id, owner)
  redis.call('XADD', P .. 'outbox', '*', 'type', event, 'job_id', id, 'owner', owner)
end

-- The jobs of an owner by model and status, sorted by id, which is by time. One entry a job: lists merge what they need.
local function index_of(owner, slug, status)
  return P .. 'own:' .. owner .. ':' .. slug .. ':' .. status
end

local function move(id, owner, slug, from, to)
  redis.call('ZREM', index_of(owner, slug, from), id)
  redis.call('ZADD', index_of(owner, slug, to), 0, id)
  redis.call('HSET', P .. 'job:' .. id, 'status', to)
end

-- The queue that jobs of a model wait in: variants of a model share their base's; packages/core/src/model.ts says the same.
local function queue_of(slug)
  return string.match(slug, '^[^~]*')
end

-- A group is one owner's queue of one class for one model; `groups` orders them by their head, so FIFO over all owners
-- is the lowest score. Fair share changes the scores, and nothing else.
local function rank_group(slug, group)
  local head = redis.call('ZRANGE', P .. 'backlog:' .. slug .. ':' .. group, 0, 0, 'WITHSCORES')
  if head[2] then
    redis.call('ZADD', P .. 'groups:' .. slug, head[2], group)
  else
    redis.call('ZREM', P .. 'groups:' .. slug, group)
  end
end

local function group_of(owner)
  return owner .. ':normal'
end

-- How many jobs stand in the backlogs of each queue, over all its groups.
local function count_waiting(queue, change)
  redis.call('HINCRBY', P .. 'waiting', queue, change)
end

-- Over how long the rate at which a queue drains is averaged.
local DRAIN_MS = 60000

-- Jobs a second that have ended on a queue's workers of late: each adds its share of a second, and what was fades.
local function drain_rate(queue)
  local rate, at = unpack(redis.call('HMGET', P .. 'drain:' .. queue, 'rate', 'at'))
  if not rate then return 0 end
  return tonumber(rate) * math.exp((tonumber(at) - now) / DRAIN_MS)
end

local function count_drained(queue)
  redis.call('HSET', P .. 'drain:' .. queue, 'rate', drain_rate(queue) + 1000 / DRAIN_MS, 'at', now)
end

-- An addition can only lower a group's head, so the rank needs no look at the backlog.
local function enqueue(id, owner, slug, ready_ms)
  local queue, group = queue_of(slug), group_of(owner)
  count_waiting(queue, 1)
  redis.call('ZADD', P .. 'backlog:' .. queue .. ':' .. group, ready_ms, id)
  redis.call('ZADD', P .. 'groups:' .. queue, 'LT', ready_ms, group)
end

local function dequeue(id, owner, slug)
  local queue, group = queue_of(slug), group_of(owner)
  redis.call('ZREM', P .. 'parked:' .. slug, id)
  if redis.call('ZREM', P .. 'backlog:' .. queue .. ':' .. group, id) == 0 then return end
  rank_group(queue, group)
  count_waiting(queue, -1)
end

-- Moves the next waiting jobs into the window of a queue until it holds `cap` jobs. What was moved is left in `fed` as
-- id, run, slug; the caller returns it, and whoever called the script adds the carriers.
local function feed(slug)
  local cap = tonumber(redis.call('GET', P .. 'cap:' .. slug) or '0')
  if cap == 0 then return end
  local room = math.min(FEED_LIMIT - #fed / 3, cap - redis.call('ZCARD', P .. 'window:' .. slug))
  local moved = 0
  while room > 0 do
    local group = redis.call('ZRANGE', P .. 'groups:' .. slug, 0, 0)[1]
    if not group then break end
    local id = redis.call('ZPOPMIN', P .. 'backlog:' .. slug .. ':' .. group)[1]
    rank_group(slug, group)
    redis.call('ZADD', P .. 'window:' .. slug, exactly_now + #fed / 3000, id)
    local run = redis.call('HINCRBY', P .. 'job:' .. id, 'run', 1)
    fed[#fed + 1] = id
    fed[#fed + 1] = run
    fed[#fed + 1] = slug
    room = room - 1
    moved = moved + 1
  end
  if moved > 0 then count_waiting(slug, -moved) end
end

-- Models whose windows or backlogs a script has changed. They are fed once, when the script is through with everything
-- else: what it is about to end is not fed first.
local has_room = {}
local function make_room(slug)
  has_room[queue_of(slug)] = true
end
local function feed_room()
  for slug in pairs(has_room) do feed(slug) end
  return fed
end

-- Ends a job: the only place that writes a terminal state. The fence is raised, so that nobody writes after it.
local function finalize(id, owner, slug, from, to, result, code, message)
  local key = P .. 'job:' .. id
  move(id, owner, slug, from, to)
  redis.call('HSET', key, 'finished_ms', now)
  redis.call('HINCRBY', key, 'fence', 1)
  if code ~= '' then redis.call('HSET', key, 'error_code', code) end
  if message ~= '' then redis.call('SET', P .. 'err:' .. id, message) end
  if result ~= '' then redis.call('SET', P .. 'out:' .. id, result) end
  if from == 'queued' then dequeue(id, owner, slug) end
  if from == 'running' then count_drained(queue_of(slug)) end
  if from == 'scheduled' then redis.call('ZREM', P .. 'scheduled', id) end
  redis.call('ZREM', P .. 'window:' .. queue_of(slug), id)
  redis.call('ZREM', P .. 'deadlines', id)
  redis.call('ZADD', P .. 'finished', now, id)
  emit('job.' .. to, id, owner)
  notify(id, 'end')
  make_room(slug)
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

-- Adds chunk k to a job's stream.
local function add_chunk(id, k, tokens, text, count)
  redis.call('XADD', P .. 'chunks:' .. id, k .. '-0', 'tokens', tokens, 'text', text, 'count', count)
  redis.call('HSET', P .. 'job:' .. id, 'chunks', k)
end

-- All that a job's attempts have emitted: the ids of its tokens, with commas between, and its text.
local function read_stream(id)
  local tokens, texts = {}, {}
  for _, entry in ipairs(redis.call('XRANGE', P .. 'chunks:' .. id, '-', '+')) do
    local fields = {}
    for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
    if fields.tokens ~= '' then tokens[#tokens + 1] = fields.tokens end
    texts[#texts + 1] = fields.text
  end
  return table.concat(tokens, ','), table.concat(texts)
end

-- Ends a job without a worker, with the text its stream holds. One that waits and never emitted anything has no output.
local function end_with_stream(id, owner, slug, from, to, reason, code, message)
  local result = ''
  if from == 'running' or tonumber(read(id, 'chunks')[1] or '0') > 0 then
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

-- Takes a job out of the window, to wait again; whoever had it can write no more.
local function leave_window(id, owner, slug, status)
  if status == 'running' then
    move(id, owner, slug, 'running', 'queued')
    redis.call('HINCRBY', P .. 'job:' .. id, 'fence', 1)
    notify(id, 'queued')
  end
  redis.call('ZREM', P .. 'window:' .. queue_of(slug), id)
  make_room(slug)
end

-- Puts a running job back to where it stood before it was fed.
local function requeue(id, owner, slug, ready_ms)
  leave_window(id, owner, slug, 'running')
  enqueue(id, owner, slug, ready_ms)
end

-- Sets a fed job aside until a worker comes that has its variant: in the queue of its base it would stand in the others' way.
local function park(id, owner, slug, status, ready_ms)
  leave_window(id, owner, slug, status)
  redis.call('ZADD', P .. 'parked:' .. slug, ready_ms, id)
end

-- Brings back what was parked, to where it stood.
local function unpark(slug, limit)
  local parked = redis.call('ZPOPMIN', P .. 'parked:' .. slug, limit)
  for i = 1, #parked, 2 do enqueue(parked[i], read(parked[i], 'owner')[1], slug, parked[i + 1]) end
  if #parked > 0 then make_room(slug) end
end
