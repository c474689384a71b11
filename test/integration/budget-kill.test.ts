/** The ledger under kill -9: on a journal, and four processes on one Redis. */

import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'

import { SYSTEM_CLOCK } from '../../src/base/clock.ts'
import { openLedger, type SubjectUsage } from '../../src/budget/index.ts'
import { startRedis } from '../support/redis-server.ts'
import { spendUntil, type Spent } from '../support/spenders.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const KILLS = Number(process.env['CHAPERONE_KILLS'] ?? 4)
const LIMIT = 50
const ATTEMPTS = 1000
const PROCESSES = 4
const IN_FLIGHT = 64

test('a process killed at any moment never lets more than the limit through, and loses at most a block', async (t) => {
  const dir = join(temporaryFolder(t), 'journal')
  const limit = 64_000
  let granted = 0
  let kills = 0
  for (; kills < KILLS; kills++) {
    const spent = await spendUntil(['journal', dir, limit, 8, 1_000_000], randomInt(5, 120))
    assert.equal(spent.health, 'ok')
    granted += spent.granted.length
  }
  const rest = await spendUntil(['journal', dir, limit, 8, limit + 1000])
  granted += rest.granted.length
  t.diagnostic(`${granted} of ${limit} granted over ${kills} kills`)
  assert.ok(granted <= limit, `${granted}`)
  // A block is a 64th, or what eight attempts ask at once; and a unit may be granted without having been told.
  assert.ok(granted >= limit - (kills + 1) * (limit / 64 + 16), `${granted}`)
})

function total(spent: readonly Spent[]): number {
  return new Set(spent.flatMap(({ granted }) => granted)).size
}

test(`${ATTEMPTS} attempts of ${PROCESSES} processes at a limit of ${LIMIT}: exactly ${LIMIT}`, async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const dir = temporaryFolder(t)
  const args = (at: number) => ['shared', server.url, join(dir, String(at)), LIMIT, ATTEMPTS / PROCESSES, ATTEMPTS / PROCESSES]
  // One first: the store becomes its own.
  const first = await spendUntil(['shared', server.url, join(dir, '0'), LIMIT, 1, 0])
  assert.equal(first.health, 'ok')
  const spent = await Promise.all(Array.from({ length: PROCESSES }, (_, at) => spendUntil(args(at))))
  assert.equal(total(spent), LIMIT)
  const refused = spent.map((one) => one.refused)
  assert.equal(refused.reduce((sum, one) => sum + (one?.limit ?? 0), 0), ATTEMPTS - LIMIT)
  t.diagnostic(`false refusals: ${refused.reduce((sum, one) => sum + (one?.other ?? 0), 0)}`)
})

test(`with kill -9 never more than ${LIMIT}, the ledger names the rest, and no lease outlives its expiry`, async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const dir = temporaryFolder(t)
  for (let round = 0; round < KILLS; round++) {
    await server.client.flushall()
    const folder = join(dir, `round-${round}`)
    await spendUntil(['shared', server.url, join(folder, '0'), LIMIT, 1, 0])
    const args = (at: number) => ['shared', server.url, join(folder, String(at)), LIMIT, IN_FLIGHT, ATTEMPTS / PROCESSES]
    const spent: Spent[] = await Promise.all(Array.from({ length: PROCESSES }, (_, at) => spendUntil(args(at), at === 0 ? undefined : randomInt(0, 40))))
    const told = new Set(spent.flatMap(({ granted }) => granted))
    const ledger = await openLedger({ kind: 'shared', clock: SYSTEM_CLOCK, url: server.url, dir: join(folder, 'eye'), timeoutMs: 5000 })
    const [usage] = (await ledger.usage()) as readonly SubjectUsage[]
    const named = new Set(usage?.leases.map(({ attempt }) => attempt))
    assert.ok(told.size <= LIMIT)
    assert.equal(named.size, LIMIT)
    assert.deepEqual([...told].filter((attempt) => !named.has(attempt)), [])
    t.diagnostic(`round ${round}: ${told.size} told, ${named.size - told.size} more named by the ledger`)
    const scores = await server.client.zrange('{chaperone:shared}:concurrent_requests', '0', '-1', 'WITHSCORES')
    const nowMs = Number((await server.client.time())[0]) * 1000
    assert.ok(scores.filter((_, at) => at % 2 === 1).every((till) => Number(till) <= nowMs + 16_000))
    await server.client.hset('{chaperone:shared}:m', 'last', String(nowMs + 17_000))
    const [later] = (await ledger.usage()) as readonly SubjectUsage[]
    assert.ok(later?.leases.every(({ isExpired }) => isExpired) === true)
    assert.deepEqual(later.axes.map(({ axis, used }) => [axis, used]), [['requests', LIMIT]])
    await ledger.close()
  }
})
