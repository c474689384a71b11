/** Each axis by its definition, in memory, on a clock that is moved by hand. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createManualClock } from '../base/clock.ts'
import type { AxisName } from './axis.ts'
import { isRefused, type AttemptOutcome, type Demand, type Granted, type Refused, type SoonOrLater, type SubjectUsage, type Wait } from './ledger.ts'
import { LocalLedger } from './local-ledger.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

function aDemand(axis: AxisName, limit: number, more: Partial<Demand> = {}): Demand {
  return { axis, limit, windowMs: HOUR_MS, action: 'block', ...more }
}

function aLedger() {
  const clock = createManualClock()
  const expired: string[] = []
  const ledger = new LocalLedger({ nowMs: () => clock.monotonicMs(), maxSubjects: 3, onExpired: ({ attempt }) => expired.push(attempt) })
  let attempts = 0
  const reserve = (demands: readonly Demand[], ttlMs = HOUR_MS, subject = 'a') => atOnce(ledger.reserve({ subject, attempt: `attempt-${attempts++}`, demands, ttlMs }))
  const attemptWith = (demand: Demand, outcome?: AttemptOutcome) => {
    const answer = reserve([demand])
    if (!isRefused(answer) && outcome !== undefined) ledger.settle(answer.lease, { outcome })
    return isRefused(answer) ? answer.waitMs : 'granted'
  }
  return { clock, ledger, expired, reserve, attemptWith }
}

/** In memory alone nothing is answered later. */
function atOnce<T>(answer: SoonOrLater<T>): T {
  assert.ok(!(answer instanceof Promise))
  return answer
}

function granted(answer: Granted | Refused): Granted {
  assert.ok(!isRefused(answer), JSON.stringify(answer))
  return answer
}

function waitOf(answer: Granted | Refused): Wait {
  assert.ok(isRefused(answer))
  return answer.waitMs
}

const SUCCESS = { kind: 'success' } as const
const FAILURE = { kind: 'failure' } as const

test('exactly the limit is granted, and the first refused one says when it would be admitted', () => {
  const { clock, reserve } = aLedger()
  const one = aDemand('requests', 3)
  for (let i = 0; i < 3; i++) {
    granted(reserve([one]))
    clock.advance(5 * MINUTE_MS)
  }
  const refused = reserve([one])
  assert.deepEqual(refused, { cause: 'limit', shortfalls: [{ axis: 'requests', limit: 3, used: 3, asked: 1, windowMs: HOUR_MS }], waitMs: 46 * MINUTE_MS })
  clock.advance(46 * MINUTE_MS - 1)
  assert.equal(waitOf(reserve([one])), 1)
  clock.advance(1)
  granted(reserve([one]))
  assert.equal(waitOf(reserve([one])), 5 * MINUTE_MS)
})

test('a refusal on one axis spends nothing on the others', () => {
  const { reserve } = aLedger()
  assert.equal(waitOf(reserve([aDemand('requests', 1), aDemand('bytes', 10, { amount: 11 })])), 'never')
  granted(reserve([aDemand('requests', 1), aDemand('bytes', 10, { amount: 10 })]))
})

test('a stream takes what fits, gives back what it did not use, and a window of 0 never ends', () => {
  const { clock, ledger, reserve } = aLedger()
  const chunk = aDemand('bytes', 100, { amount: 64, atLeast: 1, windowMs: 0 })
  const { lease, partial } = granted(reserve([chunk]))
  assert.equal(partial.get('bytes'), 64)
  assert.equal(granted(atOnce(ledger.reserveMore(lease, chunk))).partial.get('bytes'), 36)
  assert.equal(waitOf(atOnce(ledger.reserveMore(lease, chunk))), 'never')
  ledger.settle(lease, { outcome: SUCCESS, used: { bytes: 70 } })
  ledger.settle(lease, { outcome: SUCCESS, used: { bytes: 0 } })
  assert.ok(isRefused(atOnce(ledger.reserveMore(lease, chunk))))
  clock.advance(1000 * HOUR_MS)
  assert.equal(granted(reserve([chunk])).partial.get('bytes'), 30)
})

