/**
 * The two scripts of the shared replay window. Each is one atomic step in Redis, and each reads time from Redis alone:
 * replicas whose clocks differ would otherwise forget a nonce before all of them refuse the request.
 *
 * Keys, all under one hash tag, so that a script may touch them together also in a cluster:
 *   {ns}:epoch             random; says that this is still the store that was written before
 *   {ns}:run               run id of the Redis process that last wrote
 *   {ns}:floor             milliseconds; what was created at or before it is refused
 *   {ns}:n:<key>:<nonce>   attempt id; lives until no copy would pass
 *   {ns}:c:<key>           live nonces of the key by the last second they are kept for, and their sum
 */

/**
 * Looks whether the store is the one that was written before, by this very process of Redis. After a restart, a failover
 * or a loss, acknowledged burns can be gone: the floor then rises above all that can have been accepted.
 *
 * KEYS epoch, run, floor · ARGV new epoch, run id, skew allowed for the future in ms · returns epoch, floor
 */
export const JOIN_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch = redis.call('GET', KEYS[1])
if not epoch or redis.call('GET', KEYS[2]) ~= ARGV[2] then
  local floor = math.max(tonumber(redis.call('GET', KEYS[3]) or '0'), now + tonumber(ARGV[3]))
  redis.call('SET', KEYS[3], string.format('%.0f', floor))
  if not epoch then
    epoch = ARGV[1]
    redis.call('SET', KEYS[1], epoch)
  end
  redis.call('SET', KEYS[2], ARGV[2])
end
return {epoch, redis.call('GET', KEYS[3]) or '0'}
`

/**
 * Burns one nonce, or says why not.
 *
 * KEYS epoch, run, floor, nonce, counts · ARGV epoch, run id, attempt id, created ms, keep until ms, capacity, future skew ms
 * · returns a word of BurnResult, or 'lost'
 */
export const BURN_SCRIPT = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then return {'lost', '0'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local floor = redis.call('GET', KEYS[3]) or '0'
local created, keep = tonumber(ARGV[4]), tonumber(ARGV[5])
if created <= tonumber(floor) then return {'replay_floor', floor} end
if created > now + tonumber(ARGV[7]) then return {'not_yet_valid', floor} end
if keep <= now then return {'expired', floor} end
local seen = redis.call('GET', KEYS[4])
if seen then return {seen == ARGV[3] and 'fresh' or 'replay', floor} end
local second, last = math.floor(now / 1000), math.ceil(keep / 1000)
local counts = redis.call('HMGET', KEYS[5], 'sum', 'low')
local sum, low = tonumber(counts[1] or '0'), tonumber(counts[2] or second)
while low < second do
  local gone = redis.call('HGET', KEYS[5], low)
  if gone then
    sum = sum - gone
    redis.call('HDEL', KEYS[5], low)
  end
  low = low + 1
end
if sum >= tonumber(ARGV[6]) then
  redis.call('HSET', KEYS[5], 'sum', sum, 'low', low)
  return {'replay_capacity', floor}
end
redis.call('SET', KEYS[4], ARGV[3], 'PXAT', string.format('%.0f', keep))
redis.call('HINCRBY', KEYS[5], last, 1)
redis.call('HSET', KEYS[5], 'sum', sum + 1, 'low', low)
local expires = (last + 2) * 1000
if redis.call('PTTL', KEYS[5]) < expires - now then redis.call('PEXPIREAT', KEYS[5], string.format('%.0f', expires)) end
return {'fresh', floor}
`
