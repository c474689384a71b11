/** Distinct keys, and what is in flight, in the shared store: sorted sets by last use, or by the end of the lease. */

export const LUA_SETS = `
local function set_expire(d)
  if d.window == 0 then return end
  local gone = call('ZRANGEBYSCORE', d.k1, '-inf', whole(now - d.window), 'LIMIT', 0, 1000)
  while #gone > 0 do
    call('ZREM', d.k1, unpack(gone))
    call('HDEL', d.k2, unpack(gone))
    gone = call('ZRANGEBYSCORE', d.k1, '-inf', whole(now - d.window), 'LIMIT', 0, 1000)
  end
end

KINDS.set = {
  load = function(d)
    set_expire(d)
    d.used = call('ZCARD', d.k1)
    d.known = call('ZSCORE', d.k1, d.key)
  end,
  fit = function(d, from)
    if d.known and leaves(tonumber(d.known), d.window) > from then return from end
    if d.used < limit_at(d, from) then return from end
    local members = call('ZRANGE', d.k1, 0, math.max(0, d.used - d.limit), 'WITHSCORES')
    local leaving = {}
    for i = 1, #members, 2 do leaving[#leaving + 1] = {leaves(tonumber(members[i + 1]), d.window), 1} end
    local later = d.used - #leaving
    return first_room(leaving, from, function(left, at) return left + later + 1 <= limit_at(d, at) end)
  end,
  full = function(d) return not d.known and d.used >= MAX_KEYS end,
  -- k2: key -> the attempt that brought it, as long as no other used it; '' -> the window
  take = function(d, attempt)
    if d.known then
      call('HDEL', d.k2, d.key)
    elseif d.used < MAX_KEYS then
      call('HSET', d.k2, d.key, attempt, '', whole(d.window))
    else
      return {a = d.axis, n = '1'}
    end
    call('ZADD', d.k1, whole(now), d.key)
    expire(d.k1, d.window)
    expire(d.k2, d.window)
    return {a = d.axis, n = '1'}
  end,
  finish = function(d, take, used, attempt)
    if used > 0 or call('HGET', d.k2, d.key) ~= attempt then return end
    call('ZREM', d.k1, d.key)
    call('HDEL', d.k2, d.key)
  end,
  total = function(d)
    d.window = tonumber(call('HGET', d.k2, '') or '0')
    set_expire(d)
    return call('ZCARD', d.k1)
  end,
}

KINDS.in_flight = {
  load = function(d)
    call('ZREMRANGEBYSCORE', d.k1, '-inf', whole(now))
    d.used = call('ZCARD', d.k1)
  end,
  fit = function(d, from)
    if d.used + d.amount <= limit_at(d, from) then return from end
    if d.amount > d.limit then return HUGE end
    return nil
  end,
  take = function(d, attempt, till)
    for i = 1, d.amount do call('ZADD', d.k1, whole(till), attempt .. '#' .. i) end
    call('PEXPIRE', d.k1, DAY)
    return {a = d.axis, n = whole(d.amount)}
  end,
  finish = function(d, take, used, attempt)
    for i = 1, tonumber(take.n) do call('ZREM', d.k1, attempt .. '#' .. i) end
  end,
  renew = function(d, take, attempt, till)
    for i = 1, tonumber(take.n) do call('ZADD', d.k1, 'XX', whole(till), attempt .. '#' .. i) end
  end,
  total = function(d)
    call('ZREMRANGEBYSCORE', d.k1, '-inf', whole(now))
    return call('ZCARD', d.k1)
  end,
}

-- members are <attempt><space><target>: an attempt has no space in it
local function targets(d)
  call('ZREMRANGEBYSCORE', d.k1, '-inf', whole(now))
  local seen, count = {}, 0
  local members = call('ZRANGE', d.k1, 0, -1)
  for i = 1, #members do
    local target = string.match(members[i], '^%S+ (.*)$')
    if not seen[target] then count = count + 1 end
    seen[target] = true
  end
  return seen, count
end

KINDS.targets_in_flight = {
  load = function(d) d.seen, d.used = targets(d) end,
  fit = function(d, from)
    if d.seen[d.key] or d.used < limit_at(d, from) then return from end
    return nil
  end,
  take = function(d, attempt, till)
    call('ZADD', d.k1, whole(till), attempt .. ' ' .. d.key)
    call('PEXPIRE', d.k1, DAY)
    return {a = d.axis, n = '1', k = d.key}
  end,
  finish = function(d, take, used, attempt) call('ZREM', d.k1, attempt .. ' ' .. take.k) end,
  renew = function(d, take, attempt, till) call('ZADD', d.k1, 'XX', whole(till), attempt .. ' ' .. take.k) end,
  total = function(d)
    local _, count = targets(d)
    return count
  end,
}
`
