-- Cancels a job of an owner. Waiting: ended at once, with what earlier attempts have emitted. Running: its worker is asked
-- to stop; with force it is ended with what its stream holds. Answers {'cancelled', fed…} | {'requested'} | {'terminal', status} | {'gone'}.
local id, owner, force = unpack(ARGV)
local holder, slug, status, stop = unpack(read(id, 'owner', 'model', 'status', 'stop'))
if holder ~= owner then return { 'gone' } end
if status == 'running' and force == '' then
  -- A second request does not give the worker more time.
  if not stop then request_stop(id, 'cancelled') end
  return { 'requested' }
end
if redis.call('ZSCORE', P .. 'finished', id) then return { 'terminal', status } end
end_with_stream(id, owner, slug, status, 'cancelled', 'cancelled', '', '')
return { 'cancelled', unpack(feed_room()) }
