/** Tells log and metrics what the data path reports. */

import type { AuditLog, Metrics } from '../admin/index.ts'
import type { ExchangeEvent } from '../model/audit-event.ts'
import { BLOCK_REASONS } from '../model/block-reason.ts'
import type { Denial } from '../model/denial.ts'
import type { Ending, Observer, Passage } from '../pipeline/index.ts'
import type { BudgetTeller } from './tell-budget.ts'

export function createObserver(metrics: Metrics, audit: AuditLog, budgetTeller: BudgetTeller): Observer {
  return {
    ...budgetTeller,
    refused: (passage, denial, durationMs) => {
      tellRefusal(metrics, audit, passage, { denial, durationMs })
    },
    ended: (passage, ending, durationMs) => {
      tellEnd(metrics, audit, passage, { ending, durationMs })
    },
    identityDoubt: (passage, kind) => {
      if (kind === 'identity_mismatch') {
        metrics.countIdentityMismatch(passage.agent.source)
        audit.record({ event: 'identity_mismatch', ...callerOf(passage), claimed: passage.claimed })
        return
      }
      const { listener } = passage.exchange.connection
      audit.record({ event: 'identity_unresolved', ...callerOf(passage), reason: kind, address: passage.agent.address, listener })
    },
    identityChanged: ({ listener }, { profile, source, rule, address }, to) => {
      audit.record({ event: 'identity_changed', agent: profile, to: to ?? '-', source, rule, address, listener })
    },
    refusedBeforeExchange: (cause) => {
      metrics.countRefusedBeforeExchange(cause)
    },
    receiptWritten: (agent, verdict) => {
      metrics.countReceipt(agent, 'outbound', verdict)
    },
    receiptFailed: (reason, phase) => {
      metrics.countReceiptFailure(reason)
      audit.record({ event: 'receipt_failed', reason, phase })
    },
  }
}

function tellRefusal(metrics: Metrics, audit: AuditLog, passage: Passage, { denial, durationMs }: { denial: Denial; durationMs: number }): void {
  const { profile, exchange, agent } = passage
  metrics.countIdentity(agent.source, agent.grade)
  metrics.countExchange({ agent: profile.name, transport: exchange.surface, verdict: 'block', reason: denial.reason, bytesUp: 0, bytesDown: 0, durationMs })
  audit.record(exchangeEvent(passage, durationMs, { verdict: 'block', reason: denial.reason, detail: denial.detail, status: BLOCK_REASONS[denial.reason].httpStatus }))
}

function tellEnd(metrics: Metrics, audit: AuditLog, passage: Passage, { ending, durationMs }: { ending: Ending; durationMs: number }): void {
  const { profile, exchange, agent, bytesUp, bytesDown } = passage
  const { verdict, status, reason } = ending
  metrics.countIdentity(agent.source, agent.grade)
  const isOurs = verdict === 'block' && reason !== 'completed' && reason !== 'client_aborted'
  metrics.countExchange({ agent: profile.name, transport: exchange.surface, verdict, bytesUp, bytesDown, durationMs, ...(isOurs && { reason }) })
  audit.record(exchangeEvent(passage, durationMs, { verdict, status, ...(reason !== 'completed' && { reason }) }))
}

type Conclusion = Pick<ExchangeEvent, 'verdict' | 'status' | 'reason' | 'detail'>

function exchangeEvent(passage: Passage, durationMs: number, conclusion: Conclusion): ExchangeEvent {
  const { profile, agent, exchange, warnings } = passage
  return {
    event: 'exchange',
    agent: profile.name,
    grade: agent.grade,
    source: agent.source,
    rule: agent.rule,
    actionId: exchange.id,
    surface: exchange.surface,
    method: exchange.head.method,
    target: passage.shownTarget,
    bytesUp: passage.bytesUp,
    bytesDown: passage.bytesDown,
    durationMs: Math.round(durationMs * 1000) / 1000,
    policyHash: passage.policy.hash,
    ...(warnings.length > 0 && { warnings }),
    ...conclusion,
  }
}

function callerOf({ profile, agent, exchange }: Passage) {
  return { agent: profile.name, grade: agent.grade, source: agent.source, rule: agent.rule, actionId: exchange.id, surface: exchange.surface }
}
