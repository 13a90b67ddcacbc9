-- Decides a refresh request and changes the session accordingly. It is
-- repository.Session.Refresh in Lua, with the same names. Change both: the conformance suite
-- compares them.
--
--   KEYS[1]   the session's hash
--   KEYS[2]   the user's index
--   ARGV[1]   gen      generation of the presented token
--   ARGV[2]   jti      id of the presented token
--   ARGV[3]   next     id that follows jti in the chain
--   ARGV[4]   cid      client
--   ARGV[5]   via      host_cookie, cookie or body
--   ARGV[6]   epoch    the user's session epoch now
--   ARGV[7]   kept     1 if this is the user's kept session
--   ARGV[8]   op       operation id
--   ARGV[9]   now      ms
--   ARGV[10]  iat      ms, of the token
--   ARGV[11]  keep     1: generate no refresh token
--   ARGV[12]  rotate   1 or 0
--   ARGV[13]  sliding  1 or 0
--   ARGV[14]  grace    ms
--   ARGV[15]  debounce ms
--   ARGV[16]  recovery ms
--   ARGV[17]  idle_ttl ms
--   ARGV[18]  max_graced
--   ARGV[19]  max_recoveries
--   ARGV[20]  recovery_window ms
--   ARGV[21]  max_ahead
--   ARGV[22]  max_rotated_ahead ms
--   ARGV[23]  clock_limit ms
--   ARGV[24]  woken    1: this replica was suspended recently
--   ARGV[25]  session id
-- With a proof:
--   ARGV[26]  gen of the live token that the proof is for
--   ARGV[27]  jti of that token
--   ARGV[28]  id that follows it
--   ARGV[29]  id before the presented one, or ''
--
-- Returns
--   {outcome}                                   unknown, client_mismatch, delivery_mismatch,
--                                               expired, grace_exhausted, late, reuse
--   {'revoked', rev}                            the reason, or '' if the epoch revoked it
--   {question, gen, jti, rot}                   ahead, recoverable
--   {outcome, gen, jti, rot, idle, abs, auth, amr, scope}
--                                               rotated, kept, replayed, recovered, rolled_forward

local op = ARGV[8]
local p = {
  gen = tonumber(ARGV[1]), jti = ARGV[2], next = ARGV[3], cid = ARGV[4], via = ARGV[5], epoch = ARGV[6],
  kept = ARGV[7] == '1', now = tonumber(ARGV[9]), iat = tonumber(ARGV[10]), keep = ARGV[11] == '1',
  rotate = ARGV[12] == '1', sliding = ARGV[13] == '1', grace = tonumber(ARGV[14]), debounce = tonumber(ARGV[15]),
  recovery = tonumber(ARGV[16]), idle_ttl = tonumber(ARGV[17]),
}
local max_graced, max_recoveries = tonumber(ARGV[18]), tonumber(ARGV[19])
local recovery_window, max_ahead = tonumber(ARGV[20]), tonumber(ARGV[21])
local max_rotated_ahead, clock_limit, woken = tonumber(ARGV[22]), tonumber(ARGV[23]), ARGV[24] == '1'
local proof = ARGV[26] and {gen = tonumber(ARGV[26]), jti = ARGV[27], next = ARGV[28], before = ARGV[29]}

local f = redis.call('HMGET', KEYS[1], 'gen', 'jti', 'pgen', 'prev', 'rot', 'op', 'seen', 'idle', 'abs', 'epoch', 'cid',
  'via', 'scope', 'amr', 'auth', 'grc', 'rec', 'rec_at', 'rev', 'rev_op', 'used')
if not f[19] then
  return {'unknown'}
elseif f[19] ~= '' then -- a tombstone, which has few fields
  if f[19] == 'reuse' and f[20] == op then
    return {'reuse'}
  end
  return {'revoked', f[19]}
end
local s = {
  gen = tonumber(f[1]), jti = f[2], pgen = tonumber(f[3]), prev = f[4], rot = tonumber(f[5]), op = f[6], seen = f[7],
  idle = tonumber(f[8]), abs = tonumber(f[9]), epoch = f[10], cid = f[11], via = f[12], scope = f[13], amr = f[14],
  auth = f[15], grc = tonumber(f[16]), rec = tonumber(f[17]), rec_at = tonumber(f[18]), used = tonumber(f[21]),
}

-- int formats a number as an integer. The default format of Lua has only 14 digits.
local function int(n)
  return string.format('%.0f', n)
end

local function answer(outcome)
  return {outcome, int(s.gen), s.jti, int(s.rot), int(s.idle), int(s.abs), s.auth, s.amr, s.scope}
end

