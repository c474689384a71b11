/**
 * Entry of a recorder's thread whose disk can be made to hang in a system call: while the gate is shut, a write to the shard
 * first fills a pipe that nobody reads.
 */

import { openSync, writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'

import { SYSTEM_CLOCK } from '../../src/base/clock.ts'
import { openRecorder, serveRecorder } from '../../src/receipt/index.ts'
import { createRecorderFolder } from '../../src/receipt/recorder-folder-file.ts'
import type { RecorderFiles } from '../../src/receipt/recorder-files.ts'
import { aSigner } from './recorder-rig.ts'

export interface BlockableWorkerOptions {
  readonly dir: string
  /** Path of a FIFO. */
  readonly pipe: string
  /** 1 while it is shut. */
  readonly gate: Int32Array
}

/** One byte more than a pipe holds: who empties it once lets the write go on. */
const FILLING = Buffer.alloc(65_537)

const { dir, pipe, gate } = workerData as BlockableWorkerOptions

if (parentPort !== null) {
  // Opened for both, so that opening does not wait for a reader.
  const pipeFd = openSync(pipe, 'r+')
  const real = createRecorderFolder(dir)
  const files: RecorderFiles = {
    ...real,
    create: async (name) => {
      const writer = await real.create(name)
      return {
        ...writer,
        write: (bytes, done) => {
          if (Atomics.load(gate, 0) === 1) writeSync(pipeFd, FILLING)
          writer.write(bytes, done)
        },
      }
    },
  }
  const options = { dir, files, signer: aSigner(), clock: SYSTEM_CLOCK, principal: 'acme.example', actor: 'spiffe://acme.example/companion', policyHash: 'first', lowWaterBytes: 0 }
  await serveRecorder(parentPort, (onSync) => openRecorder({ ...options, onSync }))
}
