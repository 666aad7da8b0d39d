
-- Included before the window: which job a carrier is for. A job that was fed has a carrier of its own, named after it and its run, until
-- it changes carriers with others that wait. `carried` has whose a carrier is that is not its own job's, and the record which one it has.

local function own_carrier(id, run)
  return id .. '-' .. run
end

-- The job that a carrier is for, whether or not it still waits for it.
local function carried_by(carrier, id)
  return redis.call('HGET', P .. 'carried', carrier) or id
end

local function give_carrier(id, run, carrier)
  if carrier == own_carrier(id, run) then
    redis.call('HDEL', P .. 'carried', carrier)
    redis.call('HDEL', P .. 'job:' .. id, 'carrier')
  else
    redis.call('HSET', P .. 'carried', carrier, id)
    redis.call('HSET', P .. 'job:' .. id, 'carrier', carrier)
  end
end

-- Jobs that were fed and wait pass their carriers on: the last gets the first one's, and so runs in its place, and each of the others
-- the next one's.
local function pass_carriers_on(line)
  local runs, carriers = {}, {}
  for i, id in ipairs(line) do
    local run, carrier = unpack(read(id, 'run', 'carrier'))
    runs[i], carriers[i] = run, carrier or own_carrier(id, run)
  end
  for i, id in ipairs(line) do give_carrier(id, runs[i], carriers[i % #line + 1]) end
end

-- A job leaves the window: what it was fed with is nobody's any more.
local function drop_carrier(job)
  if not job.carrier then return end
  redis.call('HDEL', P .. 'carried', job.carrier)
  redis.call('HDEL', P .. 'job:' .. job.id, 'carrier')
end
