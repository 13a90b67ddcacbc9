-- Puts a tombstone on each session of a user but one, and but those of the epoch
-- that began with what ended the others.
--
-- KEYS[1]  the user's index
-- ARGV[1]  reason
-- ARGV[2]  now, ms
-- ARGV[3]  op, id of this call
-- ARGV[4]  id of the session that stays, or ''
-- ARGV[5]  the user's session epoch now
-- ARGV[6…] the fields of a hash that a tombstone has not
--
-- Returns how many this call ended.

local ended = 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  -- The hash shares the hash tag of the index, so it is on the same node.
  local key = KEYS[1] .. ':' .. id
  local f = redis.call('HMGET', key, 'rev', 'epoch')
  if id ~= ARGV[4] and f[2] ~= ARGV[5] then
    if f[1] == '' then
      redis.call('HSET', key, 'rev', ARGV[1], 'rev_at', ARGV[2], 'rev_op', ARGV[3])
      redis.call('HDEL', key, unpack(ARGV, 6))
      ended = ended + 1
    end
    redis.call('ZREM', KEYS[1], id)
  end
end
return ended
