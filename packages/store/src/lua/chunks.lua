-- Included by the scripts that write or read a job's stream.

-- Adds chunk k to a job's stream.
local function add_chunk(id, k, tokens, text, count)
  redis.call('XADD', P .. 'chunks:' .. id, k .. '-0', 'tokens', tokens, 'text', text, 'count', count)
  redis.call('HSET', P .. 'job:' .. id, 'chunks', k)
end

-- All that a job's attempts have emitted: the ids of its tokens, with commas between, and its text.
local function read_stream(id)
  local tokens, texts = {}, {}
  for _, entry in ipairs(redis.call('XRANGE', P .. 'chunks:' .. id, '-', '+')) do
    local fields = {}
    for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
    if fields.tokens ~= '' then tokens[#tokens + 1] = fields.tokens end
    texts[#texts + 1] = fields.text
  end
  return table.concat(tokens, ','), table.concat(texts)
end

