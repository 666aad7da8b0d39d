
-- Twins that end with the job that they have waited for: a few milliseconds of Redis's time.
local TWINS_AT_ONCE = 100

-- Ends an attempt under its fence: a terminal outcome writes result, state, indexes and the outbox event together, and the
-- text that the attempt had held back, if any, as the last chunk;
-- outcome `queued` hands the job back to the front of its queue, or ends it when it was asked to stop, and raises one of
-- the record's counts if it is to count: lost | crashes | failures.
-- Of a job that asked for what others ask for too, the answer is kept where the model that has computed it is the one it was asked
-- of (`ran`), and ends the job's twins.
-- Answers {'finished', fed…} | {'refused', reason} with reason gone | fenced.
-- `verdict` says what it tells of the model: works | fault, or nothing; `wait_ms` how long its server has asked to be left alone. A job
-- that has failed goes on to another model, where it has one.
local id, fence, outcome, result, code, message, completion_tokens, counts_as, tail, prompt_tokens, ran, verdict, wait_ms, anew = unpack(ARGV)
local owner, slug, status, current, created, run_at, stop, chunks, reuse =
  unpack(read(id, 'owner', 'model', 'status', 'fence', 'created_ms', 'run_at_ms', 'stop', 'chunks', 'reuse'))
if not status then return { 'refused', 'gone' } end
if status ~= 'running' or current ~= fence then return { 'refused', 'fenced' } end
if prompt_tokens ~= '' then redis.call('HSET', P .. 'job:' .. id, 'prompt_tokens', prompt_tokens) end
if completion_tokens ~= '' then redis.call('HSET', P .. 'job:' .. id, 'completion_tokens', completion_tokens) end
if tail ~= '' then add_chunk(id, chunks + 1, '', tail, 0) end
if counts_as == 'lost' then
  count_lost(id)
elseif counts_as ~= '' then
  redis.call('HINCRBY', P .. 'job:' .. id, counts_as, 1)
end
if verdict ~= '' then note_outcome(queue_of(slug), verdict == 'fault', tonumber(wait_ms), code) end
if outcome == 'queued' and stop then
  end_stopped(id, owner, slug, stop)
elseif outcome == 'queued' then
  if anew ~= '' then forget_text(id) end
  requeue(id, owner, slug, ready_at(created, run_at))
elseif outcome == 'expired' then
  finalize(id, owner, slug, 'running', outcome, result, 'deadline_exceeded', LATE_RUNNING)
elseif outcome == 'failed' then
  if stop or not go_on(placed(id), 'running', code) then
    end_with_stream(id, owner, slug, 'running', outcome, 'error', code, message)
  end
else
  finalize(id, owner, slug, 'running', outcome, result, code, message)
  if outcome == 'succeeded' and reuse then
    local answer = { prompt = prompt_tokens ~= '' and prompt_tokens or '0', completion = completion_tokens, result = result }
    if ran ~= '' and ran == string.match(reuse, '^[^.]+') then keep_answer(reuse, slug, answer) end
    answer_twins(group_of(placed(id)), answer, TWINS_AT_ONCE)
  end
end
return { 'finished', unpack(feed_room()) }
