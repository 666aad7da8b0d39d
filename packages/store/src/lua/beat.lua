-- A worker says that it lives, which variants it has, and how many slots per model that it has loaded, which may be none; with
-- no time to live it says goodbye. Answers fed…
local worker, ttl_ms, info, variants = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
if ttl_ms == 0 then
  forget_worker(worker)
  return fed
end
local slugs, is_served = {}, {}
for i = 5, #ARGV, 2 do
  local slug = ARGV[i]
  slugs[#slugs + 1] = slug
  is_served[slug] = true
  redis.call('HSET', P .. 'fleet:' .. slug, worker, ARGV[i + 1])
  -- Kept when all workers are gone: how many are needed is asked then, too.
  if tonumber(ARGV[i + 1]) > 0 then redis.call('HSET', drain_of(slug), 'slots', ARGV[i + 1]) end
  size_window(slug)
end
-- What it served before and has unloaded since.
for slug in string.gmatch(redis.call('HGET', P .. 'worker:' .. worker, 'models') or '', '%S+') do
  if not is_served[slug] then leave_model(worker, slug) end
end
redis.call('ZADD', P .. 'workers', now + ttl_ms, worker)
redis.call('HSET', P .. 'worker:' .. worker, 'models', table.concat(slugs, ' '), 'info', info, 'seen_ms', now)
for slug in string.gmatch(variants, '%S+') do unpark(slug, FEED_LIMIT) end
for _, slug in ipairs(slugs) do make_room(slug) end
return feed_room()
