-- Shared by every script; stands before each. What is of one call is set by `begin`, since a function's pieces are read once.

-- The deployment's key prefix, which carries the hash tag, so all keys built from it live in one slot.
local P
-- Milliseconds by Redis's own time: one clock for the whole fleet.
local now
-- To the microsecond, for orders: no two scripts start in the same one, so what came first stands first.
local exactly_now

local resets = {}
-- A piece has state that is of one call: this makes it as new.
local function at_begin(reset)
  resets[#resets + 1] = reset
end

local function begin(keys)
  local time = redis.call('TIME')
  P = keys[1]
  now = time[1] * 1000 + math.floor(time[2] / 1000)
  exactly_now = time[1] * 1000 + time[2] / 1000
  for i = 1, #resets do resets[i]() end
end

local function read(id, ...)
  return redis.call('HMGET', P .. 'job:' .. id, ...)
end

-- 64 channels by the id's last two characters, which are random; packages/store/src/keys.ts computes the same.
local function notify(id, what)
  local bucket = (string.byte(id, -1) * 31 + string.byte(id, -2)) % 64
  redis.call('PUBLISH', P .. 'notify:' .. bucket, id .. ',' .. what)
end

-- When a job could first run, from `created_ms` and `run_at_ms` of its record.
local function ready_at(created, run_at)
  return math.max(tonumber(created), tonumber(run_at or '0'))
end

local function emit(event, id, owner)
  redis.call('XADD', P .. 'outbox', '*', 'type', event, 'job_id', id, 'owner', owner)
end

-- The jobs of an owner by model and status, sorted by id, which is by time. One entry a job: lists merge what they need.
local function index_of(owner, slug, status)
  return P .. 'own:' .. owner .. ':' .. slug .. ':' .. status
end

local STATUSES = { 'scheduled', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired' }

-- An owner may have no jobs for a model any more.
local function unlist_model(owner, slug)
  local left = {}
  for i, status in ipairs(STATUSES) do left[i] = index_of(owner, slug, status) end
  if redis.call('EXISTS', unpack(left)) == 0 then redis.call('SREM', P .. 'own:' .. owner, slug) end
end

local WAITING = { scheduled = 1, queued = 1 }

-- Jobs that wait or are scheduled, by the API key that they were submitted with.
local function count_of_key(key, change)
  if key and key ~= '' and change ~= 0 then redis.call('HINCRBY', P .. 'waiting_of_key', key, change) end
end

local function waiting_of_key(key)
  return tonumber(redis.call('HGET', P .. 'waiting_of_key', key) or '0')
end

-- How many jobs of a model and class there are in a state; of those that have ended, how many ever did. For the metrics.
local function count_state(slug, class, status, change)
  redis.call('HINCRBY', P .. 'states', slug .. ':' .. (class or 'normal') .. ':' .. status, change)
end

local function move(id, owner, slug, from, to)
  local key, batch, class = unpack(read(id, 'key', 'batch', 'class'))
  if not batch then count_of_key(key, (WAITING[to] or 0) - (WAITING[from] or 0)) end
  count_state(slug, class, from, -1)
  count_state(slug, class, to, 1)
  redis.call('ZREM', index_of(owner, slug, from), id)
  redis.call('ZADD', index_of(owner, slug, to), 0, id)
  redis.call('HSET', P .. 'job:' .. id, 'status', to)
end

-- The queue that jobs of a model wait in: variants of a model share their base's; packages/core/src/model.ts says the same.
local function queue_of(slug)
  return string.match(slug, '^[^~]*')
end

