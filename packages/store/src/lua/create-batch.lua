-- Adds a batch over a file of its owner, to be taken up by a dispatcher. With `reuse`, lines that have succeeded in that batch, which has
-- ended and was over the same content, are not run again.
-- Answers {'created'} | {'duplicate', id} | {'conflict', id} | {'no_file'} | {'wrong_purpose', purpose}
-- | {'no_batch' | 'not_ended' | 'other_content' | 'content_gone'}, of the batch to reuse.
local id, owner, key, endpoint, input, wanted_purpose, window_s, metadata, output_expires_s, reuse, idempotency, hash = unpack(ARGV)
local before = made_before(owner, idempotency, hash)
if before then return before end
local holder, purpose, digest = unpack(redis.call('HMGET', file_key(input), 'owner', 'purpose', 'digest'))
if holder ~= owner then return { 'no_file' } end
if purpose ~= wanted_purpose then return { 'wrong_purpose', purpose } end
local reused_output
if reuse ~= '' then
  local other, ended, other_digest, output, completed, other_endpoint =
    unpack(redis.call('HMGET', batch_key(reuse), 'owner', 'ended', 'digest', 'output', 'completed', 'endpoint'))
  if other ~= owner then return { 'no_batch' } end
  if not ended then return { 'not_ended' } end
  if other_digest ~= digest or other_endpoint ~= endpoint then return { 'other_content' } end
  if output and redis.call('EXISTS', file_key(output)) == 0 and completed ~= '0' then return { 'content_gone' } end
  reused_output = output
end

redis.call('HSET', batch_key(id), 'v', 1, 'owner', owner, 'endpoint', endpoint, 'input', input, 'digest', digest, 'window_s', window_s,
  'status', 'validating', 'created_ms', now, 'expires_ms', now + window_s * 1000, 'metadata', metadata, 'total', 0, 'completed', 0,
  'failed', 0)
if key ~= '' then redis.call('HSET', batch_key(id), 'key', key) end
if output_expires_s ~= '' then redis.call('HSET', batch_key(id), 'output_expires_s', output_expires_s) end
if reuse ~= '' then redis.call('HSET', batch_key(id), 'reuse', reuse) end
if reused_output then redis.call('HSET', batch_key(id), 'reused_output', reused_output) end
use_file(input, 1)
use_file(reused_output, 1)
redis.call('ZADD', P .. 'batches:' .. owner, 0, id)
note_made(owner, idempotency, hash, id)
wake_batch(id)
return { 'created' }
