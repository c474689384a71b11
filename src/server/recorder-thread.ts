/** Starts the thread of the recorder: its entry is recorder-worker.ts beside this file, compiled or not. */

import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

import type { KeyPair, SigningBackend } from '../keys/index.ts'
import { openRecorderThread, type ReceiptRecorder, type RecorderOptions } from '../receipt/index.ts'

/** What the thread is given: nothing that cannot be copied. Its clock is the system's. */
export interface RecorderWorkerOptions {
  readonly seed: Uint8Array
  readonly backend: SigningBackend
  readonly recorder: Omit<RecorderOptions, 'signer' | 'clock' | 'files' | 'onSync'>
}

const ENTRY = new URL(`./recorder-worker${extname(import.meta.url)}`, import.meta.url)

/** @throws {RecorderError} when the folder cannot be read, or the session_open cannot be made durable */
export function startRecorder(pair: KeyPair, { backend, recorder, onSync }: Omit<RecorderWorkerOptions, 'seed'> & { readonly onSync: (tookMs: number) => void }): Promise<ReceiptRecorder> {
  return openRecorderThread({
    policyHash: recorder.policyHash,
    onSync,
    limits: limitsOf(recorder),
    start: (policyHash) => {
      const workerData: RecorderWorkerOptions = { seed: pair.seed, backend, recorder: { ...recorder, policyHash } }
      return new Worker(ENTRY, { workerData, name: 'chaperone recorder' })
    },
  })
}

function limitsOf({ maxQueued, maxOpenIntents }: RecorderWorkerOptions['recorder']) {
  return { ...(maxQueued !== undefined && { maxQueued }), ...(maxOpenIntents !== undefined && { maxOpenIntents }) }
}
