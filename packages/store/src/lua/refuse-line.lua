-- A line of a segment cannot become jobs, for a reason that is kept until the segment is closed. Answers 1, or 0 for who has lost the batch.
local id, fence, segment, line, jobs, reason = unpack(ARGV)
if not held_batch(id, fence) then return 0 end
if redis.call('HSETNX', P .. 'batch_refused:' .. id .. ':' .. segment, line, reason) == 0 then return 1 end
redis.call('HINCRBY', batch_key(id), 'failed', 1)
if redis.call('HINCRBY', open_jobs(id), segment, -jobs) == 0 then wake_batch(id) end
return 1
