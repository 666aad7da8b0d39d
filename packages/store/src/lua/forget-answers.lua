-- Forgets answers, so many at most, those first that were not used for longest. Answers how many that were.
local limit = tonumber(ARGV[1])
local oldest = redis.call('ZRANGE', P .. 'answers', 0, limit - 1)
for _, reuse in ipairs(oldest) do drop_answer(reuse) end
return #oldest
