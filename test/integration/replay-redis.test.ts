/** The replay window that replicas share, on a real Redis: exactly one wins, and a store that is not certain refuses. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'

import { createRedisReplayWindow } from '../../src/envelope/index.ts'
import { hasProgram, skipFor } from '../support/missed.ts'
import { startRedis, type RedisServer } from '../support/replay-redis.ts'
import { waitFor } from '../support/wait-for.ts'

type Options = Partial<Parameters<typeof createRedisReplayWindow>[0]>
type Window = ReturnType<typeof createRedisReplayWindow>

const SKEW_MS = 1000

/** A server and one window that is past the floor of its first start. */
async function setup(t: TestContext, options: Options = {}, ...args: readonly string[]): Promise<{ redis: RedisServer; window: Window; another: (more?: Options) => Window } | undefined> {
  if (!hasProgram('redis-server')) {
    skipFor(t, 'redis-server')
    return undefined
  }
  const redis = await startRedis(t, ...args)
  const another = (more: Options = {}): Window => {
    const window = createRedisReplayWindow({ url: redis.url, namespace: 'test', capacityPerKey: 1000, futureSkewMs: SKEW_MS, ...options, ...more })
    t.after(() => {
      window.close()
    })
    return window
  }
  const window = another()
  assert.equal(await window.ready(), 'joined')
  await pastFloor(window)
  return { redis, window, another }
}

async function pastFloor(window: Window): Promise<void> {
  await waitFor(async () => (await window.burn(ticket())) === 'fresh')
}

const newNonce = (): string => randomBytes(16).toString('hex')
const ticket = (changes: { nonce?: string; keyId?: string; createdMs?: number; keepUntilMs?: number } = {}) => ({
  keyId: 'k', nonce: newNonce(), createdMs: Date.now(), keepUntilMs: Date.now() + 90_000, ...changes,
})

test('a nonce passes once, on whichever replica it comes first, and once for another key', async (t) => {
  const rig = await setup(t)
  if (rig === undefined) return
  const second = rig.another()
  assert.equal(await second.ready(), 'joined')
  const one = ticket()
  assert.deepEqual([await rig.window.burn(one), await second.burn(one), await rig.window.burn(one)], ['fresh', 'replay', 'replay'])
  assert.equal(await second.burn({ ...one, keyId: 'other' }), 'fresh')
})

test('of a hundred copies at once, over four replicas, exactly one is accepted', async (t) => {
  const rig = await setup(t)
  if (rig === undefined) return
  const replicas = [rig.window, rig.another(), rig.another(), rig.another()]
  for (const replica of replicas) assert.equal(await replica.ready(), 'joined')
  const one = ticket()
  const results = await Promise.all(Array.from({ length: 100 }, (_, n) => (replicas[n % 4] ?? rig.window).burn(one)))
  assert.deepEqual([results.filter((result) => result === 'fresh').length, results.filter((result) => result === 'replay').length], [1, 99])
})

test('a full key refuses and evicts nothing; it opens again as nonces run out, and other keys are not touched', async (t) => {
  const rig = await setup(t, { capacityPerKey: 3 })
  if (rig === undefined) return
  const soon = () => ticket({ keyId: 'full', keepUntilMs: Date.now() + 1500 })
  const first = soon()
  const results = [await rig.window.burn(first), await rig.window.burn(soon()), await rig.window.burn(soon()), await rig.window.burn(soon()), await rig.window.burn(first)]
  assert.deepEqual(results, ['fresh', 'fresh', 'fresh', 'replay_capacity', 'replay'])
  assert.equal(await rig.window.burn(ticket({ keyId: 'free' })), 'fresh')
  await waitFor(async () => (await rig.window.burn(ticket({ keyId: 'full' }))) === 'fresh')
})

test("times are judged by the store's clock alone, whatever a replica believes", async (t) => {
  const rig = await setup(t)
  if (rig === undefined) return
  assert.equal(await rig.window.burn(ticket({ keepUntilMs: Date.now() - 1 })), 'expired')
  assert.equal(await rig.window.burn(ticket({ createdMs: Date.now() + 60_000 })), 'not_yet_valid')
})

test('an empty store begins with a floor, since nobody knows whether it was empty before', async (t) => {
  if (!hasProgram('redis-server')) {
    skipFor(t, 'redis-server')
    return
  }
  const redis = await startRedis(t)
  const window = createRedisReplayWindow({ url: redis.url, namespace: 'test', capacityPerKey: 10, futureSkewMs: 60_000 })
  t.after(() => {
    window.close()
  })
  assert.equal(await window.ready(), 'joined')
  assert.ok(window.floorMs() > Date.now() + 50_000)
  assert.equal(await window.burn(ticket()), 'replay_floor')
})

