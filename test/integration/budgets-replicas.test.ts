/** Two companion processes on one real Redis: a limit holds for both together. At full size in test/prove/. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startOrigin } from '../support/origin.ts'
import { startRedis } from '../support/redis-server.ts'
import { attemptAll, budgetOf, freezeAt, startReplicas } from '../support/replicas.ts'
import { waitFor } from '../support/wait-for.ts'

test('two replicas let exactly ten of a hundred concurrent attempts through, and hold nothing when they are over', async (t) => {
  const redis = await startRedis(t)
  if (redis === undefined) return
  const origin = await startOrigin(t)
  const replicas = await startReplicas(t, 2, redis.url, 'budget_store: {timeout: 10s}\nbudget: {requests: {limit: 10}, concurrent_requests: 100}\n')
  const told = await attemptAll(replicas.map(({ process: { port } }) => port), origin.url, { attempts: 100, connectionsPerPort: 50 })
  assert.equal(origin.seen.length, 10)
  assert.deepEqual(Object.fromEntries(told), { 200: 10, budget_requests: 90 })
  for (const replica of replicas) await waitFor(async () => (await budgetOf(replica, '_default')).open === 0)
  assert.deepEqual(await budgetOf(replicas[0]!, '_default'), { used: 10, open: 0, lost: [] })
})

test('a freeze that one replica is told holds at the other within seconds', async (t) => {
  const redis = await startRedis(t)
  if (redis === undefined) return
  const origin = await startOrigin(t)
  const [first, second] = await startReplicas(t, 2, redis.url, 'budget_store: {timeout: 10s}\n')
  assert.ok(first !== undefined && second !== undefined)
  const ask = async (port: number): Promise<string[]> => [...(await attemptAll([port], origin.url, { attempts: 1, connectionsPerPort: 1 })).keys()]
  assert.deepEqual(await ask(second.process.port), ['200'])
  await freezeAt(first, true)
  assert.deepEqual(await ask(first.process.port), ['budget_frozen'])
  await waitFor(async () => (await ask(second.process.port))[0] === 'budget_frozen')
  await freezeAt(second, false)
  await waitFor(async () => (await ask(first.process.port))[0] === '200')
})
