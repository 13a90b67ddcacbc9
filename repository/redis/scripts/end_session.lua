-- Replaces a session by a tombstone. A tombstone does not change, and an absent session stays
-- absent. The database has the revocation already, so the tombstone is needed only for calls
-- that are in flight.
--
-- KEYS[1]  the session's hash
-- KEYS[2]  the user's index
-- ARGV[1]  reason
-- ARGV[2]  now, ms
-- ARGV[3]  op, the operation id
-- ARGV[4]  session id
-- ARGV[5]  TTL of the tombstone, ms
--
-- Returns the reason of the tombstone that was there before, or ''.

local f = redis.call('HMGET', KEYS[1], 'rev', 'abs')
local rev = f[1]
if rev == '' then -- a tombstone has only these fields
  local ttl = redis.call('PTTL', KEYS[1])
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'abs', f[2], 'rev', ARGV[1], 'rev_at', ARGV[2], 'rev_op', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ttl)
  redis.call('ZREM', KEYS[2], ARGV[4])
end
if rev and redis.call('PTTL', KEYS[1]) > tonumber(ARGV[5]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
return rev or ''
