-- Included by the scripts that change which jobs wait: which of them is next. An owner's jobs of one class stand in one line, in the
-- order in which they may run. The owners of a class share a queue by the tokens that their jobs cost, divided by the owners'
-- weights: start-time fair queueing (docs/adr/0007). `turns` has, for each owner who waits, the virtual time at which his next job
-- starts; the lowest is next, and what it costs moves his turn on. `spent` keeps the turns of owners who do not wait while they
-- are ahead, so that nobody gains by coming back. Virtual time of a class is the turn that was last served.

local CLASSES = { 'high', 'normal', 'low' }

-- The higher class goes first; one that has waited as long as this, in milliseconds, gets one of so many feeds all the same.
local AGED_MS = { normal = 60000, low = 300000 }
local AGED_EVERY = 8

-- Most jobs one script call feeds, over all models; the next call goes on. Three values a job: the answer stays far
-- below the 8,000 values that Lua can unpack.
local FEED_LIMIT = 500

-- Over how long the rate at which a queue drains is averaged, in milliseconds.
local DRAIN_MS = 60000

-- Owners ahead who do not wait and whose time has come are forgotten a few at a time.
local FORGET_LIMIT = 8

local fed = {}

local function of_class(name, queue, class)
  return P .. name .. ':' .. queue .. ':' .. class
end

local function line_of(queue, class, owner)
  return of_class('backlog', queue, class) .. ':' .. owner
end

-- What places a job in a line, from its record.
local function waiter(id)
  local owner, slug, class, cost = unpack(read(id, 'owner', 'model', 'class', 'cost'))
  return { id = id, owner = owner, queue = queue_of(slug), class = class or 'normal', cost = tonumber(cost or '0') }
end

-- How many jobs stand in lines, and the tokens they are expected to cost.
local function count_waiting(queue, class, jobs, tokens)
  redis.call('HINCRBY', P .. 'waiting', queue .. ':' .. class, jobs)
  redis.call('HINCRBY', P .. 'waiting_tokens', queue .. ':' .. class, tokens)
end

local function waiting_in(queue)
  local sum = 0
  for _, class in ipairs(CLASSES) do
    sum = sum + (redis.call('HGET', P .. 'waiting', queue .. ':' .. class) or 0)
  end
  return sum
end

-- What a queue's workers have ended of late, in jobs and in tokens a second: each end adds its share of a second, and what was
-- fades. Divided by how much of it can be known since the first end.
local function drain_rate(queue)
  local jobs, tokens, at, since = unpack(redis.call('HMGET', P .. 'drain:' .. queue, 'jobs', 'tokens', 'at', 'since'))
  if not jobs then return 0, 0 end
  local fade = math.exp((tonumber(at) - now) / DRAIN_MS)
  local known = 1 - math.exp((tonumber(since) - now) / DRAIN_MS)
  if known <= 0 then return 0, 0 end
  return tonumber(jobs) * fade / known, tonumber(tokens) * fade / known
end

local function count_drained(queue, tokens)
  local key = P .. 'drain:' .. queue
  local jobs, sum, at = unpack(redis.call('HMGET', key, 'jobs', 'tokens', 'at'))
  local fade = at and math.exp((tonumber(at) - now) / DRAIN_MS) or 0
  if fade < 0.01 then redis.call('HSET', key, 'since', now - 1000) end
  redis.call('HSET', key, 'at', now, 'jobs', (jobs or 0) * fade + 1000 / DRAIN_MS,
    'tokens', (sum or 0) * fade + tokens * 1000 / DRAIN_MS)
end

local weights = {}
local function weight_of(owner)
  if not weights[owner] then weights[owner] = tonumber(redis.call('HGET', P .. 'weights', owner) or '1') end
  return weights[owner]
end

local function virtual_time(queue, class)
  return tonumber(redis.call('HGET', P .. 'virtual:' .. queue, class) or '0')
end

-- An owner who does not wait has had so much; it is remembered while it is more than what others had.
local function remember_spent(queue, class, owner, turn)
  local spent = of_class('spent', queue, class)
  if turn > virtual_time(queue, class) then
    redis.call('ZADD', spent, turn, owner)
  else
    redis.call('ZREM', spent, owner)
  end
end

-- A job of an owner has cost more or less than was expected of it.
local function charge(queue, class, owner, tokens)
  if tokens == 0 then return end
  local turns = of_class('turns', queue, class)
  if redis.call('ZSCORE', turns, owner) then
    redis.call('ZINCRBY', turns, tokens / weight_of(owner), owner)
  else
    local had = tonumber(redis.call('ZSCORE', of_class('spent', queue, class), owner) or '0')
    remember_spent(queue, class, owner, math.max(had, virtual_time(queue, class)) + tokens / weight_of(owner))
  end
end

