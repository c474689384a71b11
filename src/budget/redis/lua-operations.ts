/** What the scripts do: take, end, renew, read, change. Each is one atomic step on one account. */

/** ARGV: epochs, known, attempt, owner, lease ttl, attempt ttl, `new` or `more`, number of axes; then eight values per axis. */
export const LUA_RESERVE = `
local attempt, owner, mode, count = ARGV[3], ARGV[4], ARGV[7], tonumber(ARGV[8])
if meta[3] == '1' then return {'frozen'} end
local text = call('HGET', LEASES, attempt)
if text == 'void' or (mode == 'more' and not text) then return {'ended'} end
local lease = text and cjson.decode(text) or {o = owner, d = now + tonumber(ARGV[6]), t = {}}
if mode == 'more' and lease.d <= now then return {'ended'} end
if mode == 'new' and text then
  local again = {'again', whole(lease.f)}
  for i = 1, #lease.t do again[#again + 1] = lease.t[i].n end
  return again
end

local demands, short, full = {}, {}, false
for i = 1, count do
  local d = demand_at(9, i)
  local kind = KINDS[d.kind]
  kind.load(d)
  demands[i] = d
  d.over = kind.fit(d, now) ~= now
  if d.over and not d.warn then short[#short + 1] = i end
  if not d.warn and kind.full and kind.full(d) then full = true end
end

local function wait_for()
  local at = now
  for _ = 1, 1000 do
    local latest, unknown = at, false
    for i = 1, count do
      local d = demands[i]
      if not d.warn then
        local moment = KINDS[d.kind].fit(d, at)
        if moment == HUGE then return -1 end
        if moment then latest = math.max(latest, moment) else unknown = true end
      end
    end
    if unknown then return -2 end
    if latest == at then return at - now end
    at = latest
  end
  return -2
end

if #short > 0 then
  local refusal = {'limit', whole(wait_for())}
  for i = 1, #short do
    local d = demands[short[i]]
    refusal[#refusal + 1] = short[i]
    refusal[#refusal + 1] = whole(d.used)
    refusal[#refusal + 1] = whole(limit_at(d, now))
  end
  return refusal
end
if full then return {'capacity'} end

local till = math.min(lease.d, now + tonumber(ARGV[5]))
if mode == 'new' then lease.f = call('HINCRBY', META, 'fence', 1) end
local reply, longest = {'ok', whole(lease.f)}, 0
for i = 1, count do
  local d = demands[i]
  if d.least >= 0 and not d.warn then d.amount = math.min(d.amount, math.max(limit_at(d, now) - d.used, d.least)) end
  local crossing = 0
  if d.warn then
    local flag = 'over:' .. d.axis
    if not d.over then call('HDEL', META, flag)
    elseif call('HSET', META, flag, '1') == 1 then crossing = 2 else crossing = 1 end
  end
  reply[#reply + 1] = whole(d.amount)
  reply[#reply + 1] = whole(d.used)
  reply[#reply + 1] = whole(limit_at(d, now))
  reply[#reply + 1] = crossing
  longest = math.max(longest, d.window)
  local take = KINDS[d.kind].take(d, attempt, till, lease.d)
  local last = lease.t[#lease.t]
  -- chunks of a stream in one bucket are one take
  if last and take.b and last.a == take.a and last.b == take.b and last.w == take.w then last.n = whole(tonumber(last.n) + tonumber(take.n))
  else lease.t[#lease.t + 1] = take end
end
keep(longest)
call('HSET', LEASES, attempt, cjson.encode(lease))
call('ZADD', OPEN, whole(till), attempt)
if mode == 'new' then
  if lease.f % 32 == 1 then
    call('PEXPIRE', LEASES, whole(2 * math.max(DAY, longest)))
    call('PEXPIRE', OPEN, whole(2 * math.max(DAY, longest)))
  end
  local old = call('ZRANGEBYSCORE', OPEN, '-inf', whole(now - math.max(DAY, longest)), 'LIMIT', 0, 10)
  for i = 1, #old do
    call('ZREM', OPEN, old[i])
    call('HDEL', LEASES, old[i])
  end
end
return reply
`

/** ARGV: epochs, known, attempt, outcome (`refunded` too), hold, number of axes; then eight values per axis, amount = used or -1. */
export const LUA_SETTLE = `
local attempt, outcome, hold, count = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local text = call('HGET', LEASES, attempt)
if not text then
  -- the reservation may still be on its way: it must find that it is over
  call('HSET', LEASES, attempt, 'void')
  call('ZADD', OPEN, whole(now), attempt)
  keep(0)
  return {'unknown'}
end
if text == 'void' then return {'unknown'} end
local lease = cjson.decode(text)
local demands, total = {}, {}
for i = 1, count do
  local d = demand_at(7, i)
  demands[d.axis] = d
  total[d.axis] = 0
end
for i = 1, #lease.t do if total[lease.t[i].a] then total[lease.t[i].a] = total[lease.t[i].a] + tonumber(lease.t[i].n) end end
for i = #lease.t, 1, -1 do
  local take = lease.t[i]
  local d = demands[take.a]
  if d then
    if not d.unused then
      d.unused = d.amount < 0 and 0 or total[d.axis] - d.amount
      if outcome == 'refunded' then d.unused = total[d.axis] end
      if d.kind ~= 'sum' and KINDS[d.kind].load then KINDS[d.kind].load(d) end
    end
    local back = math.min(d.unused, tonumber(take.n))
    d.unused = d.unused - back
    KINDS[d.kind].finish(d, take, tonumber(take.n) - back, attempt, outcome, hold)
  end
end
call('HDEL', LEASES, attempt)
call('ZREM', OPEN, attempt)
call('HSET', META, 'last', whole(now))
return {'ok'}
`

