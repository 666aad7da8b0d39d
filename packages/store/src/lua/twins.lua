
-- Included by the scripts that take jobs in or end them. Of jobs under way that ask for the same, with one API key and in one class, one
-- is computed: their leader, which stands in line for all. The others, its twins, are queued and stand in no line, but in `twins`, by
-- when they could first run. Other keys and classes have leaders of their own: so no job gains or loses a place by its twins.

-- After how long it is looked whether twins still have a leader, in milliseconds: they always should.
local LOOK_AFTER_MS = 30000

local function group_of(job)
  return job.reuse .. ':' .. job.class .. ':' .. job.key
end

local function leader_key(group)
  return P .. 'leader:' .. group
end

local function twins_of(group)
  return P .. 'twins:' .. group
end

-- Whether a job is computed for a group, and whether it is to come to its end: it may have been asked to stop.
local function leader_of(group)
  local id = redis.call('GET', leader_key(group))
  if not id then return false, false end
  local status, stop = unpack(read(id, 'status', 'stop'))
  local is_there = status == 'queued' or status == 'running'
  return is_there, is_there and not stop
end

local function may_follow(group)
  local _, is_to_end = leader_of(group)
  return is_to_end
end

-- When twins are looked at next; never where there are none.
local function look_after(group, at)
  if redis.call('EXISTS', twins_of(group)) == 0 then
    redis.call('ZREM', P .. 'twin_groups', group)
  else
    redis.call('ZADD', P .. 'twin_groups', at, group)
  end
end

-- Puts a job that may run into its line, unless another computes what it asks for: then it waits for that.
local function wait_in_turn(job, ready_ms)
  local group = job.reuse and group_of(job)
  if group and may_follow(group) then
    redis.call('ZADD', twins_of(group), ready_ms, job.id)
    redis.call('ZADD', P .. 'twin_groups', 'NX', now + LOOK_AFTER_MS, group)
    count_reuse(job.slug, 'coalesced', 1)
    return
  end
  if group then
    redis.call('SET', leader_key(group), job.id)
    count_reuse(job.slug, 'misses', 1)
  end
  enqueue(job, ready_ms)
  make_room(job.queue)
end

-- A group has no leader: the first of its twins is the next, at the place that it would have had by itself.
local function hand_on(group)
  local id, ready_ms = unpack(redis.call('ZPOPMIN', twins_of(group)))
  if id then
    redis.call('SET', leader_key(group), id)
    local job = placed(id)
    enqueue(job, ready_ms)
    make_room(job.queue)
  end
  look_after(group, now + LOOK_AFTER_MS)
end

-- A job has ended. Where it led and has no answer, its group gets another leader.
local function leave_twins(job, to)
  if not job.reuse then return end
  local group = group_of(job)
  if redis.call('GET', leader_key(group)) == job.id then
    redis.call('DEL', leader_key(group))
    if to ~= 'succeeded' then hand_on(group) end
  elseif redis.call('ZREM', twins_of(group), job.id) == 1 and redis.call('EXISTS', twins_of(group)) == 0 then
    redis.call('ZREM', P .. 'twin_groups', group)
  end
end
