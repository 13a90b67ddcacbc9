-- Takes back what begin_attempt counted. Its meaning is that of
-- repository.LimitState.TakeBack.
--
-- KEYS[i]   the hash of a key
-- ARGV[1]   1 where the attempt succeeded: the first key is forgotten
-- then for each key: free, base ms, max ms
--
-- Returns 1.

for i, key in ipairs(KEYS) do
  if i == 1 and ARGV[1] == '1' then
    redis.call('DEL', key)
  else
    local v = redis.call('HMGET', key, 'n', 'last', 'until')
    if v[1] then
      local at = 3 * i - 2
      local free, base, most = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
      local n = math.max(0, tonumber(v[1]) - 1)
      local delay = 0
      if free > 0 and n >= free then delay = math.min(base * 2 ^ math.min(n - free, 62), most) end
      local till = math.min(tonumber(v[3]), tonumber(v[2]) + delay)
      redis.call('HSET', key, 'n', n, 'until', string.format('%.0f', till), 'fp', '')
    end
  end
end
return 1
