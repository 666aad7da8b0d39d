
-- Included by `accept`: whether a queue can take a job at all.

-- Tokens that a job is expected to make where none has ended yet.
local UNKNOWN_OUTPUT = 256

-- What is told where nothing has ended lately, in seconds, and the most that is told.
local UNKNOWN_WAIT, LONGEST_WAIT = 60, 3600

-- Seconds until so much has ended, at such a rate a second.
local function wait_for(amount, rate)
  return math.min(rate > 0 and math.max(1, math.ceil(amount / rate)) or UNKNOWN_WAIT, LONGEST_WAIT)
end

-- The tokens that a job is expected to cost. Of what generates nothing, the prompt is all.
local function expected_cost(queue, prompt_cost, most_output)
  local output = most_output == '0' and 0 or tonumber(redis.call('HGET', drain_of(queue), 'output') or UNKNOWN_OUTPUT)
  if most_output ~= '' then output = math.min(output, tonumber(most_output)) end
  return prompt_cost + math.ceil(output)
end

local function waiting_of(name, queue)
  local fields = {}
  for i, class in ipairs(CLASSES) do fields[i] = queue .. ':' .. class end
  local counts, sum = redis.call('HMGET', P .. name, unpack(fields)), 0
  for i = 1, #counts do
    counts[i] = tonumber(counts[i] or '0')
    sum = sum + counts[i]
  end
  return sum, counts
end

-- Seconds until a queue may have room for one more job; nil when it has. An older one whose place the job takes makes room if it waits.
local function wait_for_room(queue, cost, max_jobs, max_tokens, older)
  local goes = older and older.status == 'queued' and queue_of(older.slug) == queue and 1 or 0
  local excess = max_jobs ~= '' and waiting_of('waiting', queue) - goes - max_jobs + 1 or 0
  if excess > 0 then return wait_for(excess, (drain_rate(queue))) end
  local waiting = max_tokens ~= '' and waiting_of('waiting_tokens', queue) or 0
  -- One that is larger than the limit is taken when nothing waits.
  if waiting > 0 and waiting + cost > tonumber(max_tokens) then
    local _, rate = drain_rate(queue)
    return wait_for(waiting + cost - max_tokens, rate)
  end
end

-- How many jobs of a class go before one that its owner adds now: his own, and as many of each other owner, by his weight.
local function before_in_class(queue, owner, class)
  local own = 0
  for _, key in ipairs(redis.call('ZRANGE', lines_of(queue, class, owner), 0, -1)) do
    own = own + redis.call('ZCARD', line_of(queue, class, owner, key))
  end
  local others = redis.call('ZCARD', of_class('turns', queue, class)) - (own > 0 and 1 or 0)
  return own + math.max(own, 1) * others / weight_of(owner)
end

-- Milliseconds until a job that came to wait now is expected to have started, and until it is expected to have ended; nil where
-- nothing has ended of late, or nothing waits. Jobs of a class are taken to cost the same.
local function expected_times(queue, owner, class, cost)
  local _, rate = drain_rate(queue)
  local all, tokens = waiting_of('waiting_tokens', queue)
  if rate == 0 or all == 0 then return nil end
  local _, jobs = waiting_of('waiting', queue)
  local ahead = 0
  for i, other in ipairs(CLASSES) do
    if other == class then
      ahead = ahead + math.min(tokens[i], before_in_class(queue, owner, class) * tokens[i] / math.max(1, jobs[i]))
      break
    end
    ahead = ahead + tokens[i]
  end
  local starts = ahead / rate * 1000
  return starts, starts + cost * (redis.call('HGET', drain_of(queue), 'token_ms') or 0)
end
