-- Takes jobs of a segment of a batch in, of class low: each is committed when it returns. Jobs that are there already are left as they
-- are. Lines may have several jobs. As in `accept`, a job may end at once with an answer, or wait for a twin.
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
local function add(job, request, metadata, prompt_cost, parts, route, affinity, answer, at)
  if not redis.call('SET', P .. 'req:' .. job.id, request, 'NX') then return end
  answer = answer or job.reuse and find_answer(job.reuse)
  write_job(job.id, job.owner, job.slug, job.class, answer and 'succeeded' or 'queued', answer and '' or deadline_ms, metadata, {
    'prompt_cost', prompt_cost, 'key', key, 'cost', job.cost, 'batch', id, 'segment', segment,
    'line', job.line or '', 'reuse', job.reuse or '', 'deadline_ms', answer and deadline_ms or '', 'chain', answer and '' or route.chain,
    'affinity', affinity,
  })
  keep_route(job.id, job.queue, now, route, answer)
  if job.line then redis.call('HSETNX', open_parts(id, segment), job.line, parts) end
  if answer then end_at_once(job, answer) else wait_in_turn(job, exactly_now + at / 1000) end
end

local ARGS_OF_LINE = 15
for i = 8, #ARGV, ARGS_OF_LINE do
  local job_id, slug, request, metadata, prompt_cost, most_output, line, parts, reuse, result, prompt_tokens, way, chain, timeout,
    affinity = unpack(ARGV, i, i + ARGS_OF_LINE - 1)
  local queue = queue_of(slug)
  local seconds = wait_for_space(queue)
  if seconds then return { 'full', seconds, unpack(feed_room()) } end
  local job = {
    id = job_id, owner = batch.owner, slug = slug, queue = queue, class = 'low', cost = expected_cost(queue, prompt_cost, most_output),
    key = key == '' and NO_KEY or key, batch = id, segment = segment, line = line ~= '' and line or nil,
    reuse = reuse ~= '' and reuse or nil,
  }
  local route = { text = way, chain = chain, timeout = timeout }
  add(job, request, metadata, prompt_cost, parts, route, affinity, given_answer(result, prompt_tokens), (i - 8) / ARGS_OF_LINE)
end
return { 'accepted', unpack(feed_room()) }
