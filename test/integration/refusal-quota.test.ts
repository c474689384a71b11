/** A flood of refusals: few are receipted one by one, the rest are told as a number, and none is forgotten. */

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import fc from 'fast-check'

import { createManualClock } from '../../src/base/clock.ts'
import { RefusalQuota } from '../../src/pipeline/index.ts'
import { readReceipts, startTestCompanion, sumOf, type ReceiptView, type TestCompanion } from '../support/companion.ts'
import { skipFor } from '../support/missed.ts'
import { sendRaw } from '../support/proxy-client.ts'
import { waitFor } from '../support/wait-for.ts'

const ALPHA = '127.0.1.1'
const BETA = '127.0.1.2'
const CONFIG = `identity: {unmatched: deny}
agents:
  alpha: {source_cidrs: [${ALPHA}/32], blocklist: [refused.test]}
  beta: {source_cidrs: [${BETA}/32], blocklist: [refused.test]}
`

function startFlooded(t: TestContext): Promise<TestCompanion> | undefined {
  if (process.platform === 'linux') return startTestCompanion(t, { config: CONFIG })
  skipFor(t, 'a loopback network of more than one address')
  return undefined
}

/** A connection may have 32 requests open. */
const PER_CONNECTION = 25

/** Sends requests that are all refused, over as many connections at once as they need. */
async function flood(companion: TestCompanion, from: string, count: number): Promise<void> {
  const batches = Array.from({ length: Math.ceil(count / PER_CONNECTION) }, (_, n) => Math.min(PER_CONNECTION, count - n * PER_CONNECTION))
  await Promise.all(batches.map((batch) => sendBatch(companion, from, batch)))
}

async function sendBatch({ port }: TestCompanion, from: string, count: number): Promise<void> {
  const one = 'GET http://refused.test/ HTTP/1.1\r\nHost: refused.test\r\n'
  const { text } = await sendRaw(port, `${`${one}\r\n`.repeat(count - 1)}${one}Connection: close\r\n\r\n`, { from, waitMs: 20_000 })
  assert.equal(text.match(/^HTTP\/1\.1 403 /gm)?.length, count)
}

function isAlone({ pattern }: ReceiptView): boolean {
  return pattern !== 'suppressed'
}

function suppressedIn({ precedent_refs = [] }: ReceiptView): number {
  const told = precedent_refs.find((ref) => ref.startsWith('suppressed:'))
  return told === undefined ? 0 : Number(told.slice('suppressed:'.length))
}

/** Refusals that the receipts tell of: each its own, and those it says were left out before it. */
function toldBy(receipts: readonly ReceiptView[]): number {
  return receipts.reduce((sum, receipt) => sum + suppressedIn(receipt) + (isAlone(receipt) ? 1 : 0), 0)
}

async function waitUntilTold(companion: TestCompanion, refused: number): Promise<ReceiptView[]> {
  await waitFor(async () => toldBy(await companion.exchangeReceipts()) >= refused)
  return companion.exchangeReceipts()
}

test('of a burst from one profile at most 20 are receipted alone, one more receipt tells how many were not', async (t) => {
  const companion = await startFlooded(t)
  if (companion === undefined) return
  await flood(companion, ALPHA, 300)
  const receipts = await waitUntilTold(companion, 300)
  assert.equal(toldBy(receipts), 300)
  const alone = receipts.filter(isAlone)
  // A burst that a slow machine spreads over two seconds has 20 in each.
  assert.ok(alone.length >= 20 && alone.length <= 40, `${alone.length} alone`)
  assert.ok(receipts.length - alone.length <= 2, `${receipts.length - alone.length} that tell of others`)
  assert.equal(sumOf(await companion.metrics(), 'chaperone_blocked_total', 'agent="alpha"'), 300)
})

test('under a flood that lasts, every second adds at most 21 receipts, and the sum stays true', async (t) => {
  const companion = await startFlooded(t)
  if (companion === undefined) return
  const startedMs = performance.now()
  let refused = 0
  for (; performance.now() - startedMs < 3300; refused += 100) await flood(companion, ALPHA, 100)
  const seconds = Math.ceil((performance.now() - startedMs) / 1000)
  const receipts = await waitUntilTold(companion, refused)
  assert.equal(toldBy(receipts), refused)
  assert.ok(receipts.length >= 3 * 20 && receipts.length <= (seconds + 1) * 21, `${receipts.length} receipts of ${refused} refusals in ${seconds} s`)
})

