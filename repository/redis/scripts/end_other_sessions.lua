-- Puts a tombstone on each session of a user but one, and but those of the epoch
-- that began with what ended the others.
--
-- KEYS[1]  the user's index
-- KEYS[2…] the hashes of the sessions in the index, as far as the caller knows them
-- ARGV[1]  reason
-- ARGV[2]  now, ms
-- ARGV[3]  op, id of this call
-- ARGV[4]  id of the session that stays, or ''
-- ARGV[5]  the user's session epoch now
--
-- Returns {'ended'}; {'again', id of a session in the index, …} if a hash is not among
-- KEYS, and then changes nothing.

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
    if f[1] == '' then -- a tombstone has these fields alone
      local ttl = redis.call('PTTL', name)
      redis.call('DEL', name)
      redis.call('HSET', name, 'abs', f[3], 'rev', ARGV[1], 'rev_at', ARGV[2], 'rev_op', ARGV[3])
      redis.call('PEXPIRE', name, ttl)
    end
    redis.call('ZREM', KEYS[1], id)
  end
end
return {'ended'}
