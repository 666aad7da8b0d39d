-- Ends a batch, or says that it is about to: finalizing. Its files are its owner's alone from then on. Answers 1, or 0 for who has lost it.
local id, fence, status, errors = unpack(ARGV)
local batch = held_batch(id, fence)
if not batch then return 0 end
local key = batch_key(id)
if batch.status == status then return 1 end
redis.call('HSET', key, 'status', status, status .. '_ms', now)
if status == 'finalizing' then return 1 end
redis.call('HSET', key, 'ended', now)
redis.call('ZADD', P .. 'batches_ended', now, id)
if errors ~= '' then redis.call('HSET', key, 'errors', errors) end
local input, reused, output, failed = unpack(redis.call('HMGET', key, 'input', 'reused_output', 'output', 'error'))
for _, file in ipairs({ input or '', reused or '', output or '', failed or '' }) do use_file(file, -1) end
redis.call('DEL', open_jobs(id))
redis.call('XADD', P .. 'outbox', '*', 'type', 'batch.' .. status, 'job_id', '', 'owner', batch.owner, 'batch_id', id)
return 1
