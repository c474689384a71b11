/** The ledger through a real Redis: each axis as in memory, two processes' worth of ledgers on one account, and the clock of the store. */

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { SYSTEM_CLOCK } from '../../src/base/clock.ts'
import { isRefused, openLedger, type AxisName, type BudgetLedger, type Demand, type Granted, type Refused, type SubjectUsage } from '../../src/budget/index.ts'
import { startRedis, type RedisServer } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const SUCCESS = { kind: 'success' } as const
const FAILURE = { kind: 'failure' } as const

function aDemand(axis: AxisName, limit: number, more: Partial<Demand> = {}): Demand {
  return { axis, limit, windowMs: HOUR_MS, action: 'block', ...more }
}

async function aLedger(t: TestContext, server: RedisServer): Promise<BudgetLedger> {
  const ledger = await openLedger({ kind: 'shared', clock: SYSTEM_CLOCK, url: server.url, dir: temporaryFolder(t), timeoutMs: 2000 })
  t.after(() => ledger.close())
  assert.equal(ledger.health(), 'ok')
  return ledger
}

let attempts = 0

function reserve(ledger: BudgetLedger, demands: readonly Demand[], subject = 'a', ttlMs = HOUR_MS) {
  return Promise.resolve(ledger.reserve({ subject, attempt: `attempt-${attempts++}`, demands, ttlMs }))
}

function granted(answer: Granted | Refused): Granted {
  assert.ok(!isRefused(answer), JSON.stringify(answer))
  return answer
}

async function attempt(ledger: BudgetLedger, demand: Demand, outcome: typeof SUCCESS | typeof FAILURE = SUCCESS) {
  const answer = await reserve(ledger, [demand])
  if (!isRefused(answer)) await ledger.settle(answer.lease, { outcome })
  return isRefused(answer) ? answer.waitMs : 'granted'
}

test('two ledgers share one account, exactly, and a window slides on the clock of the store', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const [one, other] = [await aLedger(t, server), await aLedger(t, server)]
  const demand = aDemand('requests', 50)
  const answers = await Promise.all(Array.from({ length: 400 }, (_, at) => reserve(at % 2 === 0 ? one : other, [demand])))
  assert.equal(answers.filter((answer) => !isRefused(answer)).length, 50)
  const [refused] = answers.filter(isRefused)
  assert.deepEqual(refused?.shortfalls, [{ axis: 'requests', limit: 50, used: 50, asked: 1, windowMs: HOUR_MS }])
  assert.ok(typeof refused.waitMs === 'number' && refused.waitMs >= HOUR_MS - 1000 && refused.waitMs <= HOUR_MS + MINUTE_MS)
  granted(await reserve(other, [demand], 'b'))
  // The store's time never runs back: so a later moment in the account is the time of the account.
  await moveOn(server, 'a', refused.waitMs - 1000)
  assert.ok(isRefused(await reserve(one, [demand])))
  await moveOn(server, 'a', 1001)
  granted(await reserve(one, [demand]))
})

/** Lets time pass for an account. */
async function moveOn(server: RedisServer, subject: string, ms: number): Promise<void> {
  const key = `{chaperone:${subject}}:m`
  const [seconds, micros] = await server.client.time()
  const last = Math.max(Number(await server.client.hget(key, 'last')), Number(seconds) * 1000 + Math.floor(Number(micros) / 1000))
  await server.client.hset(key, 'last', String(last + ms))
}