/** ARGV: epochs, known, owner, lease ttl, number of axes; eight values per axis; then attempts and the time each has left. Answers which of them are gone. */
export const LUA_RENEW = `
local owner, ttl, count = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local demands, gone = {}, {'ok'}
for i = 1, count do
  local d = demand_at(6, i)
  demands[d.axis] = d
end
for i = 6 + count * 8, #ARGV, 2 do
  local attempt = ARGV[i]
  local text = call('HGET', LEASES, attempt)
  local score = call('ZSCORE', OPEN, attempt)
  local lease = text and text ~= 'void' and cjson.decode(text)
  if not lease or lease.o ~= owner or not score or tonumber(score) <= now then
    gone[#gone + 1] = attempt
  else
    lease.d = math.min(lease.d, now + tonumber(ARGV[i + 1]))
    local till = math.min(lease.d, now + ttl)
    call('HSET', LEASES, attempt, cjson.encode(lease))
    call('ZADD', OPEN, whole(till), attempt)
    for t = 1, #lease.t do
      local d = demands[lease.t[t].a]
      if d then KINDS[d.kind].renew(d, lease.t[t], attempt, till) end
    end
  end
end
call('HSET', META, 'last', whole(now))
return gone
`

/** ARGV: epochs, known, number of axes; eight values per axis. Answers frozen, one total and bonus per axis, then the open leases. */
export const LUA_READ = `
local count = tonumber(ARGV[3])
local reply = {'ok', meta[3] or '0'}
for i = 1, count do
  local d = demand_at(4, i)
  reply[#reply + 1] = whole(KINDS[d.kind].total(d))
  reply[#reply + 1] = whole(d.window)
  reply[#reply + 1] = whole(bonus(d.axis, now))
end
local open = call('ZRANGE', OPEN, 0, -1, 'WITHSCORES')
for i = 1, #open, 2 do
  local text = call('HGET', LEASES, open[i])
  if text and text ~= 'void' then
    local lease, axes = cjson.decode(text), {}
    for t = 1, #lease.t do axes[t] = lease.t[t].a end
    reply[#reply + 1] = open[i]
    reply[#reply + 1] = lease.o
    reply[#reply + 1] = tonumber(open[i + 1]) <= now and '1' or '0'
    reply[#reply + 1] = table.concat(axes, ',')
  end
end
return reply
`

/** ARGV: epochs, known, `freeze` | `thaw` | `grant` | `reset`; of a grant id, axis, amount, ttl; of a reset the axes, and as first key of what is counted per key the start of its keys' names. */
export const LUA_CHANGE = `
local what = ARGV[3]
if what == 'freeze' then
  keep(0)
  call('HSET', META, 'frozen', '1')
  call('PERSIST', META)
elseif what == 'thaw' then
  keep(0)
  call('HDEL', META, 'frozen')
elseif what == 'grant' then
  local held, live = call('HGETALL', GRANTS), 0
  for i = 1, #held, 2 do
    if cjson.decode(held[i + 1]).till <= now then call('HDEL', GRANTS, held[i]) else live = live + 1 end
  end
  if live >= 100 then return {'capacity'} end
  local till = now + tonumber(ARGV[7])
  call('HSET', GRANTS, ARGV[4], cjson.encode({axis = ARGV[5], amount = ARGV[6], till = till}))
  call('PEXPIRE', GRANTS, whole(math.max(tonumber(ARGV[7]), call('PTTL', GRANTS))))
  keep(0)
  call('HSET', META, 'granted', whole(math.max(till, tonumber(meta[4] or '0'))))
else
  for i = 5, #KEYS, 2 do
    if call('TYPE', KEYS[i + 1]).ok == 'zset' then
      for _, key in ipairs(call('ZRANGE', KEYS[i + 1], 0, -1)) do key_reset(KEYS[i] .. ':' .. key, KEYS[i + 1], key) end
    else
      call('DEL', KEYS[i], KEYS[i + 1])
    end
  end
  -- what is forgotten cannot be given back: it would be taken from what others spend from now on
  local forgotten = {}
  for i = 4, #ARGV do forgotten[ARGV[i]] = true end
  local held = call('HGETALL', LEASES)
  for i = 1, #held, 2 do
    local lease = held[i + 1] ~= 'void' and cjson.decode(held[i + 1])
    if lease then
      for t = 1, #lease.t do
        local take = lease.t[t]
        if forgotten[take.a] then take.b, take.at = nil, nil end
      end
      call('HSET', LEASES, held[i], cjson.encode(lease))
    end
  end
  keep(0)
end
return {'ok'}
`
