/** The shared store frozen, restarted, cut off, failed over, or not fit: never more than the limit, and a clear word. */

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { createManualClock, SYSTEM_CLOCK, type Clock } from '../../src/base/clock.ts'
import { isRefused, openLedger, StoreError, type BudgetLedger, type Demand, type Granted, type Refused } from '../../src/budget/index.ts'
import { startDroppingProxy } from '../support/dropping-proxy.ts'
import { startRedis, type RedisServer } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const HOUR_MS = 3_600_000
const LIMIT = 10
const SUCCESS = { kind: 'success' } as const
const demand: Demand = { axis: 'requests', limit: LIMIT, windowMs: HOUR_MS, action: 'block' }

interface Opened {
  readonly url: string
  readonly dir: string
  readonly clock?: Clock
  readonly replicas?: number
}

async function open(t: TestContext, { url, dir, clock = SYSTEM_CLOCK, replicas }: Opened): Promise<BudgetLedger> {
  const ledger = await openLedger({ kind: 'shared', url, dir, clock, ...(replicas !== undefined && { degradeToShareOf: { replicas } }) })
  t.after(() => ledger.close())
  return ledger
}

let attempts = 0

async function reserve(ledger: BudgetLedger, demands: readonly Demand[] = [demand]): Promise<Granted | Refused> {
  return ledger.reserve({ subject: 'a', attempt: `attempt-${attempts++}`, demands, ttlMs: HOUR_MS })
}

/** @returns how many are granted of many */
async function spend(ledger: BudgetLedger, most = 2 * LIMIT): Promise<number> {
  let granted = 0
  for (let i = 0; i < most; i++) if (!isRefused(await reserve(ledger))) granted++
  return granted
}

async function causeOf(ledger: BudgetLedger): Promise<string> {
  const answer = await reserve(ledger)
  return isRefused(answer) ? answer.cause : 'granted'
}

function isWell(ledger: BudgetLedger): Promise<void> {
  return waitFor(() => ledger.health() === 'ok', 10_000)
}

test('while the store is frozen everything is refused at once after the first time-out, and what it grants late is given back', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const ledger = await open(t, { url: server.url, dir: temporaryFolder(t) })
  assert.equal(await spend(ledger, 4), 4)
  server.signal('SIGSTOP')
  const causes = await Promise.all([causeOf(ledger), causeOf(ledger), causeOf(ledger)])
  assert.deepEqual(causes, ['store_unreachable', 'store_unreachable', 'store_unreachable'])
  assert.equal(ledger.health(), 'store_unreachable')
  server.signal('SIGCONT')
  await isWell(ledger)
  // The three may have been granted when it woke up; their units come back by themselves.
  await waitFor(async () => usedOf(await ledger.usage()) === 4)
  assert.equal(await spend(ledger), LIMIT - 4)
})

function usedOf(usage: Awaited<ReturnType<BudgetLedger['usage']>>): number | undefined {
  return typeof usage === 'string' ? undefined : usage[0]?.axes.find(({ axis }) => axis === 'requests')?.used
}

test('a share of the limit may be spent while the store is away, once, however often it goes away', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const ledger = await open(t, { url: server.url, dir: temporaryFolder(t), replicas: 4 })
  assert.equal(await spend(ledger, 3), 3)
  for (const expected of [Math.floor(LIMIT / 4), 0]) {
    server.signal('SIGSTOP')
    await reserve(ledger, [])
    await waitFor(() => ledger.health() === 'store_unreachable')
    assert.equal(await spend(ledger), expected)
    server.signal('SIGCONT')
    await isWell(ledger)
  }
  assert.equal(await spend(ledger), LIMIT - 3)
})

