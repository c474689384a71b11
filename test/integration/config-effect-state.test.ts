/** What each key of the shared store changes: two companions on one real Redis, counted at the origin. */

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { isConfigErrors, parseConfig } from '../../src/config/index.ts'
import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { startOrigin } from '../support/origin.ts'
import { askProxy } from '../support/outcome-of.ts'
import { startRedis, type RedisServer } from '../support/redis-server.ts'
import { waitFor } from '../support/wait-for.ts'

const LIMIT = 'budget: {requests: {limit: 4}}\n'

function sharing(t: TestContext, { url }: RedisServer, more = ''): Promise<TestCompanion> {
  return startTestCompanion(t, { allowLoopback: true, config: `state: ${JSON.stringify(url)}\n${LIMIT}${more}` })
}

/** Asks each companion in turn. */
async function askInTurn(companions: readonly TestCompanion[], url: string, count: number): Promise<string[]> {
  const told: string[] = []
  for (let n = 0; n < count; n++) told.push(await askProxy(companions[n % companions.length]?.port ?? 0, url))
  return told
}

test('config state: two companions on one store share a limit, two without have one each', async (t) => {
  const redis = await startRedis(t)
  if (redis === undefined) return
  const origin = await startOrigin(t)
  const shared = [await sharing(t, redis), await sharing(t, redis)]
  assert.deepEqual(await askInTurn(shared, origin.url, 6), ['200', '200', '200', '200', 'budget_requests', 'budget_requests'])
  assert.equal(origin.seen.length, 4)
  const apart = [await startTestCompanion(t, { allowLoopback: true, config: LIMIT }), await startTestCompanion(t, { allowLoopback: true, config: LIMIT })]
  assert.deepEqual(await askInTurn(apart, origin.url, 8), Array.from({ length: 8 }, () => '200'))
})

test('config budget_store.namespace: companions of two namespaces share nothing', async (t) => {
  const redis = await startRedis(t)
  if (redis === undefined) return
  const origin = await startOrigin(t)
  const companions = [await sharing(t, redis, 'budget_store: {namespace: one}\n'), await sharing(t, redis, 'budget_store: {namespace: two}\n')]
  assert.deepEqual(await askInTurn(companions, origin.url, 8), Array.from({ length: 8 }, () => '200'))
  assert.deepEqual(await askInTurn(companions, origin.url, 2), ['budget_requests', 'budget_requests'])
})

/** @returns what ten requests are told while the store does not answer */
async function whileAway(t: TestContext, more: string): Promise<string[] | undefined> {
  const redis = await startRedis(t)
  if (redis === undefined) return undefined
  const origin = await startOrigin(t)
  const companion = await sharing(t, redis, more)
  await redis.kill()
  await waitFor(async () => (await companion.admin('/readyz')).text.includes('store_unreachable'))
  return askInTurn([companion], origin.url, 4)
}

test('config budget_store.on_unavailable: fail_closed refuses, local_share spends the share of one replica', async (t) => {
  const closed = await whileAway(t, 'budget_store: {on_unavailable: fail_closed}\n')
  if (closed === undefined) return
  assert.deepEqual(closed, Array.from({ length: 4 }, () => 'budget_store_unreachable'))
  assert.deepEqual(await whileAway(t, 'cluster: {replicas: 2}\nbudget_store: {on_unavailable: local_share}\n'), ['200', '200', 'budget_requests', 'budget_requests'])
})

test('config cluster.replicas: above one without a shared store it does not load, and it divides the share of a replica', async (t) => {
  const problems = (text: string): readonly string[] => {
    const loaded = parseConfig(text, 'c.yaml', {})
    return isConfigErrors(loaded) ? loaded.problems.map(({ path }) => path) : []
  }
  assert.deepEqual(problems('cluster: {replicas: 2}\n'), ['cluster.replicas'])
  assert.deepEqual(problems('cluster: {replicas: 1}\n'), [])
  assert.deepEqual(problems('cluster: {replicas: 2}\nstate: redis://127.0.0.1\n'), [])
  const quarter = await whileAway(t, 'cluster: {replicas: 4}\nbudget_store: {on_unavailable: local_share}\n')
  if (quarter !== undefined) assert.deepEqual(quarter, ['200', 'budget_requests', 'budget_requests', 'budget_requests'])
})

test('config budget_store.timeout: an answer that takes longer is none, one within it is waited for', async (t) => {
  const redis = await startRedis(t)
  if (redis === undefined) return
  const origin = await startOrigin(t)
  const [hasty, patient] = [await sharing(t, redis, 'budget_store: {timeout: 100ms}\n'), await sharing(t, redis, 'budget_store: {timeout: 10s}\n')]
  for (const { port } of [hasty, patient]) assert.equal(await askProxy(port, origin.url), '200')
  redis.signal('SIGSTOP')
  setTimeout(() => { redis.signal('SIGCONT') }, 1500)
  assert.deepEqual(await Promise.all([hasty, patient].map(({ port }) => askProxy(port, origin.url))), ['budget_store_unreachable', '200'])
})

test('config budget_store.assume_noeviction: a store that hides its settings is used only where the operator vouches for it', async (t) => {
  const redis = await startRedis(t, { settings: ['--rename-command', 'CONFIG', ''] })
  if (redis === undefined) return
  const origin = await startOrigin(t)
  await assert.rejects(sharing(t, redis), /evict/)
  const companion = await sharing(t, redis, 'budget_store: {assume_noeviction: true}\n')
  assert.deepEqual(await askInTurn([companion], origin.url, 5), ['200', '200', '200', '200', 'budget_requests'])
})
