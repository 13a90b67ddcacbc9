-- Decides what becomes of a refresh token, and changes the session accordingly.
-- It is repository.Session.Present in Lua: change both, the suite compares them.
--
-- KEYS[1]   the session's hash
-- ARGV[1]   gen     generation presented
-- ARGV[2]   jti     id presented
-- ARGV[3]   next    the successor of that id
-- ARGV[4]   cid     client
-- ARGV[5]   via     cookie or body
-- ARGV[6]   epoch   the user's session epoch now
-- ARGV[7]   kept    1 if this is the user's kept session
-- ARGV[8]   op      id of this call
-- ARGV[9]   now     ms
-- ARGV[10]  rotate  1 or 0
-- ARGV[11]  sliding 1 or 0
-- ARGV[12]  debounce ms
-- ARGV[13]  idle_ttl ms
--
-- Returns {outcome} for a refusal (unknown, client_mismatch, delivery_mismatch,
-- expired, reuse), {'revoked', rev} with the reason of the tombstone or '' where
-- the epoch ended the session, and for rotated and kept
-- {outcome, gen, jti, rot, idle, abs, auth, amr, scope}.

local gen, jti, next_jti, cid, via, epoch, kept, op = unpack(ARGV, 1, 8)
local now = tonumber(ARGV[9])
local rotate, sliding = ARGV[10] == '1', ARGV[11] == '1'
local debounce, idle_ttl = tonumber(ARGV[12]), tonumber(ARGV[13])

local f = redis.call('HMGET', KEYS[1], 'gen', 'jti', 'pgen', 'prev', 'rot', 'op', 'idle', 'abs', 'epoch', 'cid', 'via',
  'scope', 'amr', 'auth', 'rev', 'rev_op', 'used')
local s = {
  gen = f[1], jti = f[2], pgen = f[3], prev = f[4], rot = tonumber(f[5]), op = f[6],
  idle = tonumber(f[7]), abs = tonumber(f[8]), epoch = f[9], cid = f[10], via = f[11],
  scope = f[12], amr = f[13], auth = f[14], rev = f[15], rev_op = f[16], used = tonumber(f[17]),
}
if not s.gen then
  return {'unknown'}
end

-- Numbers go back as integers: the default format of Lua has 14 digits.
local function int(n)
  return string.format('%.0f', n)
end

local function answer(outcome)
  return {outcome, s.gen, s.jti, int(s.rot), int(s.idle), int(s.abs), s.auth, s.amr, s.scope}
end

local is_live = gen == s.gen and jti == s.jti
local is_previous = s.prev ~= '' and gen == s.pgen and jti == s.prev

if s.rev ~= '' and s.rev_op == op and s.rev == 'reuse' then
  return {'reuse'} -- the same call, repeated
elseif s.rev ~= '' or (s.epoch ~= epoch and kept ~= '1') then
  return {'revoked', s.rev}
elseif s.cid ~= cid then
  return {'client_mismatch'}
elseif s.via == 'cookie' and via ~= 'cookie' then
  return {'delivery_mismatch'}
elseif now >= s.idle or now >= s.abs then
  return {'expired'}
elseif is_previous and s.op == op then
  return answer('rotated') -- the same call, repeated
elseif not is_live then
  redis.call('HSET', KEYS[1], 'rev', 'reuse', 'rev_at', int(now), 'rev_op', op)
  return {'reuse'}
end

s.used = math.max(s.used, now)
if sliding then
  s.idle = math.max(s.idle, math.min(now + idle_ttl, s.abs))
end
if not rotate or (s.gen ~= '0' and now - s.rot < debounce) then
  redis.call('HSET', KEYS[1], 'seen', '1', 'idle', int(s.idle), 'used', int(s.used))
  return answer('kept')
end
s.pgen, s.prev = s.gen, s.jti
s.gen, s.jti = int(tonumber(s.gen) + 1), next_jti
s.rot = math.max(s.rot, now)
redis.call('HSET', KEYS[1], 'gen', s.gen, 'jti', s.jti, 'pgen', s.pgen, 'prev', s.prev,
  'rot', int(s.rot), 'op', op, 'seen', '0', 'grc', '0', 'idle', int(s.idle), 'used', int(s.used))
return answer('rotated')
