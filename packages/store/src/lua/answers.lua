
-- Included by the scripts that keep answers and give them again. An answer stands under the key of what it answers (reuse-key.ts), as
-- `milliseconds prompt_tokens completion_tokens slug`, a line break, and the result; of one text to embed it is the vector. `answers`
-- has them by when they were last used: where there is no room for one more, those go that were not used for longest.

local ANSWERS = {
  -- Where the settings say nothing; packages/core/src/reuse.ts has the same.
  ttl_ms = 3600000,
  max_bytes = 67108864,
  -- What Redis takes for an answer besides its text: both its keys and its entry in `answers`; and what its allocator rounds a text up by,
  -- on average (measured, docs/adr/0010).
  overhead_bytes = 330,
  rounded_up_by = 9 / 8,
  -- Most answers that go for one; where that makes no room, it is not kept.
  evict_limit = 64,
  -- No slug and no numbers are longer.
  head_bytes = 160,
}

local function answer_key(reuse)
  return P .. 'answer:' .. reuse
end

local function bytes_of(length)
  return math.ceil(length * ANSWERS.rounded_up_by) + ANSWERS.overhead_bytes
end

local function count_reuse(slug, what, amount)
  redis.call('HINCRBY', P .. 'reuse:' .. slug, what, amount)
end

-- How long answers are kept, in milliseconds, and how many bytes they may take together.
local function answer_limits()
  local ttl_ms, most_bytes = unpack(redis.call('HMGET', P .. 'reuse_limits', 'ttl_ms', 'max_bytes'))
  return tonumber(ttl_ms or ANSWERS.ttl_ms), tonumber(most_bytes or ANSWERS.max_bytes)
end

-- Forgets an answer. What takes no memory comes first: a full Redis is to take this, too. Answers the bytes that it has taken.
local function drop_answer(reuse, why)
  local key = answer_key(reuse)
  local head, length = redis.call('GETRANGE', key, 0, ANSWERS.head_bytes - 1), redis.call('STRLEN', key)
  redis.call('ZREM', P .. 'answers', reuse)
  if length == 0 then return 0 end
  redis.call('DEL', key)
  local slug, bytes = string.match(head, '^%d+ %d+ %d+ (%S+)\n'), bytes_of(length)
  redis.call('DECRBY', P .. 'answer_bytes', bytes)
  count_reuse(slug, 'entries', -1)
  count_reuse(slug, 'bytes', -bytes)
  if why then count_reuse(slug, why, 1) end
  return bytes
end

-- The answer that is kept under a key; nil where there is none, or its time is over.
local function find_answer(reuse)
  local text = redis.call('GET', answer_key(reuse))
  if not text then return nil end
  local at, prompt, completion, last = string.match(text, '^(%d+) (%d+) (%d+) %S+()\n')
  if now - at >= (answer_limits()) then
    drop_answer(reuse)
    return nil
  end
  redis.call('ZADD', P .. 'answers', now, reuse)
  return { prompt = prompt, completion = completion, result = string.sub(text, last + 1) }
end

-- An answer that comes with the job: vectors, of which whoever submits it has found all.
local function given_answer(result, prompt_tokens)
  return result ~= '' and { prompt = prompt_tokens, completion = '0', result = result } or nil
end

-- Forgets the answer that was not used for longest. Answers the bytes that it has taken, 0 where there is none.
local function evict_answer()
  local oldest = redis.call('ZRANGE', P .. 'answers', 0, 0)[1]
  return oldest and drop_answer(oldest, 'evictions') or 0
end

-- Whether so many bytes more may be kept, now that others have gone for them.
local function make_room_for(bytes)
  local _, most = answer_limits()
  if bytes > most then return false end
  local free = most - redis.call('GET', P .. 'answer_bytes')
  for _ = 1, ANSWERS.evict_limit do
    if free >= bytes then return true end
    free = free + evict_answer()
  end
  return free >= bytes
end

local function keep_answer(reuse, slug, answer)
  local text = now .. ' ' .. answer.prompt .. ' ' .. answer.completion .. ' ' .. slug .. '\n' .. answer.result
  local bytes = bytes_of(#text)
  redis.call('SET', P .. 'answer_bytes', 0, 'NX')
  drop_answer(reuse)
  if not make_room_for(bytes) then return end
  redis.call('SET', answer_key(reuse), text)
  redis.call('ZADD', P .. 'answers', now, reuse)
  redis.call('INCRBY', P .. 'answer_bytes', bytes)
  count_reuse(slug, 'entries', 1)
  count_reuse(slug, 'bytes', bytes)
end

-- Forgets what nobody has used since its time was over, and what is too much for settings that have changed. Answers how many that were.
local function sweep_answers(limit)
  local ttl_ms, most = answer_limits()
  local over = redis.call('ZRANGE', P .. 'answers', '-inf', now - ttl_ms, 'BYSCORE', 'LIMIT', 0, limit)
  for _, reuse in ipairs(over) do drop_answer(reuse) end
  local dropped, excess = #over, (redis.call('GET', P .. 'answer_bytes') or 0) - most
  while excess > 0 and dropped < limit do
    excess = excess - evict_answer()
    dropped = dropped + 1
  end
  return dropped
end

-- What a job has by an answer that was not computed for it: its text is one chunk, for those who follow.
local function give_answer(id, answer)
  redis.call('HSET', P .. 'job:' .. id, 'cached', 1, 'completion_tokens', answer.completion)
  if answer.completion == '0' then return end
  -- Half of a surrogate pair is good JSON, and cjson refuses it: such a text is told by the end alone.
  local is_read, result = pcall(cjson.decode, answer.result)
  if is_read then add_chunk(id, 1, '', result.text or '', answer.completion) end
end

-- Ends a job that was written down as succeeded a moment ago.
local function end_at_once(job, answer)
  give_answer(job.id, answer)
  redis.call('HSET', P .. 'job:' .. job.id, 'finished_ms', now)
  redis.call('SET', P .. 'out:' .. job.id, answer.result)
  count_reuse(job.slug, 'hits', 1)
  redis.call('ZADD', P .. 'finished', job.batch and 'inf' or now, job.id)
  if job.batch then end_line(job, 'succeeded') else emit('job.succeeded', job.id, job.owner) end
end
