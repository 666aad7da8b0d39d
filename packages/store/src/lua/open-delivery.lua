-- Opens the delivery of an event to a target, once: the id says which. It tells of a job or of a batch; else it is a test, which the
-- dispatchers are told of. Answers {'open', id, round, delay_ms, now} | {'settled'} | {'gone'}; `gone`: job or endpoint do not want it any more.
local id, event_id, event, occurred_ms, owner, job, batch, endpoint, url, payload, receiver = unpack(ARGV)
if job ~= '' and redis.call('EXISTS', P .. 'job:' .. job) == 0 then return { 'gone' } end
local endpoint_key = P .. 'endpoint:' .. endpoint
if endpoint ~= '' and redis.call('HGET', endpoint_key, 'status') ~= 'enabled' then return { 'gone' } end

local status, round, due = unpack(read_delivery(id, 'status', 'round', 'due_ms'))
if status == 'pending' then return { 'open', id, round, math.max(0, due - now), now } end
if status then return { 'settled' } end
redis.call('HSET', P .. 'delivery:' .. id, 'v', 1, 'owner', owner, 'event_id', event_id, 'event', event,
  'occurred_ms', occurred_ms, 'job_id', job, 'batch_id', batch, 'endpoint_id', endpoint, 'url', url, 'payload', payload, 'receiver', receiver,
  'status', 'pending', 'tries', 0, 'attempts', 0, 'created_ms', now)
list_delivery(id, owner, endpoint, 'pending')
schedule_delivery(id, now)
if job ~= '' then
  redis.call('ZADD', P .. 'deliveries:job:' .. job, 0, id)
else
  redis.call('ZADD', P .. 'deliveries:jobless', now, id)
end
if job == '' and batch == '' then
  -- Somebody waits for it: it does not wait for a circuit breaker.
  redis.call('HSET', P .. 'delivery:' .. id, 'forced', 1)
  emit_due(id, owner, 1)
end
return { 'open', id, 1, 0, now }
