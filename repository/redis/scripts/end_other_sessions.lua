-- Replaces the sessions of a user by tombstones, except one session and the sessions of the
-- current epoch.
--
--   KEYS[1]  the user's index
--   KEYS[2…] the hashes of the sessions in the index that the caller knows
--   ARGV[1]  reason
--   ARGV[2]  now, ms
--   ARGV[3]  op, the operation id
--   ARGV[4]  id of the session that stays, or ''
--   ARGV[5]  the user's session epoch now
--
-- Returns {'ended'}; {'again', id of a session in the index, …}, and changes nothing, if a
-- hash of the index is not in KEYS.

local declared = {}
for _, name in ipairs(KEYS) do
  declared[name] = true
end
local function key(id)
  return KEYS[1] .. ':' .. id
end
local ids = redis.call('ZRANGE', KEYS[1], 0, -1)
for _, id in ipairs(ids) do
  if not declared[key(id)] then
    table.insert(ids, 1, 'again')
    return ids
  end
end

for _, id in ipairs(ids) do
  local name = key(id)
  local f = redis.call('HMGET', name, 'rev', 'epoch', 'abs')
  if id ~= ARGV[4] and f[2] ~= ARGV[5] then
    if f[1] == '' then -- a tombstone has only these fields
      local ttl = redis.call('PTTL', name)
      redis.call('DEL', name)
      redis.call('HSET', name, 'abs', f[3], 'rev', ARGV[1], 'rev_at', ARGV[2], 'rev_op', ARGV[3])
      redis.call('PEXPIRE', name, ttl)
    end
    redis.call('ZREM', KEYS[1], id)
  end
end
return {'ended'}