test('the flood of one profile takes nothing from the receipts of another', async (t) => {
  const companion = await startFlooded(t)
  if (companion === undefined) return
  await flood(companion, ALPHA, 200)
  await flood(companion, BETA, 10)
  const own = (await companion.exchangeReceipts()).filter(({ actor }) => actor.endsWith('/beta'))
  assert.deepEqual(own.map((receipt) => [receipt.pattern, suppressedIn(receipt)]), Array.from({ length: 10 }, () => ['host_blocked', 0]))
})

test('of an unknown source at most 5 a second are receipted alone', async (t) => {
  const companion = await startFlooded(t)
  if (companion === undefined) return
  await flood(companion, '127.0.1.50', 100)
  const receipts = await waitUntilTold(companion, 100)
  assert.equal(toldBy(receipts), 100)
  const alone = receipts.filter(isAlone)
  assert.ok(alone.length >= 5 && alone.length <= 10, `${alone.length} alone`)
  assert.ok(alone.every(({ actor, pattern }) => actor === 'anonymous' && pattern === 'identity_unresolved'))
})

test('many unknown sources together are receipted alone at most 20 times a second', async (t) => {
  const companion = await startFlooded(t)
  if (companion === undefined) return
  await Promise.all(Array.from({ length: 40 }, (_, n) => flood(companion, `127.0.2.${n + 1}`, 4)))
  const receipts = await waitUntilTold(companion, 160)
  assert.equal(toldBy(receipts), 160)
  const alone = receipts.filter(isAlone).length
  assert.ok(alone >= 20 && alone <= 40, `${alone} alone`)
})

test('what a flooding unknown source is refused beyond its own 5 takes no receipt from another source', async (t) => {
  const companion = await startFlooded(t)
  if (companion === undefined) return
  await flood(companion, '127.0.1.50', 60)
  await flood(companion, '127.0.1.51', 2)
  const receipts = (await companion.exchangeReceipts()).filter(isAlone)
  assert.ok(receipts.length >= 7, `${receipts.length} receipts: 5 of the first source and 2 of the other were expected`)
})

test('refusals of the last second before a stop are told as well', async (t) => {
  const companion = await startFlooded(t)
  if (companion === undefined) return
  await flood(companion, ALPHA, 150)
  await flood(companion, '127.0.1.50', 50)
  await companion.stop()
  assert.equal(toldBy(readReceipts(companion.receiptsDir).filter(({ transport }) => transport !== 'receipt_session')), 200)
})

test('whatever comes in whatever order, receipts and numbers add up to the refusals', () => {
  const refusal = fc.record({ subject: fc.nat({ max: 6000 }), isProfile: fc.boolean(), count: fc.nat({ max: 60 }), waitMs: fc.nat({ max: 1500 }), isTick: fc.boolean() })
  fc.assert(
    fc.property(fc.array(refusal, { maxLength: 200 }), (refusals) => {
      const clock = createManualClock()
      const quota = new RefusalQuota(clock)
      let refused = 0
      let told = 0
      const take = (): void => {
        for (const { count } of quota.takeSuppressed('over')) told += count
      }
      for (const { subject, isProfile, count, waitMs, isTick } of refusals) {
        for (let n = 0; n < count; n++) {
          refused++
          const suppressed = quota.admit(String(subject), isProfile ? 'profile' : 'unknown_source')
          if (suppressed !== undefined) told += 1 + suppressed
        }
        clock.advance(waitMs)
        if (isTick) take()
      }
      clock.advance(1000)
      take()
      assert.equal(told, refused)
    }),
  )
})

test('more sources than are remembered are told together', () => {
  const clock = createManualClock()
  const quota = new RefusalQuota(clock)
  let told = 0
  for (let n = 0; n < 10_000; n++) told += quota.admit(`10.0.${n >> 8}.${n & 255}`, 'unknown_source') === undefined ? 0 : 1
  assert.equal(told, 20)
  clock.advance(1000)
  const rest = quota.takeSuppressed('over')
  assert.equal(rest.find(({ subject }) => subject === 'unknown_source others')?.count, 10_000 - 4096 - 20)
  assert.equal(told + rest.reduce((sum, { count }) => sum + count, 0), 10_000)
})
