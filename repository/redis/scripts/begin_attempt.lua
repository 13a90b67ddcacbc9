-- Counts an attempt against each of its keys, or returns the remaining delay.
-- Implements repository.LimitState.
--
--   KEYS[i]   the hash of a key: n failures, last, before, until ms, told, fp, fpat ms
--   ARGV[1]   now, ms
--   ARGV[2]   fingerprint, or ''
--   ARGV[3]   time within which the same fingerprint is a repetition, ms
--   ARGV[4]   slack of the TTLs, ms
-- then for each key: free, base ms, max ms, forget ms, most
--
-- Returns {wait ms, first, repeat}: first is 1 if the delay has not been reported before,
-- repeat is 1 for the first repetition of the attempt that has just failed.

local now, fp = tonumber(ARGV[1]), ARGV[2]
local state, wait, told = {}, 0, 1
for i, key in ipairs(KEYS) do
  local v = redis.call('HMGET', key, 'n', 'last', 'until', 'told', 'fp', 'fpat')
  -- Correct times that a clock ahead of this one has written.
  local longest = now + tonumber(ARGV[5 * i + 2])
  local till = tonumber(v[3] or 0)
  state[i] = {
    n = tonumber(v[1] or 0), last = math.min(now, tonumber(v[2] or 0)), till = math.min(longest, till), told = v[4],
    settled = till > longest,
  }
  if i == 1 and fp ~= '' and v[5] == fp and math.abs(now - tonumber(v[6])) < tonumber(ARGV[3]) then
    redis.call('HSET', key, 'fp', '', 'last', string.format('%.0f', state[1].last), 'until', string.format('%.0f', state[1].till))
    return {0, 0, 1}
  end
  if state[i].till > now then
    wait = math.max(wait, state[i].till - now)
    if v[4] ~= '1' then told = 0 end
  end
end
if wait > 0 then
  for i, key in ipairs(KEYS) do
    local s = state[i]
    if s.till > now and (s.told ~= '1' or s.settled) then
      redis.call('HSET', key, 'told', '1', 'last', string.format('%.0f', s.last), 'until', string.format('%.0f', s.till))
    end
  end
  return {wait, 1 - told, 0}
end
for i, key in ipairs(KEYS) do
  local at = 5 * i
  local free, base, longest, forget, most =
    tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local n, last = state[i].n, state[i].last
  local leaked = (now - last) / forget * free
  if now - last >= forget then leaked = n end
  n = math.min(math.max(0, n - leaked), most) + 1
  local delay, whole = 0, math.ceil(n)
  if free > 0 and whole >= free then delay = math.min(base * 2 ^ math.min(whole - free, 62), longest) end
  redis.call('HSET', key, 'n', string.format('%.17g', n), 'before', string.format('%.0f', last), 'last', string.format('%.0f', now),
    'until', delay > 0 and string.format('%.0f', now + delay) or '0', 'told', '0')
  redis.call('PEXPIRE', key, string.format('%.0f', math.max(forget, delay) + tonumber(ARGV[4])))
end
return {0, 0, 0}
