-- Returns the commands that the store uses and the Redis user may not run. Changes nothing.
--
-- KEYS[1]  a key with the prefix
--
-- Returns their names; none if the server is older than Redis 7, which cannot tell.

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
