/** The recorder in a thread of its own: what it acknowledges stands on disk, what it refuses is told, and its death closes the door. */

import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'

import { openRecorderThread, RecorderError, type ReceiptFacts, type ReceiptRecorder } from '../../src/receipt/index.ts'
import type { RecorderWorkerOptions } from '../../src/server/recorder-thread.ts'
import { verifyRecorder } from '../../src/verify/index.ts'
import { aSigner, someFacts, until } from '../support/recorder-rig.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ENTRY = new URL('../../src/server/recorder-worker.ts', import.meta.url)

interface Rig {
  readonly dir: string
  readonly recorder: ReceiptRecorder
  /** Threads that were started, the running one last. */
  readonly workers: readonly Worker[]
  readonly syncsMs: readonly number[]
}

async function openThread(t: TestContext, dir: string, settings: Partial<RecorderWorkerOptions['recorder']> = {}): Promise<Rig> {
  const workers: Worker[] = []
  const syncsMs: number[] = []
  const recorder = await openRecorderThread({
    policyHash: 'first',
    onSync: (tookMs) => syncsMs.push(tookMs),
    restartMs: { first: 5, max: 20 },
    start: (policyHash) => {
      const plain = { dir, principal: 'acme.example', actor: 'spiffe://acme.example/companion', lowWaterBytes: 0, ...settings, policyHash }
      const workerData: RecorderWorkerOptions = { seed: Buffer.alloc(32, 1), backend: 'node', recorder: plain }
      const worker = new Worker(ENTRY, { workerData })
      workers.push(worker)
      return worker
    },
  })
  t.after(() => recorder.close().catch(() => undefined))
  return { dir, recorder, workers, syncsMs }
}

function append(recorder: ReceiptRecorder, facts: Partial<ReceiptFacts> = {}): Promise<unknown> {
  const appended = recorder.append(someFacts(facts), 'admission')
  assert.ok('durable' in appended, 'refused')
  return appended.durable
}

const textOf = (dir: string): string => readdirSync(dir).filter((name) => name.endsWith('.jsonl')).map((name) => readFileSync(join(dir, name), 'utf8')).join('')

function assertValid(dir: string): void {
  const files = readdirSync(dir).filter((name) => name.endsWith('.jsonl')).map((name) => ({ name, content: readFileSync(join(dir, name)) }))
  const report = verifyRecorder(files, { trustedKeys: [aSigner().publicKeyHex] })
  assert.deepEqual([report.valid, report.faults], [true, []])
}

test('what is acknowledged stands on disk, in the order in which it was taken', async (t) => {
  const { dir, recorder, syncsMs } = await openThread(t, temporaryFolder(t))
  const ids = Array.from({ length: 200 }, (_, n) => `action-${n}`)
  await Promise.all(ids.map((actionId) => append(recorder, { actionId })))
  const found = [...textOf(dir).matchAll(/"action_id":"(action-[0-9]+)"/g)].map((match) => match[1])
  assert.deepEqual(found, ids)
  assert.equal(recorder.stats().commit.queued, 0)
  // Told with the next report, a little later.
  await until(() => recorder.durableHead()?.seq === 200 && syncsMs.length > 0)
  await recorder.close()
  assertValid(dir)
})

test('what the recorder refuses is told to the one receipt that it meant', async (t) => {
  const { recorder } = await openThread(t, temporaryFolder(t))
  const first = append(recorder, { actionId: 'twice', decisionPhase: 'intent' })
  const second = append(recorder, { actionId: 'twice', decisionPhase: 'intent' })
  const third = append(recorder, { actionId: 'once', decisionPhase: 'intent' })
  await assert.rejects(second, (error: unknown) => error instanceof RecorderError && error.denial.reason === 'internal_error')
  await first
  await third
  assert.equal(recorder.stats().commit.queued, 0)
})

test('a policy hash is carried by what is taken after it, and by nothing before', async (t) => {
  const { dir, recorder } = await openThread(t, temporaryFolder(t))
  const before = append(recorder, { actionId: 'before' })
  recorder.usePolicy('second')
  await Promise.all([before, append(recorder, { actionId: 'after' })])
  const hashes = [...textOf(dir).matchAll(/"action_id":"(before|after)".*?"policy_hash":"(\w+)"/g)].map((match) => `${match[1]} ${match[2]}`)
  assert.deepEqual(hashes, ['before first', 'after second'])
})

test('when its thread dies what waits is lost, nothing is admitted, and the next thread opens a session linked to the last', async (t) => {
  const { dir, recorder, workers } = await openThread(t, temporaryFolder(t))
  await append(recorder, { actionId: 'kept' })
  const { session } = recorder.stats()
  recorder.usePolicy('second')
  await workers[0]?.terminate()
  const refused = recorder.append(someFacts(), 'admission')
  assert.ok('reason' in refused && refused.reason === 'receipt_unwritable')
  assert.equal(recorder.stats().state, 'failed')

  await until(() => recorder.stats().state === 'open')
  assert.equal(workers.length, 2)
  assert.notEqual(recorder.stats().session, session)
  await append(recorder, { actionId: 'later' })
  assert.match(textOf(dir), new RegExp(`"prior-chain:${session}:1:`))
  assert.match(textOf(dir), /"action_id":"later".*?"policy_hash":"second"/)
  await recorder.close()
  assertValid(dir)
})

test('receipts in flight when the thread dies are refused, not left waiting', async (t) => {
  const { recorder, workers } = await openThread(t, temporaryFolder(t))
  const waiting = Array.from({ length: 50 }, () => append(recorder))
  void workers[0]?.terminate()
  const ended = await Promise.allSettled(waiting)
  for (const one of ended) {
    if (one.status === 'rejected') assert.ok(one.reason instanceof RecorderError && one.reason.denial.reason === 'receipt_unwritable')
  }
})

test('nothing is taken after close, and a second close waits for the first', async (t) => {
  const { dir, recorder } = await openThread(t, temporaryFolder(t))
  const last = append(recorder, { actionId: 'last' })
  await Promise.all([recorder.close('test'), recorder.close('test')])
  await last
  assert.ok('reason' in recorder.append(someFacts(), 'completion'))
  assert.match(textOf(dir), /"close_reason":"test"/)
  assertValid(dir)
})

test('a folder that cannot be used is told at the start', { skip: process.getuid?.() === 0 ? 'root reads everything' : false }, async (t) => {
  const dir = temporaryFolder(t)
  chmodSync(dir, 0o000)
  await assert.rejects(openThread(t, dir), RecorderError)
})

test('a folder that is a file is told at the start', async (t) => {
  await assert.rejects(openThread(t, '/dev/null'), (error: unknown) => error instanceof RecorderError && error.message.includes('/dev/null'))
})