test('the axes count in Redis as they do in memory', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const ledger = await aLedger(t, server)
  await t.test('bytes are taken in chunks, what is unused is given back', async () => {
    const chunk = aDemand('bytes', 100, { amount: 64, atLeast: 1, windowMs: 0 })
    const { lease, partial } = granted(await reserve(ledger, [chunk]))
    assert.equal(partial.get('bytes'), 64)
    assert.equal(granted(await ledger.reserveMore(lease, chunk)).partial.get('bytes'), 36)
    const full = await ledger.reserveMore(lease, chunk)
    assert.ok(isRefused(full) && full.waitMs === 'never')
    await ledger.settle(lease, { outcome: SUCCESS, used: { bytes: 70 } })
    assert.equal(granted(await reserve(ledger, [chunk])).partial.get('bytes'), 30)
  })
  await t.test('destinations are distinct, and a refunded one was never there', async () => {
    const to = (key: string) => reserve(ledger, [aDemand('destinations', 2, { key })], 'b')
    granted(await to('one'))
    const second = granted(await to('two'))
    const third = await to('three')
    assert.ok(isRefused(third) && typeof third.waitMs === 'number' && third.waitMs <= HOUR_MS)
    granted(await to('one'))
    await ledger.refund(second.lease)
    granted(await to('three'))
  })
  await t.test('concurrency and parallel targets end with their attempts', async () => {
    const call = (key: string) => reserve(ledger, [aDemand('concurrent_tool_calls', 2), aDemand('parallel_targets', 1, { key })], 'c')
    const first = granted(await call('x'))
    granted(await call('x'))
    assert.deepEqual(shortAxes(await call('y')), ['concurrent_tool_calls', 'parallel_targets'])
    await ledger.settle(first.lease, { outcome: SUCCESS })
    assert.deepEqual(shortAxes(await call('y')), ['parallel_targets'])
    granted(await call('x'))
  })
  await t.test('retries follow failures, success clears, a hold is kept', async () => {
    const retry = aDemand('retries_per_endpoint', 1, { key: 'GET https://a/', windowMs: 10 * MINUTE_MS })
    assert.deepEqual([await attempt(ledger, retry, FAILURE), await attempt(ledger, retry, SUCCESS)], ['granted', 'granted'])
    assert.deepEqual([await attempt(ledger, retry, FAILURE), await attempt(ledger, retry, FAILURE)], ['granted', 'granted'])
    assert.equal(typeof (await attempt(ledger, retry)), 'number')
    const other = { ...retry, key: 'GET https://b/' }
    const { lease } = granted(await reserve(ledger, [other]))
    await ledger.settle(lease, { outcome: { kind: 'failure', retryAfterMs: 7000 } })
    const wait = await attempt(ledger, other)
    assert.ok(typeof wait === 'number' && wait > 6000 && wait <= 7000)
    const tool = aDemand('retries_per_tool', 1, { key: 'tool {}' })
    const answers = [await reserve(ledger, [tool]), await reserve(ledger, [tool]), await reserve(ledger, [tool])]
    assert.deepEqual(answers.map(isRefused), [false, false, true])
  })
  await t.test('repeats, failures in a row, loops and the wall clock', async () => {
    const identical = aDemand('identical_tool_calls', 2, { key: 'poll {}' })
    assert.deepEqual([await attempt(ledger, identical), await attempt(ledger, identical), typeof (await attempt(ledger, identical))], ['granted', 'granted', 'number'])
    const failures = aDemand('tool_failures', 2, { key: 'poll' })
    for (const outcome of [FAILURE, SUCCESS, FAILURE, FAILURE]) assert.equal(await attempt(ledger, failures, outcome), 'granted')
    assert.equal(typeof (await attempt(ledger, failures)), 'number')
    const waits = []
    for (const key of ['a', 'b', 'a', 'b', 'a', 'b', 'c']) waits.push(await attempt(ledger, aDemand('loops', 2, { key })))
    assert.deepEqual(waits, ['granted', 'granted', 'granted', 'granted', 'granted', 'unknown', 'granted'])
    const session = aDemand('wall_clock', 10 * MINUTE_MS, { windowMs: 30 * MINUTE_MS })
    assert.equal(await attempt(ledger, session), 'granted')
    await moveOn(server, 'a', 10 * MINUTE_MS)
    const wait = await attempt(ledger, session)
    assert.ok(typeof wait === 'number' && wait > 19 * MINUTE_MS)
    await moveOn(server, 'a', 20 * MINUTE_MS)
    assert.equal(await attempt(ledger, session), 'granted')
  })
})

function shortAxes(answer: Granted | Refused): string[] {
  return isRefused(answer) ? answer.shortfalls.map(({ axis }) => axis) : []
}

test('warn, grant, freeze, reset, usage and an attempt twice', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const [ledger, other] = [await aLedger(t, server), await aLedger(t, server)]
  const one = aDemand('requests', 1)
  const warned: Demand = { ...one, action: 'warn' }
  granted(await reserve(ledger, [one]))
  assert.deepEqual(granted(await reserve(ledger, [warned])).crossings.map(({ used, isFirst }) => [used, isFirst]), [[1, true]])
  assert.deepEqual(granted(await reserve(other, [warned])).crossings.map(({ used, isFirst }) => [used, isFirst]), [[2, false]])
  assert.equal(await ledger.grant('a', { id: 'g', axis: 'requests', amount: 3, ttlMs: MINUTE_MS }), 'done')
  granted(await reserve(other, [one]))
  assert.ok(isRefused(await reserve(other, [one])))
  const [usage] = (await other.usage()) as readonly SubjectUsage[]
  assert.deepEqual([usage?.subject, usage?.axes, usage?.leases.length], ['a', [{ axis: 'requests', used: 4, windowMs: HOUR_MS, granted: 3 }], 4])
  assert.equal(new Set(usage?.leases.map(({ owner }) => owner)).size, 2)
  assert.equal(await ledger.setFrozen('a', true), 'done')
  const frozen = await reserve(other, [])
  assert.ok(isRefused(frozen) && frozen.cause === 'frozen')
  assert.equal(await other.setFrozen('a', false), 'done')
  assert.equal(await ledger.reset('a'), 'done')
  const request = { subject: 'a', attempt: 'twice', demands: [one], ttlMs: HOUR_MS }
  const first = granted(await ledger.reserve(request))
  assert.equal(granted(await ledger.reserve(request)).lease, first.lease)
  assert.ok(isRefused(await other.reserve(request)))
})

test('every key of an account is in one slot of a cluster', async (t) => {
  const server = await startRedis(t, { settings: ['--cluster-enabled', 'yes'] })
  if (server === undefined) return
  await server.client.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383)
  await waitFor(async () => String(await server.client.call('CLUSTER', 'INFO')).includes('cluster_state:ok'), 10_000)
  const ledger = await aLedger(t, server)
  granted(await reserve(ledger, [aDemand('requests', 2), aDemand('destinations', 2, { key: 'x' }), aDemand('retries_per_endpoint', 2, { key: 'y {z}' })], 'odd {subject}'))
})