test('a store that restarts empty is lost: closed until its window has passed, or until an operator adopts it', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const dir = temporaryFolder(t)
  const clock = createManualClock()
  const ledger = await open(t, { url: server.url, dir: join(dir, 'one'), clock })
  const other = await open(t, { url: server.url, dir: join(dir, 'other'), clock })
  assert.equal(await spend(ledger), LIMIT)
  await server.kill()
  await server.start()
  await waitFor(() => ledger.health() === 'store_lost' && other.health() === 'store_lost', 10_000)
  assert.equal(await causeOf(ledger), 'store_lost')
  assert.ok(isRefused(await reserve(ledger, [{ ...demand, windowMs: 0 }])))
  const again = await open(t, { url: server.url, dir: join(dir, 'one'), clock })
  assert.equal(await causeOf(again), 'store_lost')
  clock.advance(HOUR_MS - 1)
  assert.equal(await causeOf(other), 'store_lost')
  clock.advance(1)
  assert.equal(await spend(other), LIMIT)
  assert.ok(isRefused(await reserve(other, [{ ...demand, windowMs: 0 }])))
  assert.equal(await ledger.adopt(), 'done')
  assert.equal(ledger.health(), 'ok')
  assert.equal(await spend(ledger), 0)
  assert.ok(!isRefused(await reserve(ledger, [{ axis: 'tool_calls', limit: 1, windowMs: 0, action: 'block' }])))
})

test('one operator adopts for all: the others accept what replaced the store they knew', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const dir = temporaryFolder(t)
  const ledger = await open(t, { url: server.url, dir: join(dir, 'one') })
  const other = await open(t, { url: server.url, dir: join(dir, 'other') })
  assert.deepEqual([await spend(ledger, 2), await spend(other, 2)], [2, 2])
  await server.kill()
  await server.start()
  await waitFor(() => ledger.health() === 'store_lost' && other.health() === 'store_lost', 10_000)
  assert.equal(await ledger.adopt(), 'done')
  const restarted = await open(t, { url: server.url, dir: join(dir, 'other') })
  assert.equal(restarted.health(), 'ok')
  assert.equal(await spend(restarted), LIMIT)
})

test('a store that has its data but ran anew is lost, too, since acknowledged writes may be gone', async (t) => {
  const server = await startRedis(t, { settings: ['--appendonly', 'yes', '--appendfsync', 'everysec'] })
  if (server === undefined) return
  const ledger = await open(t, { url: server.url, dir: temporaryFolder(t) })
  assert.equal(await spend(ledger, 4), 4)
  await new Promise((resolve) => setTimeout(resolve, 1500))
  await server.kill()
  await server.start()
  await waitFor(() => ledger.health() === 'store_lost', 10_000)
  assert.equal(await ledger.adopt(), 'done')
  assert.equal(await spend(ledger), LIMIT - 4)
})

test('a network that is cut refuses in time, and goes on where it was', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const proxy = await startDroppingProxy(t, server.port)
  const ledger = await open(t, { url: `redis://127.0.0.1:${proxy.port}`, dir: temporaryFolder(t) })
  assert.equal(await spend(ledger, 4), 4)
  proxy.cut()
  assert.deepEqual([await causeOf(ledger), await causeOf(ledger)], ['store_unreachable', 'store_unreachable'])
  proxy.mend()
  await isWell(ledger)
  await waitFor(async () => usedOf(await ledger.usage()) === 4)
  assert.equal(await spend(ledger), LIMIT - 4)
})

test('a replica is not used; promoted, it is another run: lost until an operator adopts what it holds', async (t) => {
  const master = await startRedis(t)
  const replica = master && (await startRedis(t, { settings: ['--replicaof', '127.0.0.1', String(master.port)] }))
  if (master === undefined || replica === undefined) return
  const proxy = await startDroppingProxy(t, master.port)
  const ledger = await open(t, { url: `redis://127.0.0.1:${proxy.port}`, dir: temporaryFolder(t) })
  assert.equal(await spend(ledger, 6), 6)
  await waitFor(async () => (await offset(master)) === (await offset(replica)), 10_000)
  await master.kill()
  proxy.moveTo(replica.port)
  await waitFor(() => ledger.health() === 'store_unreachable')
  assert.equal(await causeOf(ledger), 'store_unreachable')
  await replica.client.replicaof('NO', 'ONE')
  await waitFor(() => ledger.health() === 'store_lost', 10_000)
  assert.equal(await causeOf(ledger), 'store_lost')
  assert.equal(await ledger.adopt(), 'done')
  assert.equal(await spend(ledger), LIMIT - 6)
})

