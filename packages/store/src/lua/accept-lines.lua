-- Takes jobs of a segment of a batch in, of class low: each is committed when it returns. Jobs that are there already are left as they
-- are. Lines may have several jobs.
-- Answers {'accepted', fed…} | {'full', seconds until there may be room, fed…} | {'stopped'} | {'lost'}
local id, fence, segment, key, deadline_ms, max_waiting, max_waiting_tokens = unpack(ARGV, 1, 7)
local batch = held_batch(id, fence)
if not batch then return { 'lost' } end
if batch.stop then return { 'stopped' } end

local has_space = {}
local function wait_for_space(queue)
  if has_space[queue] then return nil end
  has_space[queue] = true
  return wait_for_room(queue, 0, max_waiting, max_waiting_tokens)
end

-- Lines of one call stand behind each other, a microsecond apart: the call itself takes longer.
local function add(job, slug, request, metadata, prompt_cost, parts, affinity, at)
  if not redis.call('SET', P .. 'req:' .. job.id, request, 'NX') then return end
  write_job(job.id, job.owner, slug, 'queued', deadline_ms, metadata, {
    'prompt_cost', prompt_cost, 'key', key, 'cost', job.cost, 'class', job.class, 'batch', id, 'segment', segment, 'line', job.line,
    'affinity', affinity,
  })
  if job.line ~= '' then redis.call('HSETNX', open_parts(id, segment), job.line, parts) end
  enqueue(job, exactly_now + at / 1000)
  make_room(job.queue)
end

for i = 8, #ARGV, 9 do
  local job_id, slug, request, metadata, prompt_cost, most_output, line, parts, affinity = unpack(ARGV, i, i + 8)
  local queue = queue_of(slug)
  local seconds = wait_for_space(queue)
  if seconds then return { 'full', seconds, unpack(feed_room()) } end
  local cost = expected_cost(queue, prompt_cost, most_output)
  local job = { id = job_id, owner = batch.owner, queue = queue, class = 'low', cost = cost, key = key == '' and NO_KEY or key, line = line }
  add(job, slug, request, metadata, prompt_cost, parts, affinity, (i - 8) / 9)
end
return { 'accepted', unpack(feed_room()) }
