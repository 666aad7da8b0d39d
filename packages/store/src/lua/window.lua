
-- Included by the scripts that move jobs into the windows that BullMQ works through, and out of them.

-- The window of a queue holds twice its live slots: enough that a free slot never waits for a feed.
local WINDOW_PER_SLOT = 2

-- Most jobs one script call feeds, over all queues; the next call goes on. Four values a job: the answer stays far
-- below the 8,000 values that Lua can unpack.
local FEED_LIMIT = 500

local fed
at_begin(function() fed = {} end)

-- How many of class `high` stand in a window: they may be as many as the slots, however full it is of others.
local function urgent_in(queue)
  return redis.call('SCARD', P .. 'urgent:' .. queue)
end

local function enter_window(queue, id, class, key)
  redis.call('ZADD', P .. 'window:' .. queue, exactly_now + #fed / 4000, id)
  if class == 'high' then redis.call('SADD', P .. 'urgent:' .. queue, id) end
  if key ~= NO_KEY then redis.call('HINCRBY', P .. 'running_of_key', key, 1) end
  fed[#fed + 1] = id
  fed[#fed + 1] = redis.call('HINCRBY', P .. 'job:' .. id, 'run', 1)
  fed[#fed + 1] = queue
  fed[#fed + 1] = class
end

-- Takes a job out of the window, if it is in there.
local function leave_window(job)
  make_room(job.queue)
  if redis.call('ZREM', P .. 'window:' .. job.queue, job.id) == 0 then return end
  drop_carrier(job)
  if job.class == 'high' then redis.call('SREM', P .. 'urgent:' .. job.queue, job.id) end
  if job.key == NO_KEY then return end
  redis.call('HINCRBY', P .. 'running_of_key', job.key, -1)
  release_lines(job.key)
end

-- Moves the next waiting jobs into the window of a queue until it is full. What was moved is left in `fed` as id, run, queue,
-- class; the caller returns it, and whoever called the script adds the carriers.
local function feed(queue)
  local cap = tonumber(redis.call('GET', P .. 'cap:' .. queue) or '0')
  if cap == 0 then return end
  local room = cap - redis.call('ZCARD', P .. 'window:' .. queue)
  while #fed < FEED_LIMIT * 4 do
    if room <= 0 and not (first_turn(queue, 'high') and urgent_in(queue) < cap / WINDOW_PER_SLOT) then return end
    local id, class, key = take_next(queue, room <= 0 and 'high' or nil)
    if not id then return end
    enter_window(queue, id, class, key)
    room = room - 1
  end
end

local function feed_room()
  for queue in pairs(has_room) do feed(queue) end
  return fed
end
