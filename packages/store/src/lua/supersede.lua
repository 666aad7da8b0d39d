
-- Included by `accept`: a job may take the place of an older one of its owner that has the same supersede key.

-- The job that has the place now: what it is, or nil where none has. Who has it has not ended.
local function older_of(owner, name)
  local id = redis.call('GET', place_named(owner, name))
  if not id then return nil end
  local slug, status, stop, key = unpack(read(id, 'model', 'status', 'stop', 'key'))
  return { id = id, slug = slug, status = status, stop = stop, key = key, waits = WAITING[status] }
end

-- Gives the place to a new job. Who had it and waits has ended; who runs is asked to stop.
local function take_place(id, owner, name, older)
  if older then
    redis.call('HSET', P .. 'job:' .. older.id, 'superseded_by', id)
    if older.waits then
      end_with_stream(older.id, owner, older.slug, older.status, 'cancelled', 'cancelled', '', '')
    elseif not older.stop then
      request_stop(older.id, 'cancelled')
    end
  end
  redis.call('SET', place_named(owner, name), id)
end
