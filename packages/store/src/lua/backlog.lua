
-- Included by the scripts that change which jobs wait: which of them is next. The owners of a class share a queue by the tokens that
-- their jobs cost, divided by the owners' weights: start-time fair queueing (docs/adr/0007). `turns` has, for each owner with an open
-- line, the virtual time at which his next job starts; the lowest is next, and what it costs moves his turn on. `heads` has when the
-- first of his jobs could first run. `spent` keeps the turns of owners who do not wait while they are ahead, so that nobody gains by
-- coming back. Virtual time of a class is the turn that was last served.

-- The higher class goes first; one that has waited as long as this, in milliseconds, gets one of so many feeds all the same. Settings
-- may say otherwise.
local AGED_MS = { normal = 60000, low = 300000 }
local AGED_EVERY = 8

-- Owners ahead who do not wait and whose time has come are forgotten a few at a time.
local FORGET_LIMIT = 8

local weights
at_begin(function() weights = {} end)

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

-- An owner has an open line with such a head. Who comes to wait starts where the queue is, behind what has come back to it.
local function join(queue, class, owner, ready_ms, is_back)
  redis.call('ZADD', of_class('heads', queue, class), 'LT', ready_ms, owner)
  local turns = of_class('turns', queue, class)
  if redis.call('ZSCORE', turns, owner) then return end
  local spent = of_class('spent', queue, class)
  local had = redis.call('ZSCORE', spent, owner)
  if had then redis.call('ZREM', spent, owner) end
  local start = virtual_time(queue, class) + (is_back and 0 or 1)
  redis.call('ZADD', turns, math.max(tonumber(had or '0'), start), owner)
end

-- Puts a job into its line.
local function enqueue(job, ready_ms, is_back)
  local queue, class, owner, key = job.queue, job.class, job.owner, job.key
  count_waiting(queue, class, 1, job.cost)
  redis.call('ZADD', line_of(queue, class, owner, key), ready_ms, job.id)
  if is_held(queue, class, owner, key) then return end
  redis.call('ZADD', lines_of(queue, class, owner), 'LT', ready_ms, key)
  join(queue, class, owner, ready_ms, is_back)
end

-- A job that was fed comes back: it is charged when it is fed again, and its owner has the turn that it took.
local function refund(job)
  local charged = read(job.id, 'charged')[1]
  if not charged then return end
  redis.call('HDEL', P .. 'job:' .. job.id, 'charged')
  charge(job.queue, job.class, job.owner, -charged)
end

-- The open lines of an owner have changed.
local function line_up(queue, class, owner, turn)
  local head = redis.call('ZRANGE', lines_of(queue, class, owner), 0, 0, 'WITHSCORES')[2]
  local turns, heads = of_class('turns', queue, class), of_class('heads', queue, class)
  if head then
    redis.call('ZADD', heads, head, owner)
    redis.call('ZADD', turns, turn, owner)
  else
    redis.call('ZREM', heads, owner)
    redis.call('ZREM', turns, owner)
    remember_spent(queue, class, owner, turn)
  end
end

local function dequeue(job)
  redis.call('ZREM', P .. 'parked:' .. job.slug, job.id)
  local queue, class, owner, key = job.queue, job.class, job.owner, job.key
  local line = line_of(queue, class, owner, key)
  if redis.call('ZREM', line, job.id) == 0 then return end
  count_waiting(queue, class, -1, -job.cost)
  if is_held(queue, class, owner, key) then
    if redis.call('EXISTS', line) == 0 then
      redis.call('SREM', held_lines(key), named(queue, class, owner))
      if redis.call('EXISTS', held_lines(key)) == 0 then redis.call('SREM', held_keys(), key) end
    end
    return
  end
  open_line(queue, class, owner, key)
  line_up(queue, class, owner, tonumber(redis.call('ZSCORE', of_class('turns', queue, class), owner)))
end

local function hold_line(queue, turn, key)
  redis.call('ZREM', lines_of(queue, turn.class, turn.owner), key)
  redis.call('SADD', held_lines(key), named(queue, turn.class, turn.owner))
  redis.call('SADD', held_keys(), key)
  line_up(queue, turn.class, turn.owner, turn.at)
end

-- A key runs fewer jobs, or may run more: its lines open, until a feed finds it at its limit again.
local function release_lines(key)
  local held = redis.call('SMEMBERS', held_lines(key))
  if #held == 0 then return end
  redis.call('DEL', held_lines(key))
  redis.call('SREM', held_keys(), key)
  for _, line in ipairs(held) do
    local queue, class, owner = string.match(line, '^(%S+) (%S+) (%S+)$')
    join(queue, class, owner, open_line(queue, class, owner, key))
    make_room(queue)
  end
end

-- For how long jobs of a class may have waited before it gets feeds in spite of higher ones.
local function aged_ms(class)
  return tonumber(redis.call('HGET', P .. 'ageing', class) or AGED_MS[class])
end

local function first_turn(queue, class)
  local first = redis.call('ZRANGE', of_class('turns', queue, class), 0, 0, 'WITHSCORES')
  return first[1] and { class = class, owner = first[1], at = tonumber(first[2]) }
end

-- Whose turn it is: the highest class that waits, but for what has aged below it.
local function next_turn(queue)
  local best
  for _, class in ipairs(CLASSES) do
    local turn = first_turn(queue, class)
    if turn and not best then
      best = turn
    elseif turn and now - redis.call('ZRANGE', of_class('heads', queue, class), 0, 0, 'WITHSCORES')[2] >= aged_ms(class) then
      local passed = redis.call('HINCRBY', P .. 'virtual:' .. queue, 'passed:' .. class, 1)
      if passed >= AGED_EVERY then
        redis.call('HDEL', P .. 'virtual:' .. queue, 'passed:' .. class)
        turn.is_aged = true
        return turn
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

-- Takes the first job out of a line and charges it to its owner, unless it was when it was fed before.
local function take(queue, turn, key)
  local class, owner = turn.class, turn.owner
  local id = redis.call('ZPOPMIN', line_of(queue, class, owner, key))[1]
  open_line(queue, class, owner, key)
  local cost, charged = unpack(read(id, 'cost', 'charged'))
  count_waiting(queue, class, -1, -(cost or 0))
  -- What has its turn by its age keeps its slot, whatever comes.
  if turn.is_aged then redis.call('HSET', P .. 'job:' .. id, 'keeps_slot', 1) end
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

-- Takes the next job out of its line, of a class if one is given. Answers its id and class, or nil where none may run.
local function take_next(queue, only)
  while true do
    local turn
    if only then turn = first_turn(queue, only) else turn = next_turn(queue) end
    if not turn then return nil end
    local key = redis.call('ZRANGE', lines_of(queue, turn.class, turn.owner), 0, 0)[1]
    if not is_at_limit(key) then return take(queue, turn, key), turn.class, key end
    hold_line(queue, turn, key)
  end
end