-- Puts a job into its owner's line. Who comes to wait starts where the queue is, behind what has come back to it.
local function enqueue(job, ready_ms, is_back)
  local queue, class, owner = job.queue, job.class, job.owner
  count_waiting(queue, class, 1, job.cost)
  redis.call('ZADD', line_of(queue, class, owner), ready_ms, job.id)
  redis.call('ZADD', of_class('heads', queue, class), 'LT', ready_ms, owner)
  local turns = of_class('turns', queue, class)
  if redis.call('ZSCORE', turns, owner) then return end
  local spent = of_class('spent', queue, class)
  local had = redis.call('ZSCORE', spent, owner)
  if had then redis.call('ZREM', spent, owner) end
  local start = virtual_time(queue, class) + (is_back and 0 or 1)
  redis.call('ZADD', turns, math.max(tonumber(had or '0'), start), owner)
end

-- A job that was fed comes back: it is charged when it is fed again, and its owner has the turn that it took.
local function refund(job)
  local charged = read(job.id, 'charged')[1]
  if not charged then return end
  redis.call('HDEL', P .. 'job:' .. job.id, 'charged')
  charge(job.queue, job.class, job.owner, -charged)
end

-- The head of an owner's line has changed.
local function line_up(queue, class, owner, turn)
  local head = redis.call('ZRANGE', line_of(queue, class, owner), 0, 0, 'WITHSCORES')
  local turns, heads = of_class('turns', queue, class), of_class('heads', queue, class)
  if head[2] then
    redis.call('ZADD', heads, head[2], owner)
    redis.call('ZADD', turns, turn, owner)
  else
    redis.call('ZREM', heads, owner)
    redis.call('ZREM', turns, owner)
    remember_spent(queue, class, owner, turn)
  end
end

local function dequeue(id, slug)
  redis.call('ZREM', P .. 'parked:' .. slug, id)
  local job = waiter(id)
  if redis.call('ZREM', line_of(job.queue, job.class, job.owner), id) == 0 then return end
  count_waiting(job.queue, job.class, -1, -job.cost)
  line_up(job.queue, job.class, job.owner, tonumber(redis.call('ZSCORE', of_class('turns', job.queue, job.class), job.owner)))
end

-- Whose turn it is: the highest class that waits, but for what has aged below it.
local function next_turn(queue)
  local best
  for _, class in ipairs(CLASSES) do
    local first = redis.call('ZRANGE', of_class('turns', queue, class), 0, 0, 'WITHSCORES')
    if first[1] then
      local turn = { class = class, owner = first[1], at = tonumber(first[2]) }
      if not best then
        best = turn
      elseif now - redis.call('ZRANGE', of_class('heads', queue, class), 0, 0, 'WITHSCORES')[2] >= AGED_MS[class] then
        local passed = redis.call('HINCRBY', P .. 'virtual:' .. queue, 'passed:' .. class, 1)
        if passed >= AGED_EVERY then
          redis.call('HDEL', P .. 'virtual:' .. queue, 'passed:' .. class)
          return turn
        end
      end
    end
  end
  return best
end

local function forget_spent(queue, class, virtual)
  local spent = of_class('spent', queue, class)
  local past = redis.call('ZRANGE', spent, '-inf', virtual, 'BYSCORE', 'LIMIT', 0, FORGET_LIMIT)
  if #past > 0 then redis.call('ZREM', spent, unpack(past)) end
end

-- Takes the next job out of its line and charges it to its owner, unless it was when it was fed before. Returns its id.
local function take_next(queue)
  local turn = next_turn(queue)
  if not turn then return nil end
  local class, owner = turn.class, turn.owner
  local id = redis.call('ZPOPMIN', line_of(queue, class, owner))[1]
  local cost, charged = unpack(read(id, 'cost', 'charged'))
  count_waiting(queue, class, -1, -(cost or 0))
  if turn.at > virtual_time(queue, class) then
    redis.call('HSET', P .. 'virtual:' .. queue, class, turn.at)
    forget_spent(queue, class, turn.at)
  end
  if charged then
    line_up(queue, class, owner, turn.at)
  else
    redis.call('HSET', P .. 'job:' .. id, 'charged', cost or 0)
    line_up(queue, class, owner, turn.at + (cost or 0) / weight_of(owner))
  end
  return id
end

-- Moves the next waiting jobs into the window of a queue until it holds `cap` jobs. What was moved is left in `fed` as
-- id, run, slug; the caller returns it, and whoever called the script adds the carriers.
local function feed(queue)
  local cap = tonumber(redis.call('GET', P .. 'cap:' .. queue) or '0')
  if cap == 0 then return end
  for _ = 1, math.min(FEED_LIMIT - #fed / 3, cap - redis.call('ZCARD', P .. 'window:' .. queue)) do
    local id = take_next(queue)
    if not id then return end
    redis.call('ZADD', P .. 'window:' .. queue, exactly_now + #fed / 3000, id)
    fed[#fed + 1] = id
    fed[#fed + 1] = redis.call('HINCRBY', P .. 'job:' .. id, 'run', 1)
    fed[#fed + 1] = queue
  end
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

