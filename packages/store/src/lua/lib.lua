-- Shared by every script; prepended to each. KEYS[1] is the deployment's key prefix, which carries the hash tag, so all
-- keys built from it live in one slot. Time is Redis's own: one clock for the whole fleet.
local P = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- To the microsecond, for orders: no two scripts start in the same one, so what came first stands first.
local exactly_now = time[1] * 1000 + time[2] / 1000

-- Who follows a running job reads at every chunk, so this long without a reading nobody does.
local WATCH_MS = 20000

local function read(id, ...)
  return redis.call('HMGET', P .. 'job:' .. id, ...)
end

-- 64 channels by the id's last two characters, which are random; packages/store/src/keys.ts computes the same.
local function notify(id, what)
  local bucket = (string.byte(id, -1) * 31 + string.byte(id, -2)) % 64
  redis.call('PUBLISH', P .. 'notify:' .. bucket, id .. ',' .. what)
end

local function emit(event, id, owner)
  redis.call('XADD', P .. 'outbox', '*', 'type', event, 'job_id', id, 'owner', owner)
end

-- The jobs of an owner by model and status, sorted by id, which is by time. One entry a job: lists merge what they need.
local function index_of(owner, slug, status)
  return P .. 'own:' .. owner .. ':' .. slug .. ':' .. status
end

local WAITING = { scheduled = 1, queued = 1 }

-- Jobs that wait or are scheduled, by the API key that they were submitted with.
local function count_of_key(key, change)
  if key and key ~= '' and change ~= 0 then redis.call('HINCRBY', P .. 'waiting_of_key', key, change) end
end

local function move(id, owner, slug, from, to)
  count_of_key(read(id, 'key')[1], (WAITING[to] or 0) - (WAITING[from] or 0))
  redis.call('ZREM', index_of(owner, slug, from), id)
  redis.call('ZADD', index_of(owner, slug, to), 0, id)
  redis.call('HSET', P .. 'job:' .. id, 'status', to)
end

-- The queue that jobs of a model wait in: variants of a model share their base's; packages/core/src/model.ts says the same.
local function queue_of(slug)
  return string.match(slug, '^[^~]*')
end

