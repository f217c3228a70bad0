-- KEYS: a caller's record, the mark of the key of all machines
-- ARGV: the nonce of the record that is replaced, the new record, its time to live in ms, the mark, whether that time is kept
local mark = redis.call('GET', KEYS[2])
if mark and mark ~= ARGV[4] then
  return { 2 }
end
if redis.call('GETRANGE', KEYS[1], 0, 11) ~= ARGV[1] then
  return { 1 }
end
redis.call('SET', KEYS[2], ARGV[4])
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
  return { 0 }
end
local left = redis.call('PTTL', KEYS[1])
if ARGV[5] == '' or left <= 0 then
  left = ARGV[3]
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', left)
return { 0 }
