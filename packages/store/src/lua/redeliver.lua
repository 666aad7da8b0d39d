-- Sends a delivery again: at once, with a whole schedule before it; of one that waits for its next attempt the wait ends.
-- `which`: one | failed; with `failed` only what has failed before is sent, and a breaker is waited for.
-- Answers scheduled | gone | disabled | pending | unfit.
local id, owner, which = unpack(ARGV)
local holder, status, endpoint, due, begun, tries =
  unpack(read_delivery(id, 'owner', 'status', 'endpoint_id', 'due_ms', 'begun_ms', 'tries'))
if holder ~= owner then return 'gone' end
if endpoint ~= '' then
  local state = redis.call('HGET', P .. 'endpoint:' .. endpoint, 'status')
  if not state then return 'gone' end
  if state ~= 'enabled' then return 'disabled' end
end
if status == 'pending' and (begun or tonumber(due) <= now) then return 'pending' end
if which == 'failed' and (status == 'delivered' or (status == 'pending' and tries == '0')) then return 'unfit' end
relist_delivery(id, 'pending')
redis.call('HSET', P .. 'delivery:' .. id, 'tries', 0)
if which == 'one' then redis.call('HSET', P .. 'delivery:' .. id, 'forced', 1) end
emit_due(id, owner, schedule_delivery(id, now))
return 'scheduled'
