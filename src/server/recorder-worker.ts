/** Entry of the recorder's thread: signer and recorder are made here, and nothing else runs here. */

import { parentPort, workerData } from 'node:worker_threads'

import { SYSTEM_CLOCK } from '../base/clock.ts'
import { createSigner, keyPairFromSeed } from '../keys/index.ts'
import { openRecorder, serveRecorder } from '../receipt/index.ts'
import type { RecorderWorkerOptions } from './recorder-thread.ts'

const { seed, backend, recorder } = workerData as RecorderWorkerOptions

if (parentPort !== null) {
  const signer = createSigner(keyPairFromSeed(Buffer.from(seed)), backend)
  await serveRecorder(parentPort, (onSync) => openRecorder({ ...recorder, signer, clock: SYSTEM_CLOCK, onSync }))
}
