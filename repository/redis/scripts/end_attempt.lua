-- Records the result of an attempt that begin_attempt has counted. Implements
-- repository.Limits and repository.LimitState.
--
--   KEYS[i]   the hash of a key
--   ARGV[1]   failed, undone or succeeded
--   ARGV[2]   start of the attempt, ms
--   ARGV[3]   now, ms
--   ARGV[4]   fingerprint, or ''
--   ARGV[5]   time within which the same fingerprint is a repetition, ms
-- then for each key: free, base ms, max ms
--
-- Returns 1.

local how, began, now, fp = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
if how == 'failed' then
  local v = redis.call('HMGET', KEYS[1], 'fp', 'fpat')
  local again = fp ~= '' and v[1] == fp and math.abs(now - tonumber(v[2])) < tonumber(ARGV[5])
  if not again then
    if redis.call('EXISTS', KEYS[1]) == 1 then
      redis.call('HSET', KEYS[1], 'fp', fp, 'fpat', string.format('%.0f', now))
    end
    return 1
  end
end
for i, key in ipairs(KEYS) do
  if i == 1 and how == 'succeeded' then
    redis.call('DEL', key)
  else
    local v = redis.call('HMGET', key, 'n', 'last', 'before', 'until')
    if v[1] then
      local at = 3 * i + 3
      local free, base, longest = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
      local n, last = math.max(0, tonumber(v[1]) - 1), tonumber(v[2])
      local delay, whole = 0, math.ceil(n)
      if free > 0 and whole >= free then delay = math.min(base * 2 ^ math.min(whole - free, 62), longest) end
      local till = delay > 0 and last + delay or 0
      if last == began then last, till = tonumber(v[3]), 0 end
      if n == 0 then
        redis.call('DEL', key)
      else
        if i == 1 then redis.call('HSET', key, 'fp', '') end
        redis.call('HSET', key, 'n', string.format('%.17g', n), 'last', string.format('%.0f', last),
          'until', string.format('%.0f', math.min(tonumber(v[4]), till)))
      end
    end
  end
end
return 1
