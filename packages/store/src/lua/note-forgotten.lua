-- Notes who has had so many answers forgotten.
local by, count = unpack(ARGV)
audit(by, 'reuse.forget', count)
return redis.status_reply('OK')
