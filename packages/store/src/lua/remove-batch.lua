-- Removes a batch of an owner that has ended, with its input and its files. Answers removed | gone | not_ended.
local id, owner = unpack(ARGV)
local key = batch_key(id)
local holder, ended, input, output, failed = unpack(redis.call('HMGET', key, 'owner', 'ended', 'input', 'output', 'error'))
if holder ~= owner then return 'gone' end
if not ended then return 'not_ended' end
-- What another batch needs stays.
for _, file in ipairs({ input or '', output or '', failed or '' }) do
  if redis.call('EXISTS', file_key(file)) == 1 then remove_file(file) end
end
redis.call('ZREM', P .. 'batches_ended', id)
redis.call('ZREM', P .. 'batches_due', id)
redis.call('ZREM', P .. 'batches:' .. owner, id)
redis.call('DEL', key, P .. 'batch_segments:' .. id)
return 'removed'
