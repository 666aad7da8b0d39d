-- Keeps the vectors of texts, given as key, tokens of the text, vector, …
local slug = ARGV[1]
for i = 2, #ARGV, 3 do
  keep_answer(ARGV[i], slug, { prompt = ARGV[i + 1], completion = '0', result = ARGV[i + 2] })
end
return redis.status_reply('OK')
