-- KEYS: the day's money, the caller's calls
-- ARGV: step, day and amount held before, amount, limit of the day, limit of calls, day and amount owed
local now = tonumber(redis.call('TIME')[1])
local today = math.floor(now / 86400)
local day = tonumber(redis.call('HGET', KEYS[1], 'day') or today)
local spent = tonumber(redis.call('HGET', KEYS[1], 'spent') or 0)
if today > day then
  day, spent = today, 0
end
if tonumber(ARGV[7]) == day then
  spent = math.max(0, spent + tonumber(ARGV[8]))
end
local is_held = tonumber(ARGV[2]) == day
local others = spent
if is_held then
  others = math.max(0, spent - tonumber(ARGV[3]))
end
local amount = tonumber(ARGV[4])
local status, made = 0, 0
if ARGV[1] == 'end' then
  -- Yesterday's money is no longer counted.
  spent = is_held and others + amount or spent
else
  local is_counted = ARGV[1] == 'begin' and ARGV[6] ~= ''
  if is_counted then
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 3600)
    made = redis.call('ZCARD', KEYS[2])
  end
  if is_counted and made >= tonumber(ARGV[6]) then
    status = 1
  elseif ARGV[5] ~= '' and others + amount > tonumber(ARGV[5]) then
    status = 2
    redis.call('HSET', KEYS[1], 'day', day, 'spent', spent)
    return { status, day, others, made }
  else
    spent = others + amount
    if is_counted then
      redis.call('ZADD', KEYS[2], now, redis.call('HINCRBY', KEYS[1], 'calls', 1))
      redis.call('EXPIRE', KEYS[2], 3600)
    end
  end
end
redis.call('HSET', KEYS[1], 'day', day, 'spent', spent)
return { status, day, spent, made }
