-- Deletes a file of an owner. Answers removed | in_use | gone.
local id, owner = unpack(ARGV)
if redis.call('HGET', file_key(id), 'owner') ~= owner then return 'gone' end
return remove_file(id)
