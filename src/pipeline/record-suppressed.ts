/** Tells of the refusals that had no receipt of their own: one receipt per subject and second. */

import { uuidV7 } from '../base/uuid.ts'
import { DEFAULT_PROFILE } from '../model/agent.ts'
import { reference } from '../receipt/index.ts'
import type { Services } from './services.ts'

/** To be called with `over` every second, and with `all` once before the recorder is closed. */
export function recordSuppressed(services: Services, which: 'over' | 'all'): void {
  const { refusals, recorder, clock, trustDomain, observer } = services
  for (const { subject, count } of refusals.takeSuppressed(which)) {
    const nowMs = clock.nowMs()
    const appended = recorder.append(
      {
        actionId: uuidV7(nowMs),
        agentKey: DEFAULT_PROFILE,
        principal: trustDomain,
        actor: 'anonymous',
        target: `chaperone://refusals/${encodeURIComponent(subject)}`,
        transport: 'forward',
        verdict: 'block',
        layer: 'accept',
        pattern: 'suppressed',
        policyHash: services.policy().hash,
        timestampMs: nowMs,
        delegationChain: null,
        precedentRefs: [reference('suppressed', String(count))],
      },
      'admission',
    )
    if ('reason' in appended) observer.receiptFailed(appended.reason, 'refusal')
    else {
      appended.durable.then(
        () => {
          observer.receiptWritten(DEFAULT_PROFILE, 'block')
        },
        () => {
          observer.receiptFailed('receipt_unwritable', 'refusal')
        },
      )
    }
  }
}
