
-- Included by what gives jobs to workers and by what knows of workers: which worker has the beginning of a job in its cache
-- (docs/adr/0011). `warm_at` has, by when they were used last, the affinities of a kind whose beginnings the slots of a worker hold, as far
-- as is known; `warm` has for each affinity how many workers hold it.

-- For how many sessions, and for how many different beginnings, each slot of a worker stands. Jobs of a few groups overwrite each other's
-- beginnings: of as many groups as there are slots, a third is lost at any time.
local KINDS = { s = 1, b = 1 / 2 }

local function kind_of(affinity)
  return string.sub(affinity, 1, 1)
end

local function is_session(affinity)
  return kind_of(affinity) == 's'
end

local function warm_at(queue, worker, kind)
  return P .. 'warm_at:' .. queue .. ':' .. worker .. ':' .. kind
end

local function warm(queue)
  return P .. 'warm:' .. queue
end

local function is_warm(queue, worker, affinity)
  return redis.call('ZSCORE', warm_at(queue, worker, kind_of(affinity)), affinity) and true or false
end

local function is_warm_anywhere(queue, affinity)
  return redis.call('HEXISTS', warm(queue), affinity) == 1
end

-- The sessions that a worker keeps slots for, those that have a turn under way among them: each with when its last turn began, the one that
-- was used longest ago first.
local function sessions_at(queue, worker, kept_ms)
  return redis.call('ZRANGE', warm_at(queue, worker, 's'), '(' .. now - kept_ms, '+inf', 'BYSCORE', 'WITHSCORES')
end

local function cool(queue, held, affinities)
  for _, affinity in ipairs(affinities) do
    redis.call('ZREM', held, affinity)
    if redis.call('HINCRBY', warm(queue), affinity, -1) <= 0 then redis.call('HDEL', warm(queue), affinity) end
  end
end

-- A worker reads a beginning. A session is where its last turn was. Other beginnings stay with the worker that has them, also when another
-- one reads them in between: what two have takes the place of what none has then. What a worker has not used for `kept_ms` is
-- forgotten, and what it used longest ago where it holds too many.
local function warm_up(queue, worker, affinity, kept_ms)
  local slots = tonumber(redis.call('HGET', P .. 'fleet:' .. queue, worker) or '0')
  if slots == 0 then return end
  local kind = kind_of(affinity)
  local held = warm_at(queue, worker, kind)
  if kind == 'b' and is_warm_anywhere(queue, affinity) and not is_warm(queue, worker, affinity) then return end
  if redis.call('ZADD', held, exactly_now, affinity) == 0 then return end
  redis.call('HINCRBY', warm(queue), affinity, 1)
  cool(queue, held, redis.call('ZRANGE', held, '-inf', now - kept_ms, 'BYSCORE'))
  local excess = redis.call('ZCARD', held) - math.ceil(slots * KINDS[kind])
  if excess > 0 then cool(queue, held, redis.call('ZRANGE', held, 0, excess - 1)) end
end

-- A worker has a model no more, and nothing of its cache.
local function cool_down(queue, worker)
  for kind in pairs(KINDS) do
    local held = warm_at(queue, worker, kind)
    cool(queue, held, redis.call('ZRANGE', held, 0, -1))
  end
end
