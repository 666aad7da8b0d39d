
-- Included by `claim`: what the slots of a queue's workers are in use and kept for, as far as is known.

-- Most jobs of a window that are looked at for one choice.
local LOOK_LIMIT = 64

-- Who has not been heard of for so long, in milliseconds, may be gone: a heartbeat comes every two seconds.
local FRESH_MS = 3000

-- A conversation that has been idle for less, in milliseconds, is under way.
local LIVELY_MS = 1000

-- Of a worker's slots, so many may be in use where it is to get another job with the same beginning: sessions go where they were as long
-- as there is a slot, beginnings spread before that.
local function most_beside(affinity, slots)
  return is_session(affinity) and slots - 1 or slots / 2 - 1
end

local running
at_begin(function() running = nil end)

-- What runs: by worker, how many jobs, and how many that are no turns of sessions; and which sessions have a turn. Read once.
local function running_at(queue)
  if running then return unpack(running) end
  local jobs, plain, turns = {}, {}, {}
  for _, id in ipairs(redis.call('ZRANGE', P .. 'window:' .. queue, 0, LOOK_LIMIT - 1)) do
    local status, at, affinity = unpack(read(id, 'status', 'worker', 'affinity'))
    if status == 'running' then
      jobs[at] = (jobs[at] or 0) + 1
      if affinity and is_session(affinity) then
        turns[affinity] = true
      else
        plain[at] = (plain[at] or 0) + 1
      end
    end
  end
  running = { jobs, plain, turns }
  return jobs, plain, turns
end

local function slots_at(queue, worker)
  return tonumber(redis.call('HGET', P .. 'fleet:' .. queue, worker) or '0')
end

-- By worker, the slots of the others that have the model and were heard of lately.
local function slots_elsewhere(queue, worker)
  local fleet, slots = redis.call('HGETALL', P .. 'fleet:' .. queue), {}
  for i = 1, #fleet, 2 do
    local seen_ms = fleet[i] ~= worker and redis.call('HGET', P .. 'worker:' .. fleet[i], 'seen_ms')
    if seen_ms and now - seen_ms < FRESH_MS then slots[fleet[i]] = tonumber(fleet[i + 1]) end
  end
  return slots
end

-- Whether another worker has the beginning, and slots free.
local function has_room_elsewhere(queue, worker, affinity)
  local jobs = running_at(queue)
  for other, slots in pairs(slots_elsewhere(queue, worker)) do
    if (jobs[other] or 0) <= most_beside(affinity, slots) and is_warm(queue, other, affinity) then return true end
  end
  return false
end

-- What a worker with a slot free overwrites with a job that has no slot there: for how many milliseconds that has been idle, and the session
-- whose it is. It is kept for nobody, and idle for ever, unless all slots are kept for sessions or in use.
local function overwritten_at(queue, worker, slots, kept_ms)
  local held = sessions_at(queue, worker, kept_ms)
  local kept = #held / 2
  -- All that has been fed fits beside them.
  if kept == 0 or kept + redis.call('ZCARD', P .. 'window:' .. queue) <= slots then return math.huge end
  local _, plain, turns = running_at(queue)
  if kept + (plain[worker] or 0) < slots then return math.huge end
  for i = 1, #held, 2 do
    if not turns[held[i]] then return now - held[i + 1], held[i] end
  end
  return 0
end

-- Whether a job that has its beginning nowhere would take the slot of a session here, while elsewhere a slot is free that is kept for
-- nobody, or for a session that has been idle for twice as long.
local function would_overwrite(queue, worker, kept_ms)
  local here_ms = overwritten_at(queue, worker, slots_at(queue, worker), kept_ms)
  if here_ms == math.huge then return false end
  local jobs = running_at(queue)
  for other, slots in pairs(slots_elsewhere(queue, worker)) do
    local has_room = (jobs[other] or 0) < slots
    if has_room and overwritten_at(queue, other, slots, kept_ms) > 2 * math.max(here_ms, LIVELY_MS) then return true end
  end
  return false
end

-- A worker takes a job: one that has no slot there takes that of a session where it has to, which is not held there any more.
local function take_slot(queue, worker, affinity, kept_ms)
  if affinity and is_session(affinity) and is_warm(queue, worker, affinity) then return end
  local _, session = overwritten_at(queue, worker, slots_at(queue, worker), kept_ms)
  if session then cool(queue, warm_at(queue, worker, 's'), { session }) end
end
