-- Gives a job to a consumer under a new fence, which shuts out every earlier one.
-- A running job of the same run is taken over: BullMQ hands a carrier out again only after its lock is lost.
-- `attempts` counts claims; `lost` those that were taken over, and only they use up the job's chances here.
-- A variant that the worker does not have is set aside for one that does.
-- Answers {'claimed', fence, attempts, slug, request, queue_ms, watched, lost, crashes, failures}
-- | {'refused', reason, fed…} with reason gone | terminal | stale | expired | exhausted | elsewhere.
local id, run, worker, lost_limit, variants = unpack(ARGV)
local key = P .. 'job:' .. id
local owner, slug, status, current, deadline, created, run_at, stop =
  unpack(read(id, 'owner', 'model', 'status', 'run', 'deadline_ms', 'created_ms', 'run_at_ms', 'stop'))
if not status then return { 'refused', 'gone' } end
if redis.call('ZSCORE', P .. 'finished', id) then return { 'refused', 'terminal' } end
if current ~= run then return { 'refused', 'stale' } end
-- A job that stands in the backlog again has been handed back since this carrier was made.
if status == 'queued' and not redis.call('ZSCORE', P .. 'window:' .. queue_of(slug), id) then return { 'refused', 'stale' } end
-- The worker that was asked to stop is gone: nobody else needs to start for it.
if status == 'running' and stop then
  end_stopped(id, owner, slug, stop)
  return { 'refused', 'terminal', unpack(feed_room()) }
end
if deadline and tonumber(deadline) <= now then
  if status == 'running' then
    end_stopped(id, owner, slug, 'deadline')
  else
    finalize(id, owner, slug, status, 'expired', '', 'deadline_exceeded', LATE_WAITING)
  end
  return { 'refused', 'expired', unpack(feed_room()) }
end
if status == 'running' then redis.call('HINCRBY', key, 'lost', 1) end
local lost, crashes, failures = unpack(read(id, 'lost', 'crashes', 'failures'))
if tonumber(lost or '0') >= tonumber(lost_limit) then
  finalize(id, owner, slug, status, 'failed', '', 'worker_lost', 'The job lost its worker ' .. lost .. ' times while it ran.')
  return { 'refused', 'exhausted', unpack(feed_room()) }
end
if slug ~= queue_of(slug) and not string.find(' ' .. variants .. ' ', ' ' .. slug .. ' ', 1, true) then
  park(id, owner, slug, status, math.max(tonumber(created), tonumber(run_at or '0')))
  return { 'refused', 'elsewhere', unpack(feed_room()) }
end

if status == 'queued' then move(id, owner, slug, 'queued', 'running') end
-- An attempt starts from the first token: what an earlier one had emitted goes.
redis.call('DEL', P .. 'chunks:' .. id)
redis.call('HSET', key, 'worker', worker, 'started_ms', now, 'chunks', 0, 'completion_tokens', 0)
local fence = redis.call('HINCRBY', key, 'fence', 1)
local count = redis.call('HINCRBY', key, 'attempts', 1)
emit('job.started', id, owner)
notify(id, 'running')
local waited = now - math.max(tonumber(created), tonumber(run_at or '0'))
local watched = redis.call('EXISTS', P .. 'watch:' .. id)
return { 'claimed', fence, count, slug, redis.call('GET', P .. 'req:' .. id), waited, watched, lost or 0, crashes or 0, failures or 0 }