test('a known destination is always admitted, a new one when one has left, and a refunded one was never there', () => {
  const { clock, ledger, reserve } = aLedger()
  const to = (key: string) => [aDemand('destinations', 2, { key })]
  granted(reserve(to('one')))
  clock.advance(MINUTE_MS)
  const second = granted(reserve(to('two')))
  assert.equal(waitOf(reserve(to('three'))), 59 * MINUTE_MS)
  granted(reserve(to('one')))
  assert.equal(waitOf(reserve(to('three'))), HOUR_MS)
  ledger.refund(second.lease)
  granted(reserve(to('three')))
})

test('what another attempt has used since is not refunded', () => {
  const { ledger, reserve } = aLedger()
  const to = (key: string) => [aDemand('destinations', 1, { key })]
  const first = granted(reserve(to('one')))
  granted(reserve(to('one')))
  ledger.settle(first.lease, { outcome: FAILURE, used: { destinations: 0 } })
  assert.ok(isRefused(reserve(to('two'))))
})

test('concurrency is released by an end or by its deadline, once, and the deadline is told', () => {
  const { clock, ledger, expired, reserve } = aLedger()
  const call = [aDemand('concurrent_tool_calls', 2), aDemand('requests', 100)]
  const first = granted(reserve(call, 10_000))
  granted(reserve(call, 5_000))
  assert.equal(waitOf(reserve(call)), 5_000)
  ledger.settle(first.lease, { outcome: SUCCESS })
  ledger.settle(first.lease, { outcome: SUCCESS })
  granted(reserve(call, 10_000))
  assert.ok(isRefused(reserve(call)))
  clock.advance(5_000)
  granted(reserve(call))
  assert.deepEqual(expired, ['attempt-1'])
  assert.ok(isRefused(reserve(call)))
})

test('a cancelled call keeps its place for its grace time alone', () => {
  const { clock, ledger, reserve } = aLedger()
  const call = [aDemand('concurrent_tool_calls', 1)]
  const { lease } = granted(reserve(call, HOUR_MS))
  ledger.shorten(lease, 30_000)
  assert.equal(waitOf(reserve(call)), 30_000)
  clock.advance(30_000)
  granted(reserve(call))
})

test('parallel targets are those in flight now', () => {
  const { ledger, reserve } = aLedger()
  const to = (key: string) => [aDemand('parallel_targets', 1, { key })]
  const first = granted(reserve(to('one')))
  const second = granted(reserve(to('one')))
  assert.ok(isRefused(reserve(to('two'))))
  ledger.settle(first.lease, { outcome: SUCCESS })
  assert.ok(isRefused(reserve(to('two'))))
  ledger.settle(second.lease, { outcome: SUCCESS })
  granted(reserve(to('two')))
})

test('an endpoint has its first failure and N retries; success, and time, give them back', () => {
  const { clock, attemptWith } = aLedger()
  const retry = aDemand('retries_per_endpoint', 2, { key: 'GET https://a/', windowMs: 10 * MINUTE_MS })
  for (let i = 0; i < 3; i++) assert.equal(attemptWith(retry, FAILURE), 'granted')
  assert.equal(attemptWith(retry), 10 * MINUTE_MS)
  assert.equal(attemptWith({ ...retry, key: 'GET https://b/' }, SUCCESS), 'granted')
  clock.advance(10 * MINUTE_MS)
  assert.equal(attemptWith(retry, FAILURE), 'granted')
  assert.equal(attemptWith(retry, SUCCESS), 'granted')
  for (let i = 0; i < 3; i++) assert.equal(attemptWith(retry, FAILURE), 'granted')
  assert.notEqual(attemptWith(retry), 'granted')
})

