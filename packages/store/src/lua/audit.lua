
-- Included by the scripts that administrators call.

local AUDIT_LENGTH = 10000

-- Notes who has done what to what.
local function audit(by, action, target)
  redis.call('XADD', P .. 'audit', 'MAXLEN', '~', AUDIT_LENGTH, '*', 'by', by, 'action', action, 'target', target)
end
