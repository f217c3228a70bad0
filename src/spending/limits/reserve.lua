-- KEYS: the day's money, the caller's calls
-- ARGV: step, day and amount held before, amount, limit of the day, limit of calls, day and amount owed;
--   day, amount, life and count of changes as this machine saw them last, and the name of the machine, if it has one
-- A life begins with the first change, and anew where a machine has seen later changes than its own last one that is
-- known here. Of a life that is over, the largest amount that a machine has seen counts on: 'known' is what of that is
-- counted already.
local time = redis.call('TIME')
local now = tonumber(time[1])
local today = math.floor(now / 86400)
local name = ARGV[13]
local kept = redis.call('HMGET', KEYS[1], 'day', 'spent', 'life', 'changes', 'known', 'at:' .. name)
local day, spent = tonumber(kept[1] or today), tonumber(kept[2] or 0)
local life, changes, known = tonumber(kept[3] or 0), tonumber(kept[4] or 0), tonumber(kept[5] or 0)
if today > day then
  day, spent, known = today, 0, 0
end
local seen_life, seen_changes = tonumber(ARGV[11]), tonumber(ARGV[12])
if life == 0 or (name ~= '' and seen_life == life and seen_changes > tonumber(kept[6] or 0)) then
  life, known = now * 1000000 + tonumber(time[2]), spent
end
local is_lost = seen_life ~= 0 and seen_life ~= life
if is_lost and tonumber(ARGV[9]) == day and tonumber(ARGV[10]) > known then
  spent = spent + tonumber(ARGV[10]) - known
  known = tonumber(ARGV[10])
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
local is_counted = ARGV[1] == 'begin' and ARGV[6] ~= ''
local status, made = 0, 0
if is_counted then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 3600)
  made = redis.call('ZCARD', KEYS[2])
end
changes = changes + 1
local change = string.format('%.0f:%.0f', life, changes)
if name == '' then
  name = change
end
if ARGV[1] == 'end' then
  -- Yesterday's money is no longer counted.
  spent = is_held and others + amount or spent
elseif is_counted and made >= tonumber(ARGV[6]) then
  status = 1
elseif ARGV[5] ~= '' and others + amount > tonumber(ARGV[5]) then
  status = 2
else
  spent = others + amount
  if is_counted then
    redis.call('ZADD', KEYS[2], now, change)
    redis.call('EXPIRE', KEYS[2], 3600)
  end
end
if ARGV[1] ~= 'look' then
  redis.call('HSET', KEYS[1], 'day', day, 'spent', spent, 'life', life, 'changes', changes, 'known', known,
    'at:' .. name, changes)
end
return { status, day, spent, others, made, life, changes, is_lost and 1 or 0 }
