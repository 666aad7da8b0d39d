-- A segment is about to be opened, of so many jobs; again is legal. Answers opening | stopped | lost.
local id, fence, segment, jobs = unpack(ARGV)
local batch = held_batch(id, fence)
if not batch then return 'lost' end
if batch.stop then return 'stopped' end
redis.call('HSETNX', open_jobs(id), segment, jobs)
return 'opening'
