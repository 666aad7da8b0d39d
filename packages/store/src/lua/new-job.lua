-- Included by what takes jobs in.

-- Writes the record of a new job and puts it on its owner's lists. `fields` are more of the record, names and values in turn; those with
-- nothing in them are left out.
local function write_job(id, owner, slug, class, status, deadline_ms, metadata, fields)
  local record = { 'v', 1, 'owner', owner, 'model', slug, 'status', status, 'created_ms', now }
  local function add(name, value)
    if value == '' then return end
    record[#record + 1] = name
    record[#record + 1] = value
  end
  add('deadline_ms', deadline_ms)
  add('class', class ~= 'normal' and class or '')
  for i = 1, #fields, 2 do add(fields[i], fields[i + 1]) end
  redis.call('HSET', P .. 'job:' .. id, unpack(record))
  if metadata ~= '' then redis.call('SET', P .. 'meta:' .. id, metadata) end
  if deadline_ms ~= '' then redis.call('ZADD', P .. 'deadlines', deadline_ms, id) end
  redis.call('SADD', P .. 'own:' .. owner, slug)
  redis.call('ZADD', index_of(owner, slug, status), 0, id)
  count_state(slug, class, status, 1)
end
