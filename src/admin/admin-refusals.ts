/** Refusals at the admin listener in the audit log: one a second, and how many came beside it, so that guessing fills no disk. */

import type { Clock } from '../base/clock.ts'
import type { AdminAnswer } from './admin-answer.ts'
import { actionEvent, type AdminCall } from './admin-call.ts'
import type { AdminSources } from './admin-sources.ts'

export interface RefusalAudit {
  /** Notes the refusal and hands the answer on. */
  refuse(call: AdminCall, answer: AdminAnswer): AdminAnswer
}

const INTERVAL_MS = 1000

export function createRefusalAudit(sources: Pick<AdminSources, 'audit'>, clock: Clock): RefusalAudit {
  let notedAtMs = Number.NEGATIVE_INFINITY
  let suppressed = 0
  return {
    refuse: (call, answer) => {
      const nowMs = clock.monotonicMs()
      if (nowMs - notedAtMs < INTERVAL_MS) {
        suppressed++
        return answer
      }
      if (suppressed > 0) sources.audit({ event: 'suppressed', subject: 'admin_refusals', count: suppressed })
      suppressed = 0
      notedAtMs = nowMs
      sources.audit(actionEvent(call, { action: 'refused', result: String(answer.status) }))
      return answer
    },
  }
}
