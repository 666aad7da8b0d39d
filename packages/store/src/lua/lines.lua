
-- Included by the scripts that change which jobs wait or run: where they stand. An owner's jobs of one class stand in lines, one for each
-- API key that they came with, in the order in which they may run. `lines` has the keys of an owner's open lines, by when the first
-- job in each could first run. While a key runs as many jobs as it may, its lines are held: they stand in `held` instead.

local CLASSES = { 'high', 'normal', 'low' }

-- The line of jobs that came without a key.
local NO_KEY = '-'

-- Queues whose windows or backlogs a script has changed. They are fed once, when the script is through with everything
-- else: what it is about to end is not fed first.
local has_room
at_begin(function() has_room = {} end)

local function make_room(slug)
  has_room[queue_of(slug)] = true
end

local function of_class(name, queue, class)
  return P .. name .. ':' .. queue .. ':' .. class
end

local function lines_of(queue, class, owner)
  return of_class('lines', queue, class) .. ':' .. owner
end

local function line_of(queue, class, owner, key)
  return of_class('backlog', queue, class) .. ':' .. owner .. ':' .. key
end

-- What places a job in a line, a window, a batch, among those that take each other's place and those that ask for the same, from its
-- record.
local function placed(id)
  local owner, slug, class, cost, key, supersede, batch, segment, line, reuse, chain, carrier =
    unpack(read(id, 'owner', 'model', 'class', 'cost', 'key', 'supersede', 'batch', 'segment', 'line', 'reuse', 'chain', 'carrier'))
  return {
    id = id, owner = owner, slug = slug, queue = queue_of(slug), class = class or 'normal', cost = tonumber(cost or '0'),
    key = key or NO_KEY, supersede = supersede, batch = batch, segment = segment, line = line,
    reuse = reuse, chain = chain, carrier = carrier,
  }
end

-- How many jobs stand in lines, and the tokens they are expected to cost.
local function count_waiting(queue, class, jobs, tokens)
  redis.call('HINCRBY', P .. 'waiting', queue .. ':' .. class, jobs)
  redis.call('HINCRBY', P .. 'waiting_tokens', queue .. ':' .. class, tokens)
end

-- The first of a line has changed, or the line opens. Answers when its first job could first run.
local function open_line(queue, class, owner, key)
  local head = redis.call('ZRANGE', line_of(queue, class, owner, key), 0, 0, 'WITHSCORES')[2]
  if head then
    redis.call('ZADD', lines_of(queue, class, owner), head, key)
  else
    redis.call('ZREM', lines_of(queue, class, owner), key)
  end
  return head
end

local function held_lines(key)
  return P .. 'held:' .. key
end

-- Which keys have held lines.
local function held_keys()
  return P .. 'held_keys'
end

local function named(queue, class, owner)
  return queue .. ' ' .. class .. ' ' .. owner
end

local function is_held(queue, class, owner, key)
  return key ~= NO_KEY and redis.call('SISMEMBER', held_lines(key), named(queue, class, owner)) == 1
end

-- Whether a key runs as many jobs as it may: what has been fed counts, since it may run at any moment.
local function is_at_limit(key)
  if key == NO_KEY then return false end
  local own, common = unpack(redis.call('HMGET', P .. 'running_limits', key, '*'))
  local limit = own or common
  return limit and tonumber(redis.call('HGET', P .. 'running_of_key', key) or '0') >= tonumber(limit)
end
