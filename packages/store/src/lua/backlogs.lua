-- Answers, per model, for how many milliseconds the oldest job has waited that wants a worker (nil where none does), and
-- whether a live worker besides the one that asks has the model or is loading it.
local asking = ARGV[1]
local function is_live(worker)
  local until_ms = redis.call('ZSCORE', P .. 'workers', worker)
  return until_ms and tonumber(until_ms) > now
end

-- A running job whose worker is gone waits too: for a consumer of its model, which takes it over. The window is in the
-- order of feeding, so its first waiting job is about its oldest.
local function waiting_in_window(slug)
  for _, id in ipairs(redis.call('ZRANGE', P .. 'window:' .. slug, 0, -1)) do
    local status, created, run_at, worker = unpack(read(id, 'status', 'created_ms', 'run_at_ms', 'worker'))
    if status == 'queued' or not is_live(worker) then return ready_at(created, run_at) end
  end
end

local function is_elsewhere(slug)
  for _, worker in ipairs(redis.call('HKEYS', P .. 'fleet:' .. slug)) do
    if worker ~= asking and is_live(worker) then return 1 end
  end
  return 0
end

local answer = {}
for i = 2, #ARGV do
  local slug = ARGV[i]
  local since = waiting_in_window(slug) or math.huge
  for _, class in ipairs(CLASSES) do
    local head = redis.call('ZRANGE', of_class('heads', slug, class), 0, 0, 'WITHSCORES')[2]
    since = math.min(since, head and tonumber(head) or math.huge)
  end
  answer[#answer + 1] = since ~= math.huge and math.max(0, math.floor(now - since))
  answer[#answer + 1] = is_elsewhere(slug)
end
return answer
