-- Reads what a follower of a job's events lacks who has seen `k` chunks, the last in `attempt`. Notes that somebody watches.
-- Answers {status, attempts, chunks, begun anew behind attempt, first, text, tokens, text, tokens, …}, where `first` is the ordinal of the first chunk
-- given and `tokens` a count, or {} for a job that does not exist or is somebody else's.

-- Who follows a running job reads at every chunk, so this long without a reading nobody does.
local WATCH_MS = 20000

local id, owner, k, attempt, chunk_limit, byte_limit = unpack(ARGV)
local holder, status, attempts, chunks, anew = unpack(read(id, 'owner', 'status', 'attempts', 'chunks', 'begun_anew'))
if holder ~= owner then return {} end
attempts, chunks, k, anew = tonumber(attempts or '0'), tonumber(chunks or '0'), tonumber(k), tonumber(anew or '0')
-- A Redis that lost its last writes has fewer than it told of, and a job that has begun anew has others: the follower starts over.
if k > chunks or tonumber(attempt) <= anew then k = 0 end
local has_ended = redis.call('ZSCORE', P .. 'finished', id)
-- A hint for the job's worker (append.lua), renewed at half its time. A full Redis refuses it, and is read all the same.
local watch = P .. 'watch:' .. id
if not has_ended and redis.call('PTTL', watch) < WATCH_MS / 2 then redis.pcall('SET', watch, 1, 'PX', WATCH_MS) end
local page, bytes = { status, attempts, chunks, anew, k + 1 }, 0
if k == chunks then return page end
for _, entry in ipairs(redis.call('XRANGE', P .. 'chunks:' .. id, k + 1 .. '-0', '+', 'COUNT', chunk_limit)) do
  local fields = {}
  for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
  page[#page + 1] = fields.text
  page[#page + 1] = fields.count
  bytes = bytes + #fields.text
  if bytes >= tonumber(byte_limit) then break end
end
return page