test('what the other side asked to wait is kept, retries left or not', () => {
  const { clock, attemptWith } = aLedger()
  const retry = aDemand('retries_per_endpoint', 9, { key: 'GET https://a/' })
  attemptWith(retry, { kind: 'failure', retryAfterMs: 7000 })
  assert.equal(attemptWith(retry), 7000)
  clock.advance(7000)
  assert.equal(attemptWith(retry, SUCCESS), 'granted')
})

test('attempts side by side are retries of a tool, and none of an endpoint', () => {
  const { attemptWith } = aLedger()
  const tool = aDemand('retries_per_tool', 1, { key: 'tool {}' })
  assert.deepEqual([attemptWith(tool), attemptWith(tool), typeof attemptWith(tool)], ['granted', 'granted', 'number'])
  const endpoint = aDemand('retries_per_endpoint', 0, { key: 'GET https://a/' })
  assert.deepEqual([attemptWith(endpoint), attemptWith(endpoint)], ['granted', 'granted'])
})

test('an attempt whose time runs out counts as failed, until its success is told after all', () => {
  const { clock, ledger, reserve, attemptWith } = aLedger()
  const retry = aDemand('retries_per_endpoint', 0, { key: 'GET https://a/' })
  const { lease } = granted(reserve([retry], 1000))
  clock.advance(1000)
  assert.equal(attemptWith(retry), HOUR_MS)
  ledger.settle(lease, { outcome: SUCCESS })
  assert.equal(attemptWith(retry), 'granted')
})

test('identical calls count whatever became of them; failures of a tool count in a row', () => {
  const { attemptWith } = aLedger()
  const identical = aDemand('identical_tool_calls', 2, { key: 'poll {}' })
  assert.deepEqual([attemptWith(identical, SUCCESS), attemptWith(identical, SUCCESS), attemptWith(identical)], ['granted', 'granted', HOUR_MS])
  const failures = aDemand('tool_failures', 2, { key: 'poll' })
  for (const outcome of [FAILURE, SUCCESS, FAILURE, FAILURE]) assert.equal(attemptWith(failures, outcome), 'granted')
  assert.equal(attemptWith(failures), HOUR_MS)
})

test('the wall clock of a session runs from its first attempt, and a rest begins a new one', () => {
  const { clock, attemptWith } = aLedger()
  const session = aDemand('wall_clock', 10 * MINUTE_MS, { windowMs: 30 * MINUTE_MS })
  assert.equal(attemptWith(session), 'granted')
  clock.advance(10 * MINUTE_MS - 1)
  assert.equal(attemptWith(session), 'granted')
  clock.advance(1)
  assert.equal(attemptWith(session), 30 * MINUTE_MS - 1)
  clock.advance(30 * MINUTE_MS - 1)
  assert.equal(attemptWith(session), 'granted')
})

test('a cycle of calls is found, the same call alone is none', () => {
  const { attemptWith } = aLedger()
  const call = (key: string) => attemptWith(aDemand('loops', 2, { key }))
  for (let i = 0; i < 9; i++) assert.equal(call('same'), 'granted')
  for (let i = 0; i < 2; i++) assert.deepEqual([call('a'), call('b'), call('c')], ['granted', 'granted', 'granted'])
  assert.deepEqual([call('a'), call('b'), call('c'), call('d'), call('c')], ['granted', 'granted', 'unknown', 'granted', 'granted'])
})

test('in warn mode it is spent all the same, and the crossing is told as the first or not', () => {
  const { clock, reserve } = aLedger()
  const warned = aDemand('requests', 1, { action: 'warn' })
  assert.deepEqual(granted(reserve([warned])).crossings, [])
  const crossing = { axis: 'requests', limit: 1, used: 1, asked: 1, windowMs: HOUR_MS, isFirst: true }
  assert.deepEqual(granted(reserve([warned])).crossings, [crossing])
  assert.deepEqual(granted(reserve([warned])).crossings, [{ ...crossing, used: 2, isFirst: false }])
  assert.ok(isRefused(reserve([{ ...warned, action: 'block' }])))
  clock.advance(2 * HOUR_MS)
  assert.deepEqual(granted(reserve([warned])).crossings, [])
})

