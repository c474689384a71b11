/** Rates: never over the limit in any minute, truthful about when the next request passes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { createManualClock } from '../base/clock.ts'
import { createRateLimiter, type RateLimitedProfile } from './rate-limit.ts'

const MINUTE_MS = 60_000
const SLOT_MS = 100

function profile(requests: number, bytes = 0, name = 'agent-a'): RateLimitedProfile {
  return { name, maxRequestsPerMinute: requests, maxDataPerMinuteBytes: bytes }
}

function limiter() {
  const clock = createManualClock()
  return { clock, rates: createRateLimiter(clock, ['agent-a', 'agent-b']) }
}

test('a minute admits exactly its limit', () => {
  const { rates } = limiter()
  const results = Array.from({ length: 7 }, () => rates.take(profile(5))?.reason)
  assert.deepEqual(results, [undefined, undefined, undefined, undefined, undefined, 'rate_limited', 'rate_limited'])
})

test('a lone request gives its place back after one minute to the millisecond', () => {
  const { clock, rates } = limiter()
  clock.advance(37)
  rates.take(profile(1))
  clock.advance(MINUTE_MS - 1)
  assert.equal(rates.take(profile(1))?.retryAfterSeconds, 1)
  clock.advance(1)
  assert.equal(rates.take(profile(1)), undefined)
})

test('retry-after is the first second at which the request passes: not one second earlier', () => {
  const { clock, rates } = limiter()
  rates.take(profile(2))
  clock.advance(20_500)
  rates.take(profile(2))
  clock.advance(1_300)

  const seconds = rates.take(profile(2))?.retryAfterSeconds ?? 0
  assert.equal(seconds, 39)
  clock.advance((seconds - 1) * 1000)
  assert.equal(rates.take(profile(2))?.reason, 'rate_limited')
  clock.advance(1000)
  assert.equal(rates.take(profile(2)), undefined)
})

test('a refused request takes nothing', () => {
  const { clock, rates } = limiter()
  rates.take(profile(1))
  for (let i = 0; i < 100; i++) rates.take(profile(1))
  clock.advance(MINUTE_MS)
  assert.equal(rates.take(profile(1)), undefined)
  assert.equal(rates.usage('agent-a').requests, 1)
})

test('zero is no limit', () => {
  const { rates } = limiter()
  rates.addBytes('agent-a', 1e12)
  for (let i = 0; i < 1000; i++) assert.equal(rates.take(profile(0)), undefined)
})

test('bytes that passed make the next request wait until enough of them are a minute old', () => {
  const { clock, rates } = limiter()
  rates.addBytes('agent-a', 600)
  clock.advance(10_000)
  rates.addBytes('agent-a', 500)

  const denial = rates.take(profile(0, 1000))
  assert.equal(denial?.reason, 'data_rate_limited')
  assert.equal(denial.retryAfterSeconds, 50)
  clock.advance(49_999)
  assert.equal(rates.take(profile(0, 1000))?.reason, 'data_rate_limited')
  clock.advance(1)
  assert.equal(rates.take(profile(0, 1000)), undefined)
})

test('where both limits refuse, the longer wait is told', () => {
  const { clock, rates } = limiter()
  rates.take(profile(1))
  clock.advance(30_000)
  rates.addBytes('agent-a', 10)
  const denial = rates.take(profile(1, 10))
  assert.deepEqual([denial?.reason, denial?.retryAfterSeconds], ['data_rate_limited', 60])
})

test('profiles never share a count', () => {
  const { rates } = limiter()
  rates.take(profile(1))
  assert.equal(rates.take(profile(1))?.reason, 'rate_limited')
  assert.equal(rates.take(profile(1, 0, 'agent-b')), undefined)
})

test('a reload changes the limit and keeps the count; a profile that goes loses it', () => {
  const { rates } = limiter()
  rates.take(profile(5))
  rates.take(profile(5))
  rates.retain(['agent-a'])
  assert.equal(rates.take(profile(2))?.reason, 'rate_limited')

  rates.retain(['agent-b'])
  rates.retain(['agent-a', 'agent-b'])
  assert.equal(rates.take(profile(2)), undefined)
})

test('names that are not configured share one count, so that they cannot grow the state', () => {
  const { rates } = limiter()
  assert.equal(rates.take(profile(1, 0, 'ghost-1')), undefined)
  assert.equal(rates.take(profile(1, 0, 'ghost-2'))?.reason, 'rate_limited')
  rates.addBytes('ghost-3', 7)
  assert.equal(rates.usage('ghost-4').bytes, 7)
})

/** Every admission kept with its time: what the slots must agree with. */
interface NaiveEntry {
  readonly atMs: number
  readonly amount: number
}

function naiveSum(entries: readonly NaiveEntry[], nowMs: number): number {
  return entries.filter(({ atMs }) => atMs + MINUTE_MS > nowMs).reduce((sum, { amount }) => sum + amount, 0)
}

const steps = fc.array(fc.tuple(fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 70_000 })), fc.integer({ min: 0, max: 50 })), { maxLength: 200 })

test('against a model that keeps every time: never over the limit, never refused by more than one slot too long', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 12 }), (waits, limit) => {
      const { clock, rates } = limiter()
      const admitted: NaiveEntry[] = []
      for (const [waitMs] of waits) {
        clock.advance(waitMs)
        const nowMs = clock.monotonicMs()
        const denial = rates.take(profile(limit))
        if (denial === undefined) {
          assert.ok(naiveSum(admitted, nowMs) < limit, 'over the limit within one minute')
          admitted.push({ atMs: nowMs, amount: 1 })
        } else {
          assert.ok(naiveSum(admitted, nowMs - SLOT_MS) >= limit, 'refused without need')
        }
      }
    }),
  )
})

test('retry-after is kept: at that second the request passes, within the last second before it does not', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 200 }), (waits, requests, bytes) => {
      const { clock, rates } = limiter()
      for (const [waitMs, amount] of waits) {
        clock.advance(waitMs)
        rates.addBytes('agent-a', amount)
        const seconds = rates.take(profile(requests, bytes))?.retryAfterSeconds
        if (seconds === undefined) continue
        assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, String(seconds))
        clock.advance((seconds - 1) * 1000)
        assert.notEqual(rates.take(profile(requests, bytes)), undefined)
        clock.advance(1000)
        assert.equal(rates.take(profile(requests, bytes)), undefined)
      }
    }),
  )
})
