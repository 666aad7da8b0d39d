-- Deletes a finished job of an owner with everything that belongs to it. Answers removed | gone | the status it is in.
local id, owner = unpack(ARGV)
local holder, slug, status, idempotency = unpack(read(id, 'owner', 'model', 'status', 'idem'))
if holder ~= owner then return 'gone' end
if not redis.call('ZSCORE', P .. 'finished', id) then return status end
erase(id, owner, slug, status, idempotency)
return 'removed'
