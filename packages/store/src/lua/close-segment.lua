-- The parts of a segment are written: from now on they are what its lines have come to. Each part is as `number.fence` of a name and its
-- bytes; the first one makes its file. `failed`: lines that never became jobs; `cancelled` and `expired`: those of all that
-- failed that were not let to their end. Answers closed | lost.
local id, fence, segment, failed, cancelled, expired, input_tokens, cached_tokens, output_tokens = unpack(ARGV, 1, 9)
local batch = held_batch(id, fence)
if not batch then return 'lost' end
local key = batch_key(id)
if is_closed(batch, segment) then return 'closed' end
local has_jobs = redis.call('HDEL', open_jobs(id), segment) == 1

local function add_part(part, file, bytes)
  if bytes == '0' then return end
  redis.call('HSETNX', key, part, file)
  file = redis.call('HGET', key, part)
  if redis.call('EXISTS', file_key(file)) == 0 then
    local expires_s = redis.call('HGET', key, 'output_expires_s')
    local expires_ms = expires_s and now + expires_s * 1000 or ''
    redis.call('HSET', file_key(file), 'v', 1, 'owner', batch.owner, 'filename', id .. '_' .. part .. '.jsonl', 'purpose', 'batch_output',
      'bytes', 0, 'digest', '', 'created_ms', now, 'batch', id, 'part', part, 'uses', 1)
    if expires_s then redis.call('HSET', file_key(file), 'expires_ms', expires_ms) end
    list_file(file, batch.owner, expires_ms)
  end
  redis.call('HSET', P .. 'file_parts:' .. file, segment, fence .. ' ' .. bytes)
  redis.call('HINCRBY', file_key(file), 'bytes', bytes)
end

add_part('output', ARGV[10], ARGV[11])
add_part('error', ARGV[12], ARGV[13])
if batch.next <= tonumber(segment) then redis.call('HSET', key, 'next', segment + 1) end
redis.call('HINCRBY', key, 'failed', failed)
redis.call('HINCRBY', key, 'cancelled_lines', cancelled)
redis.call('HINCRBY', key, 'expired_lines', expired)
redis.call('HINCRBY', key, 'input_tokens', input_tokens)
redis.call('HINCRBY', key, 'cached_tokens', cached_tokens)
redis.call('HINCRBY', key, 'output_tokens', output_tokens)
redis.call('DEL', open_parts(id, segment), P .. 'batch_refused:' .. id .. ':' .. segment)
redis.call('SREM', P .. 'batch_objects:' .. id, segment .. '.' .. fence)
if has_jobs then redis.call('SADD', P .. 'batch_erase:' .. id, segment) end
return 'closed'