test('a grant adds until it ends, a longer wait than the axis alone is told, and a freeze refuses all', () => {
  const { clock, ledger, reserve } = aLedger()
  const one = [aDemand('requests', 1)]
  granted(reserve(one))
  assert.equal(ledger.grant('a', { id: 'g', axis: 'requests', amount: 1, ttlMs: MINUTE_MS }), 'done')
  granted(reserve(one))
  assert.ok(isRefused(reserve(one)))
  void ledger.setFrozen('a', true)
  assert.equal(waitOf(reserve([])), 'never')
  void ledger.setFrozen('a', false)
  clock.advance(61 * MINUTE_MS)
  granted(reserve(one))
  assert.ok(isRefused(reserve(one)))
})

test('a reload changes limit and window at once, and keeps what was spent', () => {
  const { clock, reserve } = aLedger()
  for (let i = 0; i < 5; i++) granted(reserve([aDemand('requests', 10)]))
  assert.ok(isRefused(reserve([aDemand('requests', 5)])))
  clock.advance(10 * MINUTE_MS)
  assert.ok(isRefused(reserve([aDemand('requests', 5, { windowMs: 2 * HOUR_MS })])))
  granted(reserve([aDemand('requests', 5, { windowMs: 5 * MINUTE_MS })]))
})

test('accounts are apart, bounded, and make room only when they say nothing any more', () => {
  const { clock, ledger, reserve } = aLedger()
  for (const subject of ['a', 'b', 'c']) granted(reserve([aDemand('requests', 1)], 1000, subject))
  const fourth = reserve([aDemand('requests', 1)], 1000, 'd')
  assert.ok(isRefused(fourth) && fourth.cause === 'capacity')
  clock.advance(2 * HOUR_MS)
  granted(reserve([aDemand('requests', 1)], 1000, 'd'))
  assert.deepEqual((ledger.usage() as SubjectUsage[]).map(({ subject }) => subject), ['d'])
})

test('the same attempt again is answered as before and spends nothing', () => {
  const { ledger } = aLedger()
  const request = { subject: 'a', attempt: 'once', demands: [aDemand('requests', 1)], ttlMs: 1000 }
  const first = granted(atOnce(ledger.reserve(request)))
  assert.equal(granted(atOnce(ledger.reserve(request))).lease, first.lease)
})

test('a reset forgets what was spent, of one axis or all, and keeps what is in flight', () => {
  const { ledger, reserve } = aLedger()
  const all = [aDemand('requests', 1), aDemand('tool_calls', 1), aDemand('concurrent_requests', 2)]
  granted(reserve(all))
  void ledger.reset('a', 'requests')
  assert.deepEqual(shortAxes(reserve(all)), ['tool_calls'])
  void ledger.reset('a')
  granted(reserve(all))
  void ledger.reset('a')
  assert.deepEqual(shortAxes(reserve(all)), ['concurrent_requests'])
})

function shortAxes(answer: Granted | Refused): string[] {
  return isRefused(answer) ? answer.shortfalls.map(({ axis }) => axis) : []
}

test('a demand that cannot be counted is an error, and nothing is spent', () => {
  const { ledger, reserve } = aLedger()
  for (const wrong of [{ amount: -1 }, { amount: 0.5 }, { limit: NaN }, { windowMs: Infinity }, { key: 'x' }, { amount: 1, atLeast: 2 }]) {
    assert.throws(() => reserve([aDemand('requests', 1, wrong)]), { name: 'DemandError' })
  }
  assert.throws(() => reserve([aDemand('requests', 1), aDemand('requests', 1)]), /named twice/)
  assert.throws(() => reserve([aDemand('fan_out', 1)]), /expected a key/)
  assert.deepEqual(ledger.usage(), [])
})
