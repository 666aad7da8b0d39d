
-- Included by what takes jobs in and what ends them: jobs that have other models behind theirs, and a `chain` in their record for it
-- (routes.lua).

local function chain_up(id, queue, from_ms, timeout)
  redis.call('ZADD', P .. 'chained:' .. queue, from_ms, id)
  if timeout and timeout ~= '' then redis.call('ZADD', P .. 'overstays', from_ms + timeout, id) end
end

-- Keeps the way of a new job, where there is one to keep. `chain`: it has other models behind its own, unless it has ended.
local function keep_route(id, queue, from_ms, route, has_ended)
  if route.text ~= '' then redis.call('SET', P .. 'route:' .. id, route.text) end
  if route.chain ~= '' and not has_ended then chain_up(id, queue, from_ms, route.timeout) end
end

local function unchain(job)
  if not job.chain then return end
  redis.call('ZREM', P .. 'chained:' .. job.queue, job.id)
  redis.call('ZREM', P .. 'overstays', job.id)
end
