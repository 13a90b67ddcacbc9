-- Adds a session. Only a login calls it. The same call repeated changes nothing.
--
-- KEYS[1]  the session's hash
-- KEYS[2]  the user's index
-- ARGV[1]  session id
-- ARGV[2]  absolute expiry, ms
-- ARGV[3]  how long the keys live, ms: with slack, and by the server's clock
-- ARGV[4]  now, ms
-- ARGV[5]  jti
-- ARGV[6…] the other fields of the hash, and their values
--
-- Returns 1, or 0 if the id is in use by another session.

local jti = redis.call('HGET', KEYS[1], 'jti')
if jti then
  return jti == ARGV[5] and 1 or 0
end
redis.call('HSET', KEYS[1], 'jti', ARGV[5], unpack(ARGV, 6))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
-- The index lives as long as the longest of its sessions.
if redis.call('PTTL', KEYS[2]) < 0 then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
else
  redis.call('PEXPIRE', KEYS[2], ARGV[3], 'GT')
end
return 1
