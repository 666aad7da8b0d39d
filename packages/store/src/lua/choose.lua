
-- Included by `claim`: which job a worker takes whose turn it is with one that another worker has the beginning of, or that would take the
-- slot of a session here, and of nobody elsewhere (docs/adr/0011). What is fed, and when, stays as it is; in the window, jobs of one class
-- may change places.

-- For how long a job is left for a worker that has a slot free, in milliseconds. Redis wakes those that wait in turn, and each that is not
-- meant needs 3 to 4: it is enough for a hundred of them, and for a worker that is short of time.
local LEAVE_MS = 500

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
