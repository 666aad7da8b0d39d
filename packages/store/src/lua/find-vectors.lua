-- The vectors that are kept of texts, by their keys, with the tokens of each text. With `all`, those of a job that may end at once: where one
-- is not kept, nothing is answered, and nothing counts.
-- Answers {tokens, vector, tokens, vector, …}, with false for both where there is none, or {} by `all`.
local slug, all = ARGV[1], ARGV[2] == 'all'
local found, hits = {}, 0
if all then
  for i = 3, #ARGV do
    if redis.call('EXISTS', answer_key(ARGV[i])) == 0 then return {} end
  end
end
for i = 3, #ARGV do
  local answer = find_answer(ARGV[i])
  if not answer and all then return {} end
  if answer then hits = hits + 1 end
  found[#found + 1] = answer and answer.prompt or false
  found[#found + 1] = answer and answer.result or false
end
if hits > 0 then count_reuse(slug, 'input_hits', hits) end
local misses = #found / 2 - hits
if misses > 0 then count_reuse(slug, 'input_misses', misses) end
return found
