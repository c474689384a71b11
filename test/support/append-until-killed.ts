/**
 * A child that appends receipts for as long as it lives and tells on stdout, line by line, the `action_id` of each one that
 * was acknowledged. Its parent kills it. Argument: the evidence folder.
 */

import { writeSync } from 'node:fs'

import { aRecorder, someFacts } from './recorder-rig.ts'

const IN_FLIGHT = 32
const STDOUT = 1

const recorder = await aRecorder(process.argv[2] ?? '', { limits: { maxEntriesPerShard: 400, checkpointInterval: 90 } })
writeSync(STDOUT, 'ready\n')

async function keepAppending(): Promise<void> {
  for (;;) {
    const intent = someFacts({ decisionPhase: 'intent', agentKey: 'a' })
    const placed = recorder.append(intent, 'admission')
    if ('reason' in placed) continue
    await placed.durable
    // Synchronous: what was acknowledged is told before anything else can happen to this process.
    writeSync(STDOUT, `${intent.actionId}\n`)
    recorder.append({ ...intent, decisionPhase: 'outcome' }, 'completion')
  }
}

await Promise.all(Array.from({ length: IN_FLIGHT }, keepAppending))
