-- One bounded pass over everything that falls due: scheduled jobs, deadlines and unanswered stops, silent workers,
-- breakers and jobs that are to go on to another model, finished jobs and test deliveries past their retention, answers past their time,
-- twins without a leader.
-- Answers {due, ended, retired, forgotten, fed…}, where twins that have ended or got a place count as ended.
local retention_ms, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local function due(index, before)
  return redis.call('ZRANGE', P .. index, '-inf', before, 'BYSCORE', 'LIMIT', 0, limit)
end

-- First, since a Redis that is full refuses a script whose first write takes memory, and this gives some back.
local retired = due('finished', now - retention_ms)
for _, id in ipairs(retired) do
  local owner, slug, status, idempotency = unpack(read(id, 'owner', 'model', 'status', 'idem'))
  erase(id, owner, slug, status, idempotency)
end
for _, id in ipairs(due('deliveries:jobless', now - retention_ms)) do erase_delivery(id) end
local forgotten = sweep_answers(limit)

local scheduled = due('scheduled', now)
for _, id in ipairs(scheduled) do
  local owner, slug, run_at = unpack(read(id, 'owner', 'model', 'run_at_ms'))
  redis.call('ZREM', P .. 'scheduled', id)
  move(id, owner, slug, 'scheduled', 'queued')
  notify(id, 'queued')
  arrive(placed(id), run_at)
end

local ended = sweep_twins(limit)
for _, id in ipairs(due('deadlines', now)) do
  local owner, slug, status, stop = unpack(read(id, 'owner', 'model', 'status', 'stop'))
  if status == 'running' and not stop then
    request_stop(id, 'deadline')
  elseif status == 'running' then
    end_stopped(id, owner, slug, stop)
    ended = ended + 1
  else
    end_late(id, owner, slug, status)
    ended = ended + 1
  end
end

for _, worker in ipairs(due('workers', now)) do forget_worker(worker) end
sweep_routes(limit)
return { #scheduled, ended, #retired, forgotten, unpack(feed_room()) }
