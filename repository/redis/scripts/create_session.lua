-- Adds the session of a login. If the user then has too many live sessions, returns those
-- used least recently, so that the login can revoke them. A retry of the same call changes
-- nothing and returns them again.
--
--   KEYS[1]  the session's hash
--   KEYS[2]  the user's index
--   KEYS[3…] the hashes of the sessions in the index that the caller knows
--   ARGV[1]  session id
--   ARGV[2]  absolute expiry, ms
--   ARGV[3]  TTL of the keys, ms, with slack
--   ARGV[4]  now, ms
--   ARGV[5]  the user's session epoch
--   ARGV[6]  the user's kept session, or ''
--   ARGV[7]  the session that the login replaces, or ''
--   ARGV[8]  maximum number of live sessions
--   ARGV[9]  jti
--   ARGV[10…] the other fields of the hash, and their values
--
-- Returns {'created', id of a surplus session, …}; {'exists'} if another session has the
-- id; {'again', id of a session in the index, …} if a hash of the index is not in KEYS. In
-- the last two cases it changes nothing.

local sid, abs, ttl, now, epoch = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local kept, replaced, limit, jti = ARGV[6], ARGV[7], tonumber(ARGV[8]), ARGV[9]

local found = redis.call('HMGET', KEYS[1], 'jti', 'rev')
local other = found[1]
if found[2] and found[2] ~= '' or other and other ~= jti then -- a tombstone, or another session
  return {'exists'}
end

local declared = {}
for _, name in ipairs(KEYS) do
  declared[name] = true
end
local function key(id)
  return KEYS[2] .. ':' .. id
end
local ids = redis.call('ZRANGE', KEYS[2], 0, -1)
for _, id in ipairs(ids) do
  if not declared[key(id)] then
    table.insert(ids, 1, 'again')
    return ids
  end
end

local live, over = {}, {}
for _, id in ipairs(ids) do
  local f = redis.call('HMGET', key(id), 'rev', 'idle', 'abs', 'epoch', 'used')
  if f[1] ~= '' or now >= tonumber(f[2]) or now >= tonumber(f[3]) then
    over[#over + 1] = id
  elseif id ~= sid and id ~= replaced and (f[4] == epoch or id == kept) then
    live[#live + 1] = {id = id, used = tonumber(f[5])}
  end -- otherwise the epoch revoked it, or this login has read an old epoch: it stays
end
table.sort(live, function(a, b)
  if a.used ~= b.used then
    return a.used < b.used
  end
  return a.id < b.id
end)

local answer = {'created'}
for i = 1, #live - limit + 1 do
  answer[#answer + 1] = live[i].id
end
for _, id in ipairs(over) do
  redis.call('ZREM', KEYS[2], id)
end
if other then
  return answer -- a retry of the same call
end
redis.call('HSET', KEYS[1], 'jti', jti, unpack(ARGV, 10))
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('ZADD', KEYS[2], abs, sid)
-- The index must live as long as each of its sessions.
if redis.call('PTTL', KEYS[2]) < tonumber(ttl) then
  redis.call('PEXPIRE', KEYS[2], ttl)
end
return answer
