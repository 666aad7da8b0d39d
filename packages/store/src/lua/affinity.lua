
-- Included by what gives jobs to workers and by what knows of workers: which worker has the beginning of a job in its cache
-- (docs/adr/0011). `warm_at` has the affinities whose beginnings the slots of a worker hold, as far as is known, no more of them than it
-- has slots; what was used longest ago goes first, and sessions after everything else while they are kept. `warm` has for each affinity
-- how many workers hold it.

local function warm_at(queue, worker)
  return P .. 'warm_at:' .. queue .. ':' .. worker
end

local function warm(queue)
  return P .. 'warm:' .. queue
end

local function is_session(affinity)
  return string.sub(affinity, 1, 1) == 's'
end

local function cool(queue, affinity)
  if redis.call('HINCRBY', warm(queue), affinity, -1) <= 0 then redis.call('HDEL', warm(queue), affinity) end
end

local function slots_at(queue, worker)
  return tonumber(redis.call('HGET', P .. 'fleet:' .. queue, worker) or '0')
end

-- A worker reads a beginning. `kept_ms`: how long it keeps a session's.
local function warm_up(queue, worker, affinity, kept_ms)
  local slots = slots_at(queue, worker)
  if slots == 0 then return end
  local held = warm_at(queue, worker)
  if redis.call('ZADD', held, exactly_now + (is_session(affinity) and kept_ms or 0), affinity) == 0 then return end
  redis.call('HINCRBY', warm(queue), affinity, 1)
  local excess = redis.call('ZCARD', held) - slots
  if excess <= 0 then return end
  local gone = redis.call('ZPOPMIN', held, excess)
  for i = 1, #gone, 2 do cool(queue, gone[i]) end
end

-- A worker has a model no more, and nothing of its cache.
local function cool_down(queue, worker)
  local held = warm_at(queue, worker)
  for _, affinity in ipairs(redis.call('ZRANGE', held, 0, -1)) do cool(queue, affinity) end
  redis.call('DEL', held)
end

local function is_warm(queue, worker, affinity)
  return redis.call('ZSCORE', warm_at(queue, worker), affinity) and true or false
end
