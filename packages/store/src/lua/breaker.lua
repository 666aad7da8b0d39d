
-- Included by the scripts that end jobs or know of workers: a queue whose model fails has a breaker, which keeps jobs from it. `breaker:…`
-- has its `state`, and nothing where all is well:
--   closed  failures are counted, since `since`
--   open    the window is shut until `until_ms`; what waits goes on waiting, or goes to another model (routes.lua)
--   half    one job at a time may try; the first that succeeds closes it, one that fails opens it for twice as long

local function breaker_of(queue)
  return P .. 'breaker:' .. queue
end

local function breaker_state(queue)
  return redis.call('HGET', breaker_of(queue), 'state') or 'closed'
end

-- How many jobs may be in the window of a queue: by what its live workers have, and by its breaker.
local function size_window(queue)
  local slots = 0
  for _, count in ipairs(redis.call('HVALS', P .. 'fleet:' .. queue)) do slots = slots + tonumber(count) end
  local cap, state = slots * WINDOW_PER_SLOT, breaker_state(queue)
  if state == 'open' then cap = 0 elseif state == 'half' then cap = math.min(cap, 1) end
  redis.call('SET', P .. 'cap:' .. queue, cap)
end

-- Every process that routes jobs reads these states.
local function set_breaker(queue, state, ...)
  local key = breaker_of(queue)
  if state == 'closed' then
    redis.call('DEL', key)
    redis.call('HDEL', P .. 'breakers', queue)
  else
    redis.call('HSET', key, 'state', state, ...)
    redis.call('PERSIST', key)
    redis.call('HSET', P .. 'breakers', queue, state)
  end
  if state ~= 'open' then redis.call('ZREM', P .. 'breakers_due', queue) end
  size_window(queue)
  make_room(queue)
end
