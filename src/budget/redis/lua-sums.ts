/** Sums of a sliding window in the shared store: one hash of 60 buckets per axis, with their sum beside them. */

export const LUA_SUMS = `
local function bucket_ms(window) if window == 0 then return HUGE end return math.ceil(window / 60) end
local function bucket_at(at, window) if window == 0 then return 0 end return math.floor(at / bucket_ms(window)) end
local function bucket_leaves(bucket, window) if window == 0 then return HUGE end return (bucket + 1) * bucket_ms(window) + window end

local function held_buckets(key)
  local flat, held = call('HGETALL', key), {}
  for i = 1, #flat, 2 do
    local bucket = tonumber(flat[i])
    if bucket and tonumber(flat[i + 1]) ~= 0 then held[#held + 1] = {bucket, tonumber(flat[i + 1])} end
  end
  table.sort(held, function(a, b) return a[1] < b[1] end)
  return held
end

-- another window than before: each bucket moves to the bucket of its end, or of now
local function resize(d, old)
  local held = held_buckets(d.k1)
  call('DEL', d.k1)
  local sum, lo = 0, nil
  for i = 1, #held do
    local bucket, amount = held[i][1], held[i][2]
    if bucket_leaves(bucket, old) > now then
      local at = now
      if old > 0 then at = math.min(now, (bucket + 1) * bucket_ms(old)) end
      local into = bucket_at(at, d.window)
      if bucket_leaves(into, d.window) > now then
        call('HINCRBY', d.k1, whole(into), whole(amount))
        sum = sum + amount
        lo = math.min(lo or into, into)
      end
    end
  end
  call('HSET', d.k1, 'sum', whole(sum), 'lo', whole(lo or bucket_at(now, d.window)), 'win', whole(d.window))
  expire(d.k1, d.window)
end

local function sum_of(d)
  local h = call('HMGET', d.k1, 'sum', 'lo', 'win')
  if h[3] and tonumber(h[3]) ~= d.window then
    resize(d, tonumber(h[3]))
    h = call('HMGET', d.k1, 'sum', 'lo', 'win')
  end
  local sum = tonumber(h[1] or '0')
  local lo = tonumber(h[2] or '0')
  local first = lo
  while sum > 0 and bucket_leaves(lo, d.window) <= now do
    local amount = call('HGET', d.k1, whole(lo))
    if amount then
      sum = sum - tonumber(amount)
      call('HDEL', d.k1, whole(lo))
    end
    lo = lo + 1
  end
  if lo ~= first then call('HSET', d.k1, 'sum', whole(sum), 'lo', whole(lo)) end
  return sum
end

local function sum_add(d, amount)
  local bucket = bucket_at(now, d.window)
  if call('HINCRBY', d.k1, 'sum', whole(amount)) == amount then call('HSET', d.k1, 'lo', whole(bucket), 'win', whole(d.window)) end
  -- a new bucket: the hash lives on
  if call('HINCRBY', d.k1, whole(bucket), whole(amount)) == amount then expire(d.k1, d.window) end
  return bucket
end

KINDS.sum = {
  load = function(d) d.used = sum_of(d) end,
  fit = function(d, from)
    local need = d.amount
    if d.least >= 0 then need = d.least end
    local function fits(sum, at) return sum + need <= limit_at(d, at) end
    if from == now and fits(d.used, now) then return now end
    local leaving = held_buckets(d.k1)
    for i = 1, #leaving do leaving[i] = {bucket_leaves(leaving[i][1], d.window), leaving[i][2]} end
    return first_room(leaving, from, fits)
  end,
  take = function(d)
    if d.amount == 0 then return {a = d.axis, n = '0'} end
    return {a = d.axis, n = whole(d.amount), b = sum_add(d, d.amount), w = d.window}
  end,
  -- used: what of this take was used
  finish = function(d, take, used)
    local unused = tonumber(take.n) - used
    if unused < 0 then sum_add(d, -unused) end
    -- without a bucket it was reset meanwhile
    if unused <= 0 or not take.b then return end
    local held = call('HMGET', d.k1, 'win', whole(take.b))
    if tonumber(held[1] or '-1') ~= take.w then return end
    local back = math.min(unused, tonumber(held[2] or '0'))
    if back <= 0 then return end
    call('HINCRBY', d.k1, whole(take.b), whole(-back))
    call('HINCRBY', d.k1, 'sum', whole(-back))
  end,
  total = function(d)
    d.window = tonumber(call('HGET', d.k1, 'win') or '0')
    return sum_of(d)
  end,
}
`
