-- Ends an attempt: log, breaker, what follows, and a call to those who stand in the receiver's line.
-- `following`: delivered | retry | dead | gone | aborted. Only a number that is the record's is heard: a later claim has written
-- an earlier attempt off.
-- Answers {'recorded' | 'gone' | 'stale', then id, round, delay_ms, now of all that is scheduled now}.
local id, number, receiver, following, delay_ms, latency_ms, entry, limit = unpack(ARGV)

-- Attempts that fail one after another, whatever they deliver, until the breaker opens. With fewer than ten, a single delivery
-- whose event the receiver cannot take would close the way for all others.
local FAILURES_TO_OPEN = 10
-- The first time the breaker is open for; each probe that fails doubles it, up to the longest.
local OPEN_MS = 10000
local OPEN_LONGEST_MS = 600000
-- A receiver whose last attempt took this long is slow. Healthy ones answer within a second or two.
local SLOW_MS = 5000
-- What is known of a receiver is forgotten after so much silence.
local FORGET_MS = 86400000
-- Called from the line per attempt that ends: more than one, so that those who wait fill the room quickly after a pause.
local CALLED = 2

local line, leases, breaker = P .. 'line:' .. receiver, P .. 'leases:' .. receiver, P .. 'receiver:' .. receiver

local function note_failure()
  local open_until, open_ms = unpack(redis.call('HMGET', breaker, 'open_until_ms', 'open_ms'))
  local failures = redis.call('HINCRBY', breaker, 'failures', 1)
  local next_ms = nil
  if open_until and tonumber(open_until) <= now then
    next_ms = math.min(OPEN_LONGEST_MS, tonumber(open_ms) * 2)
  elseif not open_until and failures >= FAILURES_TO_OPEN then
    next_ms = OPEN_MS
  end
  if next_ms then
    redis.call('HSET', breaker, 'open_until_ms', now + next_ms, 'open_ms', next_ms)
    redis.call('HDEL', breaker, 'probe', 'probe_until_ms')
    redis.call('ZADD', P .. 'receivers_open', now + next_ms, receiver)
    redis.call('ZREMRANGEBYSCORE', P .. 'receivers_open', '-inf', now - FORGET_MS)
    -- Nobody is called while it is open: the first in line comes by itself.
    local first = redis.call('ZRANGE', line, 0, 0)[1]
    if first then schedule_delivery(first, now + next_ms) end
  end
  redis.call('PEXPIRE', breaker, FORGET_MS)
end

local function note_pace()
  if tonumber(latency_ms) < SLOW_MS then
    redis.call('HDEL', breaker, 'slow')
  else
    redis.call('HSET', breaker, 'slow', 1)
    redis.call('PEXPIRE', breaker, FORGET_MS)
  end
end

local function call_line()
  if redis.call('HEXISTS', breaker, 'open_until_ms') == 1 then return end
  local room = attempts_allowed(receiver, tonumber(limit)) - redis.call('ZCARD', leases)
  local called = math.min(CALLED, room)
  if called < 1 then return end
  local popped = redis.call('ZPOPMIN', line, called)
  for i = 1, #popped, 2 do schedule_delivery(popped[i], now) end
end

local status, attempts, begun, endpoint = unpack(read_delivery(id, 'status', 'attempts', 'begun_ms', 'endpoint_id'))
local is_stale = status and (attempts ~= number or not begun)
-- Of one that was written off, the place is that of who took it over.
if not is_stale then redis.call('ZREM', leases, id) end
if following == 'aborted' then
  if redis.call('HGET', breaker, 'probe') == id then redis.call('HDEL', breaker, 'probe', 'probe_until_ms') end
else
  if following == 'delivered' or following == 'gone' then
    redis.call('DEL', breaker)
    redis.call('ZREM', P .. 'receivers_open', receiver)
  else
    note_failure()
  end
  note_pace()
end

local function record()
  if not status then return 'gone' end
  if is_stale then return 'stale' end
  log_attempt(id, entry)
  redis.call('HDEL', P .. 'delivery:' .. id, 'begun_ms')
  if following == 'gone' and redis.call('EXISTS', P .. 'endpoint:' .. endpoint) == 1 then
    redis.call('HSET', P .. 'endpoint:' .. endpoint, 'status', 'disabled', 'disabled_reason', 'gone')
  end
  if following == 'delivered' then
    settle_delivery(id, 'delivered')
  elseif status ~= 'pending' then
    -- Discarded while the attempt was under way.
    return 'recorded'
  elseif following == 'dead' then
    settle_delivery(id, 'dead')
  elseif following == 'gone' then
    settle_delivery(id, 'discarded')
  else
    if following == 'retry' then redis.call('HINCRBY', P .. 'delivery:' .. id, 'tries', 1) end
    schedule_delivery(id, now + delay_ms)
  end
  return 'recorded'
end

local outcome = record()
call_line()
return { outcome, unpack(scheduled_deliveries) }
