-- Included by the scripts that know of deliveries: one event on its way to one receiver.
-- `round` numbers the times that a delivery was scheduled, and its carrier with it: a carrier of an earlier round is stale.

-- Attempts that a delivery's log keeps. A schedule has ten; redelivery adds to the log.
local ATTEMPTS_KEPT = 100

local function deliveries_of_owner(owner, status)
  return P .. 'deliveries:own:' .. owner .. ':' .. status
end

local function deliveries_of_endpoint(endpoint, status)
  return P .. 'deliveries:end:' .. endpoint .. ':' .. status
end

local function read_delivery(id, ...)
  return redis.call('HMGET', P .. 'delivery:' .. id, ...)
end

-- Sorted by id, which is by the event's time.
local function list_delivery(id, owner, endpoint, status)
  redis.call('ZADD', deliveries_of_owner(owner, status), 0, id)
  if endpoint ~= '' then redis.call('ZADD', deliveries_of_endpoint(endpoint, status), 0, id) end
end

local function unlist_delivery(id, owner, endpoint, status)
  redis.call('ZREM', deliveries_of_owner(owner, status), id)
  if endpoint ~= '' then redis.call('ZREM', deliveries_of_endpoint(endpoint, status), id) end
end

local function relist_delivery(id, to)
  local owner, endpoint, status = unpack(read_delivery(id, 'owner', 'endpoint_id', 'status'))
  unlist_delivery(id, owner, endpoint, status)
  list_delivery(id, owner, endpoint, to)
  redis.call('HSET', P .. 'delivery:' .. id, 'status', to)
end

local function settle_delivery(id, to)
  relist_delivery(id, to)
  redis.call('ZREM', P .. 'deliveries:due', id)
  redis.call('ZREM', P .. 'line:' .. read_delivery(id, 'receiver')[1], id)
end

-- Deliveries that a script has scheduled, as id, round, delay, now; whoever called it adds the carriers, which are to wait by this
-- clock and not by that of their process.
local scheduled_deliveries = {}
local function schedule_delivery(id, due_ms)
  redis.call('ZADD', P .. 'deliveries:due', due_ms, id)
  redis.call('HSET', P .. 'delivery:' .. id, 'due_ms', due_ms)
  local round = redis.call('HINCRBY', P .. 'delivery:' .. id, 'round', 1)
  local list = scheduled_deliveries
  list[#list + 1] = id
  list[#list + 1] = round
  list[#list + 1] = due_ms - now
  list[#list + 1] = now
  return round
end

-- Tells the dispatchers of a delivery that was scheduled by somebody else.
local function emit_due(id, owner, round)
  redis.call('XADD', P .. 'outbox', '*', 'type', 'delivery.due', 'job_id', '', 'owner', owner, 'delivery_id', id, 'round', round)
end

local function log_attempt(id, entry)
  redis.call('RPUSH', P .. 'attempts:' .. id, entry)
  redis.call('LTRIM', P .. 'attempts:' .. id, -ATTEMPTS_KEPT, -1)
end

local function erase_delivery(id)
  local owner, endpoint, status, receiver = unpack(read_delivery(id, 'owner', 'endpoint_id', 'status', 'receiver'))
  unlist_delivery(id, owner, endpoint, status)
  redis.call('ZREM', P .. 'deliveries:due', id)
  redis.call('ZREM', P .. 'deliveries:jobless', id)
  redis.call('ZREM', P .. 'line:' .. receiver, id)
  redis.call('DEL', P .. 'delivery:' .. id, P .. 'attempts:' .. id)
end

local function erase_deliveries(job)
  for _, id in ipairs(redis.call('ZRANGE', P .. 'deliveries:job:' .. job, 0, -1)) do erase_delivery(id) end
  redis.call('DEL', P .. 'deliveries:job:' .. job)
end


-- How many attempts at a receiver may be under way. `limit` falls to nothing while a dispatcher has hardly a place left: what is
-- left is for receivers that answer quickly, one each.
local function attempts_allowed(receiver, limit)
  if limit < 1 and redis.call('HEXISTS', P .. 'receiver:' .. receiver, 'slow') == 0 then return 1 end
  return limit
end
