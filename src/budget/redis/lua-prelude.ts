/**
 * The part that all scripts of the shared store begin with: time, epoch, grants, and the search for the first moment with room.
 * The kinds of axis (`lua-sums.ts`, `lua-sets.ts`, `lua-keys.ts`, `lua-session.ts`) count by the same rules as `meters/`.
 *
 * KEYS: meta, grants, leases, open leases; then two per axis. ARGV: epochs, whether the account is known, then each script's own.
 */

export const LUA_PRELUDE = `
local HUGE = math.huge
local DAY = 86400000
local META, GRANTS, LEASES, OPEN = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local MAX_KEYS = 10000
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local meta = call('HMGET', META, 'epoch', 'last', 'frozen', 'granted')
-- after a failover the new master's clock may be behind
if meta[2] and tonumber(meta[2]) > now then now = tonumber(meta[2]) end
if meta[1] then
  if not string.find(ARGV[1], meta[1], 1, true) then return {'epoch'} end
elseif ARGV[2] == '1' then
  return {'epoch'}
end

local function whole(n) return string.format('%.0f', n) end

local function keep(window)
  call('HSET', META, 'epoch', string.match(ARGV[1], '^%S+'), 'last', whole(now))
  -- a freeze has no end
  if meta[3] ~= '1' then call('PEXPIRE', META, whole(math.max(30 * DAY, 2 * window))) end
end

-- state is kept a while longer than it counts
local function expire(key, window)
  if window > 0 then call('PEXPIRE', key, whole(window + DAY)) else call('PERSIST', key) end
end

local function leaves(last, window) if window == 0 then return HUGE end return last + window end

local grants
local function bonus(axis, at)
  if not meta[4] or tonumber(meta[4]) <= at then return 0 end
  if not grants then
    grants = {}
    local held = call('HVALS', GRANTS)
    for i = 1, #held do grants[i] = cjson.decode(held[i]) end
  end
  local sum = 0
  for i = 1, #grants do
    if grants[i].axis == axis and grants[i].till > at then sum = sum + tonumber(grants[i].amount) end
  end
  return sum
end

local function limit_at(d, at) return d.limit + bonus(d.axis, at) end

-- leaving: list of {at, amount} in order of time
local function first_room(leaving, from, fits)
  local left, at = 0, from
  for i = 1, #leaving do left = left + leaving[i][2] end
  for i = 1, #leaving do
    if leaving[i][1] > at then
      if fits(left, at) then return at end
      at = leaving[i][1]
    end
    left = left - leaving[i][2]
  end
  if fits(left, at) then return at end
  return HUGE
end

local KINDS = {}

-- eight values per axis from ARGV[first] on, two keys from KEYS[5] on
local function demand_at(first, i)
  local a = first + (i - 1) * 8
  return {
    axis = ARGV[a], kind = ARGV[a + 1], limit = tonumber(ARGV[a + 2]), window = tonumber(ARGV[a + 3]), warn = ARGV[a + 4] == 'warn',
    amount = tonumber(ARGV[a + 5]), least = tonumber(ARGV[a + 6]), key = ARGV[a + 7], k1 = KEYS[3 + 2 * i], k2 = KEYS[4 + 2 * i],
  }
end
`
