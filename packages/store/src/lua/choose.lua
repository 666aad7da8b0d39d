
-- Included by `claim`: which job a worker takes whose turn it is with one that another worker has the beginning of, or that would take the
-- slot of a session here, and of nobody elsewhere. What is fed, and when, stays as it is; in the window, jobs of one class may change
-- places.

-- Most jobs of a window that are looked at for one choice.
local LOOK_LIMIT = 64

-- For how long a job is left for a worker that has a slot free, in milliseconds. Redis wakes those that wait in turn, and each that is not
-- meant needs 3 to 4: it is enough for a hundred of them, and for a worker that is short of time.
local LEAVE_MS = 500

-- A conversation that has been idle for less, in milliseconds, is under way.
local LIVELY_MS = 1000

-- Who has not been heard of for so long, in milliseconds, may be gone: a heartbeat comes every two seconds.
local FRESH_MS = 3000

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

-- By worker, the slots of those that have the model and were heard of lately.
local function slots_of_fleet(queue)
  local fleet, slots = redis.call('HGETALL', P .. 'fleet:' .. queue), {}
  for i = 1, #fleet, 2 do
    local seen_ms = redis.call('HGET', P .. 'worker:' .. fleet[i], 'seen_ms')
    if seen_ms and now - seen_ms < FRESH_MS then slots[fleet[i]] = tonumber(fleet[i + 1]) end
  end
  return slots
end

-- Whether another worker has the beginning, and slots free.
local function has_room_elsewhere(queue, worker, affinity)
  local jobs = running_at(queue)
  for other, slots in pairs(slots_of_fleet(queue)) do
    if other ~= worker and (jobs[other] or 0) <= most_beside(affinity, slots) and is_warm(queue, other, affinity) then return true end
  end
  return false
end

-- Of the sessions that a worker keeps slots for, the one that has been idle for longest, and since when; nil: all have a turn under way.
local function idlest(queue, worker, kept_ms, turns)
  local held = redis.call('ZRANGE', warm_at(queue, worker, 's'), '(' .. now - kept_ms, '+inf', 'BYSCORE', 'WITHSCORES')
  for i = 1, #held, 2 do
    if not turns[held[i]] then return held[i], tonumber(held[i + 1]) end
  end
end

-- Whether a worker has slots that are kept for sessions, and may have none besides: not if all that has been fed fits there.
local function may_lack_slots(queue, worker, kept_ms)
  local kept = sessions_at(queue, worker, kept_ms)
  if kept == 0 then return false end
  return kept + redis.call('ZCARD', P .. 'window:' .. queue) > tonumber(redis.call('HGET', P .. 'fleet:' .. queue, worker) or '0')
end

-- Whether a job that has its beginning nowhere would take the slot of a session here, while elsewhere a slot is free that is kept for
-- nobody, or for a session that has been idle for twice as long.
local function would_overwrite(queue, worker, kept_ms)
  if not may_lack_slots(queue, worker, kept_ms) then return false end
  local jobs, plain, turns = running_at(queue)
  local fleet = slots_of_fleet(queue)
  local function overwritten_idle_ms(at)
    if (jobs[at] or 0) >= fleet[at] then return 0 end
    if sessions_at(queue, at, kept_ms) + (plain[at] or 0) < fleet[at] then return math.huge end
    local _, since_ms = idlest(queue, at, kept_ms, turns)
    return since_ms and now - since_ms or 0
  end
  local here_ms = fleet[worker] and overwritten_idle_ms(worker) or 0
  if here_ms == math.huge then return false end
  for other in pairs(fleet) do
    if overwritten_idle_ms(other) > 2 * math.max(here_ms, LIVELY_MS) then return true end
  end
  return false
end

-- A worker takes a job that has no slot there. Where all are kept or in use, it is that of the session which has been idle for longest.
local function take_slot(queue, worker, affinity, kept_ms)
  if affinity and is_session(affinity) and is_warm(queue, worker, affinity) then return end
  if not may_lack_slots(queue, worker, kept_ms) then return end
  local _, plain, turns = running_at(queue)
  if sessions_at(queue, worker, kept_ms) + (plain[worker] or 0) < tonumber(redis.call('HGET', P .. 'fleet:' .. queue, worker) or '0') then return end
  local session = idlest(queue, worker, kept_ms, turns)
  if session then cool(queue, warm_at(queue, worker, 's'), { session }) end
end

-- Slugs of the variants that a worker has, with spaces between.
local function has_variant(variants, slug)
  return string.find(' ' .. variants .. ' ', ' ' .. slug .. ' ', 1, true)
end

-- Who changes carriers so that a worker runs something better in the place of a job: that job, those that are passed over with it, and
-- last the one that is run, which is the first behind it that the worker has the beginning of, else the first that no worker has that of.
-- Nil where there is none. None passes over a job of another class, or one that has been passed over as often as it may.
local function line_behind(job, queue, worker, variants, most_passed)
  local fed = redis.call('ZSCORE', P .. 'window:' .. queue, job.id)
  local line, neutral = { job.id }, nil
  for _, id in ipairs(redis.call('ZRANGE', P .. 'window:' .. queue, '(' .. fed, '+inf', 'BYSCORE', 'LIMIT', 0, LOOK_LIMIT)) do
    local status, class, slug, deadline, affinity, passed, keeps_slot =
      unpack(read(id, 'status', 'class', 'model', 'deadline_ms', 'affinity', 'passed', 'keeps_slot'))
    if status == 'queued' and class ~= 'high' then
      if class ~= job.class then break end
      line[#line + 1] = id
      if (slug == queue or has_variant(variants, slug)) and not (deadline and tonumber(deadline) <= now) then
        if affinity and is_warm(queue, worker, affinity) then return line end
        if not affinity or not is_warm_anywhere(queue, affinity) then neutral = neutral or #line end
      end
      if keeps_slot or tonumber(passed or '0') >= most_passed then break end
    end
  end
  return neutral and { unpack(line, 1, neutral) }
end

-- The job that a worker takes in the place of a waiting one: the same, another, or nil where it leaves it for another worker, and then for
-- how many milliseconds it has been left by now. It is passed over as often as its queue has slots, and no more.
local function choose(job, worker, variants, kept_ms)
  local queue = queue_of(job.slug)
  if job.class == 'high' or job.keeps_slot then return job.id end
  local is_elsewhere = job.affinity and is_warm_anywhere(queue, job.affinity)
  if is_elsewhere and is_warm(queue, worker, job.affinity) then return job.id end
  local slots = tonumber(redis.call('GET', P .. 'cap:' .. queue) or '0') / WINDOW_PER_SLOT
  if redis.call('ZCARD', P .. 'window:' .. queue) > slots then
    if not is_elsewhere or tonumber(job.passed or '0') >= slots then return job.id end
    local line = line_behind(job, queue, worker, variants, slots)
    if not line then return job.id end
    pass_carriers_on(line)
    for i = 1, #line - 1 do redis.call('HINCRBY', P .. 'job:' .. line[i], 'passed', 1) end
    return line[#line]
  end
  local left_ms = now - tonumber(job.left or now)
  if left_ms >= LEAVE_MS then return job.id end
  if is_elsewhere then
    if not has_room_elsewhere(queue, worker, job.affinity) then return job.id end
  elseif not would_overwrite(queue, worker, kept_ms) then
    return job.id
  end
  redis.call('HSETNX', P .. 'job:' .. job.id, 'left_at_ms', now)
  return nil, left_ms
end
