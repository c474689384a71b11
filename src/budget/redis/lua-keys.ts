/** What is counted per key in the shared store: one small JSON value per key, and an index that bounds their number. */

export const LUA_KEYS = `
-- f: last failure or -1, h: hold until, r: moments that count, n: failures in a row, u: attempts that run -> {till, doubtful}
local function key_load(d)
  local text = call('GET', d.k1)
  d.fresh = not text
  d.s = text and cjson.decode(text) or {f = -1, h = 0, r = {}, n = 0, u = {}}
end

-- what ran out of its time failed then
local function key_overdue(d, fail)
  local late = {}
  for attempt, running in pairs(d.s.u) do if running[1] <= now then late[#late + 1] = {attempt, running[1]} end end
  table.sort(late, function(a, b) return a[2] < b[2] end)
  for i = 1, #late do
    d.s.u[late[i][1]] = nil
    fail(d, late[i][2])
  end
end

local function key_forget(d)
  local kept = {}
  for i = 1, #d.s.r do if leaves(d.s.r[i], d.window) > now then kept[#kept + 1] = d.s.r[i] end end
  d.s.r = kept
end

local function key_save(d)
  local s = d.s
  local calm = s.f == -1 or leaves(s.f, d.window) <= now
  if calm and s.h <= now and #s.r == 0 and not next(s.u) then
    call('DEL', d.k1)
    call('ZREM', d.k2, d.key)
    return
  end
  call('SET', d.k1, cjson.encode(s))
  expire(d.k1, math.max(d.window, 1))
  if d.window == 0 then call('PERSIST', d.k1) end
  local till = 9e15
  if d.window > 0 then till = math.max(now, s.f, s.h) + d.window end
  for _, running in pairs(s.u) do if d.window > 0 then till = math.max(till, running[1] + d.window) end end
  call('ZADD', d.k2, whole(till), d.key)
  expire(d.k2, 0)
end

-- forgets what counted, and keeps what runs: how it ends counts from now on
local function key_reset(k1, k2, key)
  local text = call('GET', k1)
  local s = text and cjson.decode(text) or {u = {}}
  for attempt, running in pairs(s.u) do if running[1] <= now then s.u[attempt] = nil end end
  if not next(s.u) then
    call('DEL', k1)
    call('ZREM', k2, key)
    return
  end
  s.f, s.h, s.r, s.n = -1, 0, {}, 0
  for _, running in pairs(s.u) do running[2] = 0 end
  call('SET', k1, cjson.encode(s), 'KEEPTTL')
end

local function key_full(d)
  if not d.fresh then return false end
  if call('ZCARD', d.k2) < MAX_KEYS then return false end
  call('ZREMRANGEBYSCORE', d.k2, '-inf', whole(now))
  return call('ZCARD', d.k2) >= MAX_KEYS
end

local function moments(d)
  local leaving = {}
  for i = 1, #d.s.r do leaving[i] = {leaves(d.s.r[i], d.window), 1} end
  table.sort(leaving, function(a, b) return a[1] < b[1] end)
  return leaving
end

local function remember(d, at)
  d.s.r[#d.s.r + 1] = at
  if #d.s.r > 1000 then table.remove(d.s.r, 1) end
end

local function unremember(d, at)
  for i = 1, #d.s.r do if d.s.r[i] == at then table.remove(d.s.r, i) return end end
end

local function calm_at(d)
  local calm = -HUGE
  if d.s.f ~= -1 then calm = leaves(d.s.f, d.window) end
  local running = {}
  for _, r in pairs(d.s.u) do running[#running + 1] = r end
  table.sort(running, function(a, b) return a[1] < b[1] end)
  for i = 1, #running do
    local till, doubtful = running[i][1], running[i][2] == 1 and d.axis == 'retries_per_tool'
    if doubtful or till < calm then calm = math.max(calm, leaves(till, d.window)) end
  end
  return calm
end

local function retry_fail(d, at) d.s.f = math.max(d.s.f, at) end

KINDS.retry = {
  load = function(d)
    key_load(d)
    key_overdue(d, retry_fail)
    key_forget(d)
    d.used = #d.s.r
  end,
  fit = function(d, from)
    local at = math.max(from, d.s.h)
    local calm = calm_at(d)
    if calm <= at then return at end
    return math.min(calm, first_room(moments(d), at, function(left, then_at) return left + 1 <= limit_at(d, then_at) end))
  end,
  full = key_full,
  take = function(d, attempt, till, deadline)
    local is_retry = calm_at(d) > now
    if is_retry then remember(d, now) end
    d.s.u[attempt] = {deadline, 1}
    key_save(d)
    return {a = d.axis, n = is_retry and '1' or '0', at = now}
  end,
  finish = function(d, take, used, attempt, outcome, hold)
    local ran = d.s.u[attempt]
    d.s.u[attempt] = nil
    if outcome == 'refunded' then
      if ran and take.n == '1' then unremember(d, take.at) end
    elseif outcome == 'success' then
      d.s.f, d.s.h, d.s.r = -1, 0, {}
      for _, running in pairs(d.s.u) do running[2] = 0 end
    else
      retry_fail(d, now)
      if outcome == 'failure' and hold > 0 then d.s.h = math.max(d.s.h, now + hold) end
    end
    key_save(d)
  end,
}

KINDS['repeat'] = {
  load = function(d)
    key_load(d)
    key_forget(d)
    d.used = #d.s.r
  end,
  fit = function(d, from)
    return first_room(moments(d), from, function(left, at) return left + 1 <= limit_at(d, at) end)
  end,
  full = key_full,
  take = function(d)
    remember(d, now)
    key_save(d)
    return {a = d.axis, n = '1', at = now}
  end,
  finish = function(d, take, used, attempt, outcome)
    if outcome ~= 'refunded' then return end
    unremember(d, take.at)
    key_save(d)
  end,
}

local function row_fail(d, at) d.s.n, d.s.f = d.s.n + 1, math.max(d.s.f, at) end

KINDS.failures_in_row = {
  load = function(d)
    key_load(d)
    key_overdue(d, row_fail)
    if d.s.f ~= -1 and leaves(d.s.f, d.window) <= now then d.s.n, d.s.f = 0, -1 end
    d.used = d.s.n
  end,
  fit = function(d, from)
    local limit = limit_at(d, from)
    if limit == 0 then return HUGE end
    local running = 0
    for _ in pairs(d.s.u) do running = running + 1 end
    if d.s.n == 0 or d.s.n + running < limit then return from end
    return math.max(from, leaves(d.s.f, d.window))
  end,
  full = key_full,
  take = function(d, attempt, till, deadline)
    d.s.u[attempt] = {deadline, 1}
    key_save(d)
    return {a = d.axis, n = '1'}
  end,
  finish = function(d, take, used, attempt, outcome)
    d.s.u[attempt] = nil
    if outcome == 'success' then d.s.n, d.s.f = 0, -1
    elseif outcome ~= 'refunded' then row_fail(d, now) end
    key_save(d)
  end,
}

local function key_total(d)
  call('ZREMRANGEBYSCORE', d.k2, '-inf', whole(now))
  return call('ZCARD', d.k2)
end
KINDS.retry.total, KINDS['repeat'].total, KINDS.failures_in_row.total = key_total, key_total, key_total
`
