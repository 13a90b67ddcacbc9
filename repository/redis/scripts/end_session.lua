-- Puts a tombstone on a session. The first one stays, and a session that is not
-- there is not made.
--
-- KEYS[1]  the session's hash
-- KEYS[2]  the user's index
-- ARGV[1]  reason
-- ARGV[2]  now, ms
-- ARGV[3]  op, id of this call
-- ARGV[4]  session id
--
-- Returns why it had ended before, or ''.

local rev = redis.call('HGET', KEYS[1], 'rev')
if rev ~= '' then
  return rev or ''
end
redis.call('HSET', KEYS[1], 'rev', ARGV[1], 'rev_at', ARGV[2], 'rev_op', ARGV[3])
redis.call('ZREM', KEYS[2], ARGV[4])
return ''
