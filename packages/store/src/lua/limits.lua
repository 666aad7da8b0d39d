-- Included by the scripts that hold API keys to their limits. A limit a minute is a bucket that holds a minute's worth and fills
-- evenly: with what is in it, that much may come at once.
local MINUTE_MS = 60000

local function rate_of(key)
  return P .. 'rate:' .. key
end

-- What is in a bucket now.
local function level_of(key, name, capacity)
  local level, at = unpack(redis.call('HMGET', rate_of(key), name, name .. '_at'))
  if not level then return capacity end
  return math.min(capacity, level + (now - at) * capacity / MINUTE_MS)
end

-- Seconds until a bucket holds so much.
local function seconds_until(level, wanted, capacity)
  return math.max(1, math.ceil((wanted - level) * 60 / capacity))
end

-- A full bucket is as good as none: its key goes when it is full again.
local function pour(key, name, level, capacity)
  redis.call('HSET', rate_of(key), name, level, name .. '_at', now)
  local full_ms = math.ceil((capacity - level) * MINUTE_MS / capacity)
  if full_ms > redis.call('PTTL', rate_of(key)) then redis.call('PEXPIRE', rate_of(key), math.max(1, full_ms)) end
end

-- Takes a job of a key in, or says which limit is in the way and for how many seconds. What is left comes back, '' where there is
-- no limit.
local function admit(key, cost, per_minute)
  local amounts = { requests = 1, tokens = cost }
  local left = { requests = '', tokens = '' }
  local limit, seconds
  for name, amount in pairs(amounts) do
    local capacity = tonumber(per_minute[name])
    if capacity then
      left[name] = level_of(key, name, capacity)
      -- What is larger than a minute's worth is taken when the bucket is full, and leaves a debt.
      local wanted = math.min(amount, capacity)
      -- What costs nothing is never in debt's way.
      if left[name] < wanted and amount > 0 then limit, seconds = name, seconds_until(left[name], wanted, capacity) end
    end
  end
  if limit then return left, limit, seconds end
  for name, amount in pairs(amounts) do
    if left[name] ~= '' then
      left[name] = left[name] - amount
      pour(key, name, left[name], tonumber(per_minute[name]))
    end
  end
  return left
end

-- A job has cost so many tokens fewer than were taken for it. Where the bucket is gone, it was full.
local function give_back(key, tokens)
  if tokens ~= 0 and redis.call('HEXISTS', rate_of(key), 'tokens') == 1 then
    redis.call('HINCRBYFLOAT', rate_of(key), 'tokens', tokens)
  end
end
