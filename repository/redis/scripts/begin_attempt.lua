-- Counts an attempt against each of its keys, or says how long it has to wait.
-- Its meaning is that of repository.LimitState.
--
-- KEYS[i]   the hash of a key: n failures, last ms, until ms, told, fp
-- ARGV[1]   now, ms
-- ARGV[2]   fingerprint, or ''
-- ARGV[3]   for how long the same fingerprint is the same attempt, ms
-- ARGV[4]   slack of the TTLs, ms
-- then for each key: free, base ms, max ms, forget ms
--
-- Returns {wait ms, first}: first is 1 where nobody was told of the delay yet.

local now, fp = tonumber(ARGV[1]), ARGV[2]
local state, wait, told = {}, 0, 1
for i, key in ipairs(KEYS) do
  local v = redis.call('HMGET', key, 'n', 'last', 'until', 'told', 'fp')
  state[i] = {n = tonumber(v[1] or 0), last = tonumber(v[2] or 0), till = tonumber(v[3] or 0)}
  if i == 1 and fp ~= '' and v[5] == fp and now - state[1].last < tonumber(ARGV[3]) then
    return {0, 0}
  end
  if state[i].till > now then
    wait = math.max(wait, state[i].till - now)
    if v[4] ~= '1' then told = 0 end
  end
end
if wait > 0 then
  for i, key in ipairs(KEYS) do
    if state[i].till > now then redis.call('HSET', key, 'told', '1') end
  end
  return {wait, 1 - told}
end
for i, key in ipairs(KEYS) do
  local at = 4 * i
  local free, base, most, forget = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local n = state[i].n
  if now - state[i].last >= forget then n = 0 end
  n = n + 1
  local delay = 0
  if free > 0 and n >= free then delay = math.min(base * 2 ^ math.min(n - free, 62), most) end
  redis.call('HSET', key, 'n', n, 'last', string.format('%.0f', now), 'until', string.format('%.0f', now + delay), 'told', '0', 'fp', fp)
  redis.call('PEXPIRE', key, string.format('%.0f', math.max(forget, delay) + tonumber(ARGV[4])))
end
return {0, 0}