test('a store that was emptied under the replicas raises the floor: what was burned there does not pass again', async (t) => {
  const rig = await setup(t)
  if (rig === undefined) return
  const one = ticket()
  assert.equal(await rig.window.burn(one), 'fresh')
  await rig.redis.command('FLUSHALL')
  assert.equal(await rig.window.burn(one), 'replay_floor')
  await pastFloor(rig.window)
  assert.equal(await rig.window.burn(one), 'replay_floor')
})

test('a store that restarts empty raises the floor, for replicas that knew it and for new ones', async (t) => {
  const rig = await setup(t)
  if (rig === undefined) return
  const one = ticket()
  assert.equal(await rig.window.burn(one), 'fresh')
  await rig.redis.restart({ empty: true })
  const fresh = rig.another()
  assert.equal(await fresh.ready(), 'joined')
  assert.equal(await fresh.burn(one), 'replay_floor')
  await waitFor(async () => (await rig.window.burn(ticket())) !== 'replay_store')
  assert.equal(await rig.window.burn(one), 'replay_floor')
  await pastFloor(rig.window)
  assert.equal(await rig.window.burn(one), 'replay_floor')
})

test('a store that restarts with its data raises the floor, too: the last burns may not have reached its disk', async (t) => {
  const rig = await setup(t, {}, '--appendonly', 'yes', '--appendfsync', 'always')
  if (rig === undefined) return
  const one = ticket()
  assert.equal(await rig.window.burn(one), 'fresh')
  const floorMs = rig.window.floorMs()
  await rig.redis.restart()
  await waitFor(async () => (await rig.window.burn(ticket())) !== 'replay_store')
  assert.ok(rig.window.floorMs() > floorMs)
  assert.equal(await rig.window.burn(one), 'replay_floor')
  await pastFloor(rig.window)
})

test('a frozen store refuses within its time, and what it did meanwhile is not taken for an answer later', async (t) => {
  const rig = await setup(t, { timeoutMs: 100 })
  if (rig === undefined) return
  rig.redis.freeze()
  const one = ticket()
  assert.equal(await rig.window.burn(one), 'replay_store')
  assert.equal(await rig.window.burn(one), 'replay_store')
  rig.redis.thaw()
  await waitFor(async () => (await rig.window.burn(ticket())) === 'fresh')
  // The frozen server ran the script after all when it was thawed: the nonce is burned, or was never written.
  assert.ok(['fresh', 'replay'].includes(await rig.window.burn(one)))
  assert.equal(await rig.window.burn(one), 'replay')
})

test('a store that is gone refuses, and serves again when it is back', async (t) => {
  const rig = await setup(t)
  if (rig === undefined) return
  await rig.redis.stop()
  assert.equal(await rig.window.burn(ticket()), 'replay_store')
  assert.equal(await rig.another().ready(), 'unreachable')
  await rig.redis.restart().catch(() => undefined)
  await pastFloor(rig.window)
})

test('a store that may evict is not joined, unless the operator vouches where it does not say', async (t) => {
  const rig = await setup(t)
  if (rig === undefined) return
  await rig.redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  const window = rig.another({ isNeverEvicting: true })
  assert.equal(await window.ready(), 'evicting')
  assert.equal(await window.burn(ticket()), 'replay_store')
  await rig.redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  await waitFor(async () => (await window.burn(ticket())) === 'fresh')
  assert.equal(await window.ready(), 'joined')
})

test('two namespaces in one store do not know of each other', async (t) => {
  const rig = await setup(t)
  if (rig === undefined) return
  const other = rig.another({ namespace: 'other' })
  assert.equal(await other.ready(), 'joined')
  await pastFloor(other)
  const one = ticket()
  assert.deepEqual([await rig.window.burn(one), await other.burn(one)], ['fresh', 'fresh'])
})

test('what is kept in the store goes by itself when its time is over', async (t) => {
  const rig = await setup(t)
  if (rig === undefined) return
  await rig.window.burn(ticket({ keyId: 'brief', keepUntilMs: Date.now() + 300 }))
  const keys = async (): Promise<string[]> => (await rig.redis.command('KEYS', '*')) as string[]
  const before = (await keys()).length
  await waitFor(async () => (await keys()).length <= before - 2, 8000)
})
