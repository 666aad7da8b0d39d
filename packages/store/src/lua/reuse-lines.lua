-- So many lines of a segment, with so many jobs, have succeeded in an earlier batch; said once for a segment. Answers 1, or 0 for who has lost the batch.
local id, fence, segment, lines, jobs = unpack(ARGV)
if not held_batch(id, fence) then return 0 end
if redis.call('HSETNX', P .. 'batch_refused:' .. id .. ':' .. segment, 'reused', lines) == 0 then return 1 end
redis.call('HINCRBY', batch_key(id), 'completed', lines)
if redis.call('HINCRBY', open_jobs(id), segment, -jobs) == 0 then wake_batch(id) end
return 1
