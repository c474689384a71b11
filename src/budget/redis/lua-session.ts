/** The wall clock of a session and the cycles of its calls, in the shared store. */

export const LUA_SESSION = `
KINDS.elapsed = {
  load = function(d)
    local h = call('HMGET', d.k1, 'started', 'last')
    d.started, d.last = tonumber(h[1]), tonumber(h[2] or '0')
    if d.started and leaves(d.last, d.window) <= now then d.started = nil end
    d.used = d.started and now - d.started or 0
  end,
  fit = function(d, from)
    if d.started and from - d.started < limit_at(d, from) then return from end
    local rested = d.started and math.max(from, leaves(d.last, d.window)) or from
    if limit_at(d, rested) > 0 then return rested end
    return HUGE
  end,
  take = function(d)
    call('HSET', d.k1, 'started', whole(d.started or now), 'last', whole(now))
    expire(d.k1, d.window)
    return {a = d.axis, n = '1'}
  end,
  finish = function(d, take, used, attempt, outcome)
    if d.started and outcome ~= 'refunded' then call('HSET', d.k1, 'last', whole(now)) end
  end,
  total = function(d)
    local started = call('HGET', d.k1, 'started')
    return started and now - tonumber(started) or 0
  end,
}

local function rounds_of_length(calls, length)
  local n = #calls
  if n < length then return 0 end
  local same = true
  for i = n - length + 2, n do if calls[i] ~= calls[n - length + 1] then same = false end end
  if same then return 0 end
  local equal = length
  while equal < n and calls[n - equal] == calls[n - equal + length] do equal = equal + 1 end
  return math.floor(equal / length)
end

local function rounds_of(calls)
  local most = 0
  for length = 2, 5 do
    local rounds = rounds_of_length(calls, length)
    if rounds > 1 then most = math.max(most, rounds) end
  end
  return most
end

-- the amount is how many calls are looked back upon
KINDS.cycle = {
  load = function(d)
    d.calls = call('LRANGE', d.k1, -d.amount, -1)
    d.used = rounds_of(d.calls)
  end,
  fit = function(d, from)
    local calls = {unpack(d.calls)}
    calls[#calls + 1] = d.key
    if #calls > d.amount then table.remove(calls, 1) end
    if rounds_of(calls) <= limit_at(d, from) then return from end
    return nil
  end,
  take = function(d)
    call('RPUSH', d.k1, d.key)
    call('LTRIM', d.k1, -d.amount, -1)
    call('PEXPIRE', d.k1, DAY)
    return {a = d.axis, n = '1'}
  end,
  finish = function(d, take, used, attempt, outcome)
    if outcome == 'refunded' then call('LREM', d.k1, -1, d.key) end
  end,
  total = function(d) return call('LLEN', d.k1) end,
}
`
