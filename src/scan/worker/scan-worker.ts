/** The other side of the scan pool: takes one message after the other, and answers with its findings. Started by scan-pool.ts only. */

import { parentPort } from 'node:worker_threads'

import type { DlpPolicy } from '../../model/policy.ts'
import { RememberedPolicies } from './remembered-policies.ts'
import { scanWhole } from '../scan-message.ts'
import type { ScanTask } from './scan-pool.ts'

/** Policies by number: each is sent once, so that its rules are compiled once. */
const policies = new RememberedPolicies<DlpPolicy>()

parentPort?.on('message', ({ context, policy, message: { url, headers, body } }: ScanTask) => {
  if (policy.dlp !== undefined) policies.set(policy.id, policy.dlp)
  const dlp = policies.get(policy.id)
  if (dlp === undefined) throw new TypeError('a policy that was not sent')
  parentPort?.postMessage(scanWhole({ ...context, dlp }, { url, headers, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) }))
})
