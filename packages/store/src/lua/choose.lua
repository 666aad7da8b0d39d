
-- Included by `claim`: which job a worker takes whose turn it is with one that another worker has the beginning of. What is fed, and
-- when, stays as it is; in the window, jobs of one class may change places.

-- Most jobs of a window that are looked at for one choice.
local LOOK_LIMIT = 64

-- How often a job is left for a worker that has a slot free. Redis wakes those that wait in turn, so that fewer workers than this need
-- no luck, unless they are short of time.
local LEAVE_LIMIT = 8

-- Who has not been heard of for so long, in milliseconds, may be gone: a heartbeat comes every two seconds.
local FRESH_MS = 3000

-- Of a worker's slots, so many may be in use where it is to get another job with the same beginning: sessions go where they were as long
-- as there is a slot, beginnings spread before that.
local function most_beside(affinity, slots)
  return is_session(affinity) and slots - 1 or slots / 2 - 1
end

-- Whether another worker has the beginning, and slots free.
local function has_room_elsewhere(queue, worker, affinity)
  local running = {}
  for _, id in ipairs(redis.call('ZRANGE', P .. 'window:' .. queue, 0, LOOK_LIMIT - 1)) do
    local status, at = unpack(read(id, 'status', 'worker'))
    if status == 'running' then running[at] = (running[at] or 0) + 1 end
  end
  local fleet = redis.call('HGETALL', P .. 'fleet:' .. queue)
  for i = 1, #fleet, 2 do
    local other, slots = fleet[i], tonumber(fleet[i + 1])
    if other ~= worker and (running[other] or 0) <= most_beside(affinity, slots) and is_warm(queue, other, affinity) then
      local seen_ms = redis.call('HGET', P .. 'worker:' .. other, 'seen_ms')
      if seen_ms and now - seen_ms < FRESH_MS then return true end
    end
  end
  return false
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

-- The job that a worker takes in the place of a waiting one: the same, another, or nil where it leaves it for another worker, and then how
-- often it was passed over or left by now. That is as often as its queue has slots, and no more.
local function choose(job, worker, variants)
  local queue = queue_of(job.slug)
  if not job.affinity or job.class == 'high' or job.keeps_slot then return job.id end
  if is_warm(queue, worker, job.affinity) or not is_warm_anywhere(queue, job.affinity) then return job.id end
  local slots = tonumber(redis.call('GET', P .. 'cap:' .. queue) or '0') / WINDOW_PER_SLOT
  local passed = tonumber(job.passed or '0')
  if passed >= slots then return job.id end
  if redis.call('ZCARD', P .. 'window:' .. queue) > slots then
    local line = line_behind(job, queue, worker, variants, slots)
    if not line then return job.id end
    pass_carriers_on(line)
    for i = 1, #line - 1 do redis.call('HINCRBY', P .. 'job:' .. line[i], 'passed', 1) end
    return line[#line]
  end
  if passed >= LEAVE_LIMIT or not has_room_elsewhere(queue, worker, job.affinity) then return job.id end
  return nil, redis.call('HINCRBY', P .. 'job:' .. job.id, 'passed', 1)
end
