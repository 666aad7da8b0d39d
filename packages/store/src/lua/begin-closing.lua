-- The parts of a segment are about to be written: where nobody closes it with them, they are removed at the end.
-- Answers closing | closed, where it is already | lost.
local id, fence, segment = unpack(ARGV)
local batch = held_batch(id, fence)
if not batch then return 'lost' end
if is_closed(batch, segment) then return 'closed' end
redis.call('SADD', P .. 'batch_objects:' .. id, segment .. '.' .. fence)
return 'closing'
