-- Included by the scripts that know of workers.

local function leave_model(worker, slug)
  redis.call('HDEL', P .. 'fleet:' .. slug, worker)
  cool_down(slug, worker)
  size_window(slug)
end

local function forget_worker(worker)
  local models = redis.call('HGET', P .. 'worker:' .. worker, 'models') or ''
  redis.call('ZREM', P .. 'workers', worker)
  redis.call('DEL', P .. 'worker:' .. worker, P .. 'wish:' .. worker)
  for slug in string.gmatch(models, '%S+') do leave_model(worker, slug) end
end

