/**
 * A thousand attempts at a limit of fifty, against four companion processes that share one Redis: counted at the origin.
 * Without kills exactly fifty arrive; where processes are killed never more, and what is missing is named by the ledger.
 */

import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'

import { startOrigin } from '../support/origin.ts'
import { startRedis } from '../support/redis-server.ts'
import { attemptAll, budgetOf, startReplicas } from '../support/replicas.ts'
import { waitFor } from '../support/wait-for.ts'

const LIMIT = 50
const ATTEMPTS = 1000
/** A machine that runs all of them at once is slow: how long the store may take is not the question here. */
const CONFIG = `budget_store: {timeout: 10s}\nbudget: {requests: {limit: ${LIMIT}}, concurrent_requests: 1000}\n`

test('four replicas let exactly fifty of a thousand concurrent attempts through', async (t) => {
  const redis = await startRedis(t)
  if (redis === undefined) return
  const origin = await startOrigin(t)
  const replicas = await startReplicas(t, 4, redis.url, CONFIG)
  const told = await attemptAll(replicas.map(({ process: { port } }) => port), origin.url, { attempts: ATTEMPTS, connectionsPerPort: 250 })
  assert.equal(origin.seen.length, LIMIT)
  assert.deepEqual(Object.fromEntries(told), { 200: LIMIT, budget_requests: ATTEMPTS - LIMIT })
  const [first] = replicas
  assert.ok(first !== undefined)
  await waitFor(async () => (await budgetOf(first, '_default')).open === 0)
  assert.deepEqual(await budgetOf(first, '_default'), { used: LIMIT, open: 0, lost: [] })
})

test('with processes killed at random never more than fifty arrive, and the ledger names what is missing', { timeout: 480_000 }, async (t) => {
  const redis = await startRedis(t)
  if (redis === undefined) return
  for (let round = 0; round < 5; round++) {
    await redis.client.flushall()
    const origin = await startOrigin(t, (_request, response) => setTimeout(() => response.end('done'), 5))
    const replicas = await startReplicas(t, 4, redis.url, CONFIG)
    const attempts = attemptAll(replicas.map(({ process: { port } }) => port), origin.url, { attempts: ATTEMPTS, connectionsPerPort: 250 })
    // In the middle of it: some have arrived, others are reserved and wait for their receipt.
    const early = randomInt(1, 30)
    while (origin.seen.length < early) await setImmediate()
    await Promise.all(replicas.slice(1, randomInt(2, 4)).map(({ process }) => process.kill('SIGKILL')))
    const told = await attempts
    const [survivor] = replicas
    assert.ok(survivor !== undefined)
    // A lease of a dead process outlives it by its expiry and no more.
    await waitFor(async () => (await budgetOf(survivor, '_default')).open === 0, 40_000)
    const { used, lost } = await budgetOf(survivor, '_default')
    const arrived = origin.seen.length
    t.diagnostic(`round ${round}: ${arrived} arrived, ${used} used, ${lost.length} lost reservations, told ${JSON.stringify(Object.fromEntries(told))}`)
    assert.ok(arrived <= LIMIT, `${arrived} arrived`)
    assert.ok(used <= LIMIT)
    assert.ok(used - arrived <= lost.length, `${used - arrived} units missing, ${lost.length} reservations named`)
    await Promise.all(replicas.map(({ process }) => process.kill('SIGKILL')))
  }
})