async function offset(server: RedisServer): Promise<string | undefined> {
  return /master_repl_offset:(\d+)/.exec(await server.client.info('replication'))?.[1]
}

test('an end that could not be told is told when the store is back', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const ledger = await open(t, { url: server.url, dir: temporaryFolder(t) })
  const call: Demand = { axis: 'concurrent_requests', limit: 1, windowMs: 0, action: 'block' }
  const first = await reserve(ledger, [call])
  assert.ok(!isRefused(first) && isRefused(await reserve(ledger, [call])))
  server.signal('SIGSTOP')
  await ledger.settle(first.lease, { outcome: SUCCESS })
  server.signal('SIGCONT')
  await isWell(ledger)
  await waitFor(async () => !isRefused(await reserve(ledger, [call])))
})

test('a lease that cannot be renewed is told as lost before it expires, and one that is renewed is not', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const clock = createManualClock()
  const ledger = await open(t, { url: server.url, dir: temporaryFolder(t), clock })
  let lost = 0
  const take = () => ledger.reserve({ subject: 'a', attempt: `attempt-${attempts++}`, demands: [demand], ttlMs: HOUR_MS, onLost: () => lost++ })
  await take()
  for (let i = 0; i < 4; i++) {
    clock.advance(5000)
    await new Promise((resolve) => setTimeout(resolve, 700))
  }
  assert.equal(lost, 0)
  server.signal('SIGSTOP')
  clock.advance(12_999)
  await new Promise((resolve) => setTimeout(resolve, 700))
  assert.equal(lost, 0)
  clock.advance(5000)
  await waitFor(() => lost === 1)
  server.signal('SIGCONT')
})

test('a store that may evict is refused by name, at start and when it changes', async (t) => {
  const server = await startRedis(t, { settings: ['--maxmemory-policy', 'allkeys-lru'] })
  if (server === undefined) return
  await assert.rejects(open(t, { url: server.url, dir: temporaryFolder(t) }), (error) => error instanceof StoreError && error.message.includes('maxmemory-policy is allkeys-lru: expected noeviction'))
  await server.client.config('SET', 'maxmemory-policy', 'noeviction')
  const ledger = await open(t, { url: server.url, dir: temporaryFolder(t) })
  assert.equal(await causeOf(ledger), 'granted')
})

test('no error and no refusal holds the password of the URL', async (t) => {
  const password = ['pass', 'word', String(process.pid)].join('-')
  const server = await startRedis(t)
  if (server === undefined) return
  await server.client.config('SET', 'requirepass', password)
  const right = await open(t, { url: `redis://:${password}@127.0.0.1:${server.port}`, dir: temporaryFolder(t) })
  assert.equal(await causeOf(right), 'granted')
  const wrong = await open(t, { url: `redis://:${password}x@127.0.0.1:${server.port}`, dir: temporaryFolder(t) })
  const answer = await reserve(wrong)
  assert.ok(isRefused(answer) && answer.cause === 'store_unreachable' && !JSON.stringify(answer).includes(password))
  for (const url of [`http://:${password}@host`, `redis//${password}`, 'unix:relative']) {
    await assert.rejects(open(t, { url, dir: temporaryFolder(t) }), (error) => error instanceof StoreError && !`${error.message} ${error.stack ?? ''}`.includes(password))
  }
})

test('what a process remembers of its store cannot be damaged into a fresh start', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const dir = temporaryFolder(t)
  const first = await open(t, { url: server.url, dir })
  assert.equal(await causeOf(first), 'granted')
  const memory = join(dir, 'store')
  const written = readFileSync(memory)
  await server.client.flushall()
  for (let at = 0; at <= written.length; at++) {
    writeFileSync(memory, written.subarray(0, at))
    const ledger = await openLedger({ kind: 'shared', url: server.url, dir, clock: SYSTEM_CLOCK })
    assert.notEqual(await causeOf(ledger), 'granted', `${at}`)
    await ledger.close()
  }
  const usage = await first.usage()
  assert.ok(typeof usage === 'string' || usage.length === 0)
})
