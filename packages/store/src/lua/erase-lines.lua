-- Removes jobs of a segment that is closed; the last call for it says so. Answers how many there were.
local id, segment, is_last = unpack(ARGV)
local erased = 0
if redis.call('SISMEMBER', P .. 'batch_erase:' .. id, segment) == 0 then return 0 end
for i = 4, #ARGV do
  local job = ARGV[i]
  local owner, slug, status, batch = unpack(read(job, 'owner', 'model', 'status', 'batch'))
  if batch == id then
    erase(job, owner, slug, status)
    erased = erased + 1
  end
end
if is_last ~= '' then redis.call('SREM', P .. 'batch_erase:' .. id, segment) end
return erased
