-- Begins an attempt, unless the receiver has enough of them under way or its breaker is open: then the delivery stands in the
-- receiver's line, from which the end of another attempt calls it. For the case that none ends it has a time as well; the first
-- in line has a carrier for it, the others get theirs when they are found to be late.
-- An attempt that was begun and never recorded has lost its dispatcher: it goes into the log and does not count.
-- One that is not due yet was brought by a clock that is wrong; it waits on.
-- Answers {'claimed', number, record, {status, secret, previous_secret, previous_until_ms} of the endpoint, the job's hook}
-- | {'put_off'}, with id, round, delay_ms, now of one that needs a carrier | {'refused', reason} with reason gone | stale.
local id, round, limit, lease_ms = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

-- How late those come who wait for others to end, at the least.
local LINE_WAIT_MS = 15000
-- Between those who stand in a line: when nobody is called they come one after the other, and what one begins calls the rest. So a
-- long line of a receiver that hangs keeps nobody busy.
local LINE_SPREAD_MS = 1000

-- Clocks that are kept right differ by less.
local EARLY_MS = 1000

local key = P .. 'delivery:' .. id
local status, current, job, endpoint, receiver, occurred, due, begun, attempts, forced = unpack(read_delivery(id,
  'status', 'round', 'job_id', 'endpoint_id', 'receiver', 'occurred_ms', 'due_ms', 'begun_ms', 'attempts', 'forced'))
if not status then return { 'refused', 'gone' } end
if status ~= 'pending' or current ~= round then return { 'refused', 'stale' } end
if not begun and tonumber(due) - now > EARLY_MS then
  schedule_delivery(id, due)
  return { 'put_off', unpack(scheduled_deliveries) }
end
if begun then
  log_attempt(id, cjson.encode({ number = tonumber(attempts), at_ms = tonumber(begun), status = cjson.null, latency_ms = cjson.null,
    error = { code = 'interrupted', message = 'The dispatcher ended during the attempt. It does not count.' }, response_head = '' }))
  redis.call('HDEL', key, 'begun_ms')
end
if endpoint ~= '' and redis.call('HGET', P .. 'endpoint:' .. endpoint, 'status') ~= 'enabled' then
  settle_delivery(id, 'discarded')
  return { 'refused', 'stale' }
end

local line, leases, breaker = P .. 'line:' .. receiver, P .. 'leases:' .. receiver, P .. 'receiver:' .. receiver
local function put_off(until_ms)
  -- The oldest event stands first, also when it was called and found its place taken.
  redis.call('ZADD', line, occurred, id)
  local ahead = redis.call('ZRANK', line, id)
  schedule_delivery(id, until_ms + ahead * LINE_SPREAD_MS)
  if ahead > 0 then return { 'put_off' } end
  return { 'put_off', unpack(scheduled_deliveries) }
end

redis.call('ZREMRANGEBYSCORE', leases, '-inf', now)
local is_taken_over = redis.call('ZSCORE', leases, id)
if not is_taken_over and redis.call('ZCARD', leases) >= attempts_allowed(receiver, limit) then return put_off(now + LINE_WAIT_MS) end
local open_until, probe, probe_until = unpack(redis.call('HMGET', breaker, 'open_until_ms', 'probe', 'probe_until_ms'))
if open_until and not forced then
  if tonumber(open_until) > now then return put_off(tonumber(open_until)) end
  if probe and probe ~= id and tonumber(probe_until) > now then return put_off(tonumber(probe_until)) end
  redis.call('HSET', breaker, 'probe', id, 'probe_until_ms', now + lease_ms)
end

local number = redis.call('HINCRBY', key, 'attempts', 1)
redis.call('HSET', key, 'begun_ms', now)
redis.call('HDEL', key, 'forced')
redis.call('ZREM', line, id)
redis.call('ZADD', leases, now + lease_ms, id)
redis.call('PEXPIRE', leases, lease_ms)
-- Until the lease is over nobody needs to look for its carrier.
redis.call('ZADD', P .. 'deliveries:due', now + lease_ms, id)
return { 'claimed', number, redis.call('HGETALL', key),
  redis.call('HMGET', P .. 'endpoint:' .. endpoint, 'status', 'secret', 'previous_secret', 'previous_until_ms'),
  redis.call('GET', P .. 'hook:' .. job) }
