-- Says which of the commands that the store uses the caller may not run. Changes nothing.
--
-- KEYS[1]  a key with the prefix
--
-- Returns their names; none where the server cannot tell (before Redis 7).

local lacking, key = {}, KEYS[1]
if redis.acl_check_cmd then
  for _, c in ipairs({
    {'HGET', key, 'f'}, {'HMGET', key, 'f'}, {'HGETALL', key}, {'HSET', key, 'f', 'v'}, {'ZADD', key, '1', 'm'},
    {'ZREM', key, 'm'}, {'ZRANGE', key, '0', '-1'}, {'PEXPIRE', key, '1'}, {'PTTL', key}, {'DEL', key}, {'EXISTS', key},
  }) do
    if not redis.acl_check_cmd(unpack(c)) then
      lacking[#lacking + 1] = c[1]
    end
  end
end
return lacking
