-- Included by the scripts that end jobs: a job may be a line of a batch, or a part of one. Such a job tells nobody of itself, counts for
-- no limit of its key but `max_running`, and is kept until its segment is closed.

local function batch_key(id)
  return P .. 'batch:' .. id
end

-- Something is to be done for a batch. Who has it in hand does it when he is through with what he does; where nobody has, the
-- dispatchers are told.
local function wake_batch(id)
  redis.call('HSET', batch_key(id), 'due', 1)
  if redis.call('HEXISTS', batch_key(id), 'held') == 1 then return end
  redis.call('ZADD', P .. 'batches_due', now, id)
  redis.call('XADD', P .. 'outbox', '*', 'type', 'batch.due', 'job_id', '', 'owner', '', 'batch_id', id)
end

-- The jobs that a segment waits for.
local function open_jobs(batch)
  return P .. 'batch_open:' .. batch
end

-- Of lines that have several jobs, how many of them have not ended.
local function open_parts(batch, segment)
  return P .. 'batch_parts:' .. batch .. ':' .. segment
end

-- Whether the line of a job has ended with it, and how: true, false where one of its jobs has not succeeded, nil where some have not ended.
local function line_outcome(job, to)
  if not job.line then return to == 'succeeded' end
  local parts = open_parts(job.batch, job.segment)
  if to ~= 'succeeded' then redis.call('HSET', parts, job.line .. ':failed', 1) end
  if redis.call('HINCRBY', parts, job.line, -1) > 0 then return nil end
  return redis.call('HEXISTS', parts, job.line .. ':failed') == 0
end

local function end_line(job, to)
  local outcome = line_outcome(job, to)
  if outcome ~= nil then redis.call('HINCRBY', batch_key(job.batch), outcome and 'completed' or 'failed', 1) end
  if redis.call('HINCRBY', open_jobs(job.batch), job.segment, -1) == 0 then wake_batch(job.batch) end
end
