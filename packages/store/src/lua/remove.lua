-- Deletes a finished job of an owner with everything that belongs to it. Answers removed | gone | in_batch, whose file will need it | the status it is in.
local id, owner = unpack(ARGV)
local holder, slug, status, idempotency, batch = unpack(read(id, 'owner', 'model', 'status', 'idem', 'batch'))
if holder ~= owner then return 'gone' end
if not redis.call('ZSCORE', P .. 'finished', id) then return status end
if batch then return 'in_batch' end
erase(id, owner, slug, status, idempotency)
return 'removed'
