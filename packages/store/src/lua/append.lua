-- Adds chunk k of a running job to its stream; only the next one in order, only under the current fence.
-- Answers {'appended', stop, watched} with stop '' | cancelled | deadline and watched 0 | 1, or {'refused', reason, last} with reason gone | fenced | ordinal.
local id, fence, k, tokens, text, count = unpack(ARGV)
local key = P .. 'job:' .. id
local status, current, last, stop = unpack(read(id, 'status', 'fence', 'chunks', 'stop'))
if not status then return { 'refused', 'gone', 0 } end
if status ~= 'running' or current ~= fence then return { 'refused', 'fenced', tonumber(last or '0') } end
if tonumber(k) ~= tonumber(last) + 1 then return { 'refused', 'ordinal', tonumber(last) } end
add_chunk(id, k, tokens, text, count)
if tonumber(k) == 1 then redis.call('HSET', key, 'first_token_ms', now) end
redis.call('HINCRBY', key, 'completion_tokens', count)
-- Whoever waits for the end alone is not told of chunks.
local watched = redis.call('EXISTS', P .. 'watch:' .. id)
if watched == 1 then notify(id, k) end
return { 'appended', stop or '', watched }
