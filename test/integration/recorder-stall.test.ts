/** A recorder's thread that hangs in the disk: the data path goes on, holds a bounded number of receipts, and gives up at last. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'

import { openRecorderThread, RecorderError, type ReceiptRecorder } from '../../src/receipt/index.ts'
import { verifyRecorder } from '../../src/verify/index.ts'
import type { BlockableWorkerOptions } from '../support/blockable-recorder.ts'
import { aSigner, someFacts, until } from '../support/recorder-rig.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ENTRY = new URL('../support/blockable-recorder.ts', import.meta.url)
const NEVER = { lookMs: 1000, looks: 600 }
const SOON = { lookMs: 10, looks: 20 }
const skip = process.platform === 'win32' ? 'no named pipes' : false

interface Rig {
  readonly dir: string
  readonly recorder: ReceiptRecorder
  readonly workers: readonly Worker[]
  /** From here on the disk hangs. */
  readonly shut: () => void
  /** Lets the disk go on, the write that hangs included. */
  readonly open: () => void
}

async function aBlockable(t: TestContext, stall: { lookMs: number; looks: number }, limits = {}): Promise<Rig> {
  const dir = temporaryFolder(t)
  const pipe = join(temporaryFolder(t), 'pipe')
  execFileSync('mkfifo', [pipe])
  // Held open, since the folder may be gone before the thread is let go.
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const workers: Worker[] = []
  const recorder = await openRecorderThread({
    policyHash: 'first',
    onSync: () => undefined,
    restartMs: { first: 5, max: 20 },
    stall,
    limits,
    start: () => {
      const workerData: BlockableWorkerOptions = { dir, pipe, gate }
      const worker = new Worker(ENTRY, { workerData })
      workers.push(worker)
      return worker
    },
  })
  const open = (): void => {
    Atomics.store(gate, 0, 0)
    drain(reader)
  }
  t.after(async () => {
    open()
    await recorder.close().catch(() => undefined)
    closeSync(reader)
  })
  return { dir, recorder, workers, shut: () => { Atomics.store(gate, 0, 1) }, open }
}

/** Takes what stands in the pipe: a write that waits for room goes on. */
function drain(fd: number): void {
  const bytes = Buffer.alloc(131_072)
  try {
    while (readSync(fd, bytes) > 0);
  } catch {
    // Empty.
  }
}

function offer(recorder: ReceiptRecorder, count: number, isIntent = true) {
  return Array.from({ length: count }, () => recorder.append(someFacts(isIntent ? { decisionPhase: 'intent' } : {}), 'admission'))
}

test('while the disk hangs, admissions beyond the bound are refused at once, outcomes are taken, and nothing else waits', { skip }, async (t) => {
  const { dir, recorder, shut, open } = await aBlockable(t, NEVER, { maxQueued: 50 })
  const before = recorder.append(someFacts({ actionId: 'open', decisionPhase: 'intent' }), 'admission')
  assert.ok('durable' in before)
  await before.durable
  shut()
  const offered = offer(recorder, 20_000)
  const refusals = offered.filter((one) => 'reason' in one)
  assert.equal(refusals.length, 20_000 - 50)
  assert.ok(refusals.every(({ reason }) => reason === 'recorder_busy'))
  assert.equal(recorder.stats().commit.queued, 50)
  const outcome = recorder.append(someFacts({ actionId: 'open', decisionPhase: 'outcome' }), 'completion')
  assert.ok('durable' in outcome, 'an outcome has its place kept')
  // The event loop of the data path runs on.
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 1))
  assert.equal(recorder.stats().commit.queued, 51)

  open()
  await outcome.durable
  for (const one of offered) if ('durable' in one) await one.durable
  assert.equal(offer(recorder, 1).filter((one) => 'durable' in one).length, 1, 'taken again once the disk goes on')
  await recorder.close()
  assertValid(dir)
})

test('intents without outcome are bounded on the side of the data path', { skip }, async (t) => {
  const { recorder } = await aBlockable(t, NEVER, { maxOpenIntents: 3 })
  const intents = ['a', 'b', 'c'].map((actionId) => recorder.append(someFacts({ actionId, decisionPhase: 'intent' }), 'admission'))
  for (const one of intents) {
    assert.ok('durable' in one)
    await one.durable
  }
  const fourth = recorder.append(someFacts({ decisionPhase: 'intent' }), 'admission')
  assert.ok('reason' in fourth && fourth.reason === 'recorder_busy')
  recorder.append(someFacts({ actionId: 'b', decisionPhase: 'outcome' }), 'completion')
  assert.ok('durable' in (offer(recorder, 1)[0] ?? {}), 'one more once another has ended')
})

test('a thread that answers nothing is lost: what waits is refused, and the next one begins only after its end', { skip }, async (t) => {
  const { dir, recorder, workers, shut, open } = await aBlockable(t, SOON)
  shut()
  const waiting = offer(recorder, 10).map((one) => ('durable' in one ? one.durable : Promise.reject(new Error('refused at once'))))
  const ended = await Promise.allSettled(waiting)
  for (const one of ended) assert.ok(one.status === 'rejected' && one.reason instanceof RecorderError && one.reason.denial.reason === 'receipt_unwritable')
  const [refused] = offer(recorder, 1)
  assert.ok(refused !== undefined && 'reason' in refused && refused.reason === 'receipt_unwritable')
  assert.equal(recorder.stats().state, 'failed')
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal(workers.length, 1, 'two threads never write to one folder')

  open()
  await until(() => recorder.stats().state === 'open')
  const [later] = offer(recorder, 1, false)
  assert.ok(later !== undefined && 'durable' in later)
  await later.durable
  await recorder.close()
  assertValid(dir)
})

test('a close does not wait for ever for a thread that hangs', { skip }, async (t) => {
  const { recorder, shut } = await aBlockable(t, SOON)
  shut()
  await assert.rejects(recorder.close(), RecorderError)
})

function assertValid(dir: string): void {
  const files = readdirSync(dir).filter((name) => name.endsWith('.jsonl')).map((name) => ({ name, content: readFileSync(join(dir, name)) }))
  const report = verifyRecorder(files, { trustedKeys: [aSigner().publicKeyHex] })
  assert.deepEqual([report.valid, report.faults], [true, []])
}
