-- Says what a live worker is to do; it is told at once, and looks with every heartbeat. Answers whether there is such a worker.
local by, action, worker, drained, models = unpack(ARGV)
if tonumber(redis.call('ZSCORE', P .. 'workers', worker) or '0') < now then return 0 end
local key = P .. 'wish:' .. worker
if drained ~= '' then redis.call('HSET', key, 'drained', drained) end
if models ~= '' then redis.call('HSET', key, 'models', models) end
audit(by, action, worker)
redis.call('PUBLISH', P .. 'control', 'worker,' .. worker)
return 1
