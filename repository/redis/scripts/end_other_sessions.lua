-- Puts a tombstone on each session of a user but one.
--
-- KEYS[1]  the user's index
-- ARGV[1]  reason
-- ARGV[2]  now, ms
-- ARGV[3]  op, id of this call
-- ARGV[4]  id of the session that stays, or ''
--
-- Returns how many this call ended.

local ended = 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if id ~= ARGV[4] then
    -- The hash shares the hash tag of the index, so it is on the same node.
    local key = KEYS[1] .. ':' .. id
    if redis.call('HGET', key, 'rev') == '' then
      redis.call('HSET', key, 'rev', ARGV[1], 'rev_at', ARGV[2], 'rev_op', ARGV[3])
      ended = ended + 1
    end
    redis.call('ZREM', KEYS[1], id)
  end
end
return ended
