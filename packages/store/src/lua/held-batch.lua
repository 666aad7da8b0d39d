-- Included by the scripts that a dispatcher moves a batch on with: only who holds it may.

-- What a batch is for who holds it under a fence; nil for who has lost it.
local function held_batch(id, fence)
  local current, owner, status, stop, following = unpack(redis.call('HMGET', batch_key(id), 'fence', 'owner', 'status', 'stop', 'next'))
  if current ~= fence then return nil end
  return { id = id, owner = owner, status = status, stop = stop, next = tonumber(following or '0') }
end

-- A segment is opened in its turn, or closed without.
local function is_closed(batch, segment)
  return batch.next > tonumber(segment) and redis.call('HEXISTS', open_jobs(batch.id), segment) == 0
end
