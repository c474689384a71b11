/** Recorders on real temporary folders, facts that state only the field under test, and a folder whose disk fails on order. */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { SYSTEM_CLOCK } from '../../src/base/clock.ts'
import { uuidV7 } from '../../src/base/uuid.ts'
import { createSigner, keyPairFromSeed } from '../../src/keys/index.ts'
import type { Denial } from '../../src/model/denial.ts'
import type { Signer } from '../../src/model/signer.ts'
import { openRecorder, type Placed, type ReceiptFacts, type Recorder, type RecorderOptions } from '../../src/receipt/index.ts'
import type { RecorderFiles } from '../../src/receipt/recorder-files.ts'
import { createRecorderFolder } from '../../src/receipt/recorder-folder-file.ts'

export async function inFolder(use: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'chaperone-recorder-'))
  try {
    await use(dir)
  } finally {
    await rm(dir, { recursive: true })
  }
}

export function aSigner(fill = 1): Signer {
  return createSigner(keyPairFromSeed(Buffer.alloc(32, fill)), 'node')
}

export function recorderOptions(dir: string, options: Partial<RecorderOptions> = {}): RecorderOptions {
  const fixed = { dir, signer: aSigner(), clock: SYSTEM_CLOCK, principal: 'acme.example', actor: 'spiffe://acme.example/companion', policyHash: 'defaults' }
  return { ...fixed, lowWaterBytes: 0, reopenMs: { first: 5, max: 20 }, ...options }
}

export function aRecorder(dir: string, options: Partial<RecorderOptions> = {}): Promise<Recorder> {
  return openRecorder(recorderOptions(dir, options))
}

export function someFacts(facts: Partial<ReceiptFacts> = {}): ReceiptFacts {
  const nowMs = SYSTEM_CLOCK.nowMs()
  return {
    actionId: uuidV7(nowMs),
    timestampMs: nowMs,
    actor: 'spiffe://acme.example/agent/researcher',
    target: 'https://api.example.com/v1?a=1&b=<2>',
    verdict: 'allow',
    transport: 'forward',
    method: 'GET',
    delegationChain: null,
    precedentRefs: ['identity:bound:cidr:10.0.0.0/8'],
    ...facts,
  }
}

/** Appends one admission and fails the test where it is refused. */
export function admit(recorder: Recorder, facts: Partial<ReceiptFacts> = {}): Placed {
  const placed = recorder.append(someFacts(facts), 'admission')
  assert.ok('seq' in placed, `refused: ${'detail' in placed ? placed.detail : ''}`)
  return placed
}

export function refused(recorder: Recorder, facts: Partial<ReceiptFacts> = {}): Denial {
  const denial = recorder.append(someFacts(facts), 'admission')
  assert.ok('reason' in denial, 'admitted')
  return denial
}

export async function until(isTrue: () => boolean, limitMs = 5000): Promise<void> {
  const end = SYSTEM_CLOCK.monotonicMs() + limitMs
  while (!isTrue()) {
    assert.ok(SYSTEM_CLOCK.monotonicMs() < end, 'did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** What is done instead of the disk's work; cleared again by the test. */
export interface DiskFaults {
  write?: { readonly code: string; /** Bytes that reach the file before the error. */ readonly partial: number } | undefined
  sync?: { readonly code: string } | undefined
  create?: { readonly code: string } | undefined
  /** Writes wait for this. */
  stall?: Promise<void> | undefined
  freeBytes?: number | undefined
  /** Syncs that were asked for on a file after one had failed on it. */
  retriedSyncs: number
}

function diskError(code: string): Error {
  return Object.assign(new Error(code), { code })
}

export function faultyFolder(dir: string, faults: DiskFaults): RecorderFiles {
  const real = createRecorderFolder(dir)
  return {
    ...real,
    freeBytes: () => (faults.freeBytes === undefined ? real.freeBytes() : Promise.resolve(faults.freeBytes)),
    create: async (name) => {
      if (faults.create !== undefined) throw diskError(faults.create.code)
      const writer = await real.create(name)
      let hasFailed = false
      return {
        write: (bytes, done) => {
          const { write, stall } = faults
          void (stall ?? Promise.resolve()).then(() => {
            if (write === undefined) writer.write(bytes, done)
            else writer.write(bytes.subarray(0, write.partial), () => { done(diskError(write.code)) })
          })
        },
        sync: (done) => {
          if (hasFailed) faults.retriedSyncs++
          const { sync } = faults
          if (sync === undefined) {
            writer.sync(done)
            return
          }
          hasFailed = true
          setImmediate(() => { done(diskError(sync.code)) })
        },
        close: () => writer.close(),
      }
    },
  }
}
