-- Gives the job of a carrier to a consumer under a new fence, which shuts out every earlier one, with all that earlier attempts have
-- emitted: the new one goes on behind it, with chunk `chunks` + 1. With `kept_ms`, for how long its worker keeps sessions, the carrier
-- may become another job's, whose beginning the worker has, or be left for another worker.
-- A running job of the same run is taken over: BullMQ hands a carrier out again only after its lock is lost.
-- `attempts` counts claims; `lost` those in a row that were taken over and had stored no token, and only they use up the job's
-- chances here.
-- A variant that the worker does not have is set aside for one that does.
-- Answers {'claimed', fence, attempts, slug, request, queue_ms, watched, class, lost, crashes, failures, backend, preempted, keeps its slot,
-- chunks, tokens, text, first_token_ms, owner, reuse, id, affinity, trace}, where first_token_ms is from when the job could first run, '' while
-- nothing has been emitted, and reuse the key of what it asks for, or '',
-- | {'refused', reason, fed…} with reason gone | terminal | stale | expired | exhausted | elsewhere,
-- | {'refused', 'left', for how many milliseconds by now}.
local carrier, worker, lost_limit, variants = own_carrier(ARGV[1], ARGV[2]), unpack(ARGV, 3)
local kept_ms = tonumber(ARGV[6])

local function look(id)
  local owner, slug, status, run, deadline, created, run_at, stop, batch, class, affinity, own, passed, left, keeps_slot, reuse =
    unpack(read(id, 'owner', 'model', 'status', 'run', 'deadline_ms', 'created_ms', 'run_at_ms', 'stop', 'batch', 'class', 'affinity',
      'carrier', 'passed', 'left_at_ms', 'keeps_slot', 'reuse'))
  return {
    id = id, owner = owner, slug = slug, status = status, deadline = deadline, stop = stop, batch = batch, class = class,
    affinity = affinity, passed = passed, left = left, keeps_slot = keeps_slot, reuse = reuse, carrier = own or run and own_carrier(id, run),
    ready = status and ready_at(created, run_at),
  }
end

local job = look(carried_by(carrier, ARGV[1]))
local id, owner, slug, status = job.id, job.owner, job.slug, job.status
if not status then return { 'refused', 'gone' } end
if redis.call('ZSCORE', P .. 'finished', id) then return { 'refused', 'terminal' } end
if job.carrier ~= carrier then return { 'refused', 'stale' } end
-- A job that stands in the backlog again has been handed back since this carrier was made.
if status == 'queued' and not redis.call('ZSCORE', P .. 'window:' .. queue_of(slug), id) then return { 'refused', 'stale' } end
-- The worker that was asked to stop is gone: nobody else needs to start for it.
if status == 'running' and job.stop then
  end_stopped(id, owner, slug, job.stop)
  return { 'refused', 'terminal', unpack(feed_room()) }
end
if job.deadline and tonumber(job.deadline) <= now then
  if status == 'running' then
    end_stopped(id, owner, slug, 'deadline')
  else
    end_late(id, owner, slug, status)
  end
  return { 'refused', 'expired', unpack(feed_room()) }
end
if status == 'queued' and kept_ms then
  local choice, left_ms = choose(job, worker, variants, kept_ms)
  if not choice then return { 'refused', 'left', left_ms } end
  if choice ~= id then
    job = look(choice)
    id, owner, slug = job.id, job.owner, job.slug
  end
end
if status == 'running' then count_lost(id) end
local key = P .. 'job:' .. id
if job.left then redis.call('HDEL', key, 'left_at_ms') end
local lost, crashes, failures, backend, preempted, chunks, emitted, first_token, trace =
  unpack(read(id, 'lost', 'crashes', 'failures', 'backend', 'preempted', 'chunks', 'completion_tokens', 'first_token_ms', 'trace'))
if tonumber(lost or '0') >= tonumber(lost_limit) then
  if not go_on(placed(id), status, 'worker_lost') then
    end_with_stream(id, owner, slug, status, 'failed', 'error', 'worker_lost',
      'The job lost its worker ' .. lost .. ' times in a row without a new token.')
  end
  return { 'refused', 'exhausted', unpack(feed_room()) }
end
if slug ~= queue_of(slug) and not has_variant(variants, slug) then
  park(id, owner, slug, status, job.ready)
  return { 'refused', 'elsewhere', unpack(feed_room()) }
end

if kept_ms then
  take_slot(queue_of(slug), worker, job.affinity, kept_ms)
  if job.affinity then warm_up(queue_of(slug), worker, job.affinity, kept_ms) end
end
if status == 'queued' then move(id, owner, slug, 'queued', 'running') end
local tokens, text = '', ''
if chunks and chunks ~= '0' then
  tokens, text = read_stream(id)
  redis.call('HSET', key, 'worker', worker, 'started_ms', now, 'resumed_from', emitted)
else
  redis.call('HSET', key, 'worker', worker, 'started_ms', now, 'chunks', 0, 'completion_tokens', 0)
end
local fence = redis.call('HINCRBY', key, 'fence', 1)
local count = redis.call('HINCRBY', key, 'attempts', 1)
if not job.batch then emit('job.started', id, owner) end
notify(id, 'running')
local watched = redis.call('EXISTS', P .. 'watch:' .. id)
return { 'claimed', fence, count, slug, redis.call('GET', P .. 'req:' .. id), now - job.ready, watched, job.class or 'normal',
  lost or 0, crashes or 0, failures or 0, backend or 0, preempted or 0, job.keeps_slot or '', tonumber(chunks or '0'), tokens, text,
  first_token and first_token - job.ready or '', owner, job.reuse or '', id,
  job.affinity or '', trace or '' }
