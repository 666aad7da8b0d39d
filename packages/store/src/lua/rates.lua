
-- Included by the scripts that need to know how fast the workers of a queue are.

-- Over how long a rate is averaged, in milliseconds; drain-rate.ts has the same.
local DRAIN_MS = 60000

-- By how much what has ended changes what is expected of the next job.
local SHARE_OF_LAST = 1 / 16

local function drain_of(queue)
  return P .. 'drain:' .. queue
end

-- What a queue's workers have ended of late, in jobs and in tokens a second: each end adds its share of a second, and what was
-- fades. Divided by how much of it can be known since the first end. Nothing where nothing has ended for that long.
local function drain_rate(queue)
  local jobs, tokens, at, since = unpack(redis.call('HMGET', drain_of(queue), 'jobs', 'tokens', 'at', 'since'))
  if not jobs or now - at > DRAIN_MS then return 0, 0 end
  local fade = math.exp((tonumber(at) - now) / DRAIN_MS)
  local known = 1 - math.exp((tonumber(since) - now) / DRAIN_MS)
  if known <= 0 then return 0, 0 end
  return tonumber(jobs) * fade / known, tonumber(tokens) * fade / known
end

local function count_drained(queue, tokens)
  local key = drain_of(queue)
  local jobs, sum, at = unpack(redis.call('HMGET', key, 'jobs', 'tokens', 'at'))
  local fade = at and math.exp((tonumber(at) - now) / DRAIN_MS) or 0
  if fade < 0.01 then redis.call('HSET', key, 'since', now - 1000) end
  redis.call('HSET', key, 'at', now, 'jobs', (jobs or 0) * fade + 1000 / DRAIN_MS,
    'tokens', (sum or 0) * fade + tokens * 1000 / DRAIN_MS)
end

-- A job has made so many tokens, and has taken so long from its start for each of all its tokens.
local function learn(queue, output, token_ms)
  local was_output, was_ms = unpack(redis.call('HMGET', drain_of(queue), 'output', 'token_ms'))
  if output then
    local expected = was_output or output
    redis.call('HSET', drain_of(queue), 'output', expected + (output - expected) * SHARE_OF_LAST)
  end
  local expected = was_ms or token_ms
  redis.call('HSET', drain_of(queue), 'token_ms', expected + (token_ms - expected) * SHARE_OF_LAST)
end
