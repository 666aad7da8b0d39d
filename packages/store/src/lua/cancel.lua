-- Cancels a job of an owner. Waiting: ended at once. Running: its worker is asked to stop; with force it is ended with
-- what its stream holds. Answers {'cancelled', fed…} | {'requested'} | {'terminal', status} | {'gone'}.
local id, owner, force = unpack(ARGV)
local holder, slug, status, stop = unpack(read(id, 'owner', 'model', 'status', 'stop'))
if holder ~= owner then return { 'gone' } end
if status == 'running' and force == '' then
  -- A second request does not give the worker more time.
  if not stop then request_stop(id, 'cancelled') end
  return { 'requested' }
end
if status == 'running' then
  end_with_stream(id, owner, slug, 'cancelled', 'cancelled', '', '')
elseif status == 'queued' or status == 'scheduled' then
  finalize(id, owner, slug, status, 'cancelled', '', '', '')
else
  return { 'terminal', status }
end
return { 'cancelled', unpack(feed_room()) }