-- save is the one write of an accepted presentation.
local function save(outcome)
  redis.call('HSET', KEYS[1], 'gen', int(s.gen), 'jti', s.jti, 'pgen', int(s.pgen), 'prev', s.prev, 'rot', int(s.rot),
    'op', s.op, 'seen', s.seen, 'idle', int(s.idle), 'grc', int(s.grc), 'rec', int(s.rec), 'rec_at', int(s.rec_at),
    'used', int(s.used))
  return answer(outcome)
end

local function age()
  return math.max(0, p.now - s.rot)
end

local function skewed()
  return p.grace > 0 and age() < p.grace + 2 * clock_limit
end

local function from_future()
  return s.rot - p.now > max_rotated_ahead
end

local function is_live()
  return p.gen == s.gen and p.jti == s.jti
end

local function is_previous()
  return s.prev ~= '' and p.gen == s.pgen and p.jti == s.prev
end

local function reuse()
  if p.now < s.rot or woken or (is_previous() and skewed()) then
    return {'late'}
  end
  local ttl = redis.call('PTTL', KEYS[1]) -- a tombstone has only these fields
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'abs', int(s.abs), 'rev', 'reuse', 'rev_at', int(p.now), 'rev_op', op)
  redis.call('PEXPIRE', KEYS[1], ttl)
  redis.call('ZREM', KEYS[2], ARGV[25])
  return {'reuse'}
end

local function answered()
  return proof and proof.gen == s.gen and proof.jti == s.jti
end

local function used()
  s.used = math.max(s.used, p.now)
  if p.sliding then
    s.idle = math.max(s.idle, math.min(p.now + p.idle_ttl, s.abs))
  end
end

local function next_token(id)
  s.gen, s.jti = s.gen + 1, id
  s.rot, s.op = math.max(s.rot, p.now), op
  s.seen, s.grc = '0', 0
end

local function live()
  used()
  local recent = s.gen > 0 and age() < p.debounce and not from_future()
  if p.keep or not p.rotate or recent then
    s.seen = '1'
    return 'kept'
  end
  if from_future() then
    s.rot = 0
  end
  s.pgen, s.prev = s.gen, s.jti
  next_token(p.next)
  return 'rotated'
end

local function window_over()
  return math.abs(p.now - s.rec_at) >= recovery_window
end

local function recoverable()
  return age() < p.recovery and s.seen ~= '1' and
    (age() < p.debounce or s.rec < max_recoveries or window_over())
end

local function previous()
  local graced = age() < p.grace
  if not graced and not recoverable() then
    return reuse()
  end
  if graced or p.keep then
    if s.grc >= max_graced then
      return {'grace_exhausted'}
    end
    used()
    s.grc = s.grc + 1
    return save('replayed')
  end
  if woken or (s.grc > 0 and skewed()) then
    return {'late'}
  end
  if not answered() then
    return {'recoverable', int(s.gen), s.jti, int(s.rot)}
  end
  used()
  if age() >= p.debounce then
    if window_over() then
      s.rec, s.rec_at = 0, p.now
    end
    s.rec = s.rec + 1
  end
  next_token(proof.next)
  return save('recovered')
end

local function ahead()
  if not answered() then
    return {'ahead', int(s.gen), s.jti, int(s.rot)}
  elseif proof.before == '' then
    return reuse()
  end
  s.gen, s.jti = p.gen, p.jti
  s.pgen, s.prev = p.gen - 1, proof.before
  s.rot, s.op = math.max(s.rot, math.min(p.iat, p.now)), op
  s.seen, s.grc = '0', 0
  live()
  return save('rolled_forward')
end

local function repeated()
  if s.op ~= op then
    return nil
  elseif is_live() then
    return 'rolled_forward'
  elseif not is_previous() then
    return nil
  elseif s.gen > s.pgen + 1 then
    return 'recovered'
  elseif proof then
    return 'rolled_forward'
  end
  return 'rotated'
end

if s.epoch ~= p.epoch and not p.kept then
  return {'revoked', ''}
elseif s.cid ~= p.cid then
  return {'client_mismatch'}
elseif not (s.via == p.via or (s.via == 'cookie' and p.via == 'host_cookie')) then
  return {'delivery_mismatch'}
elseif p.now >= s.idle or p.now >= s.abs then
  return {'expired'}
end
local done = repeated()
if done then
  return answer(done)
elseif is_live() then
  return save(live())
elseif from_future() then
  return {'late'}
elseif is_previous() then
  return previous()
elseif p.gen > s.gen + max_ahead then
  return {'unknown'}
elseif p.gen > s.gen then
  return ahead()
end
return reuse()
