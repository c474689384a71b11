/** Tells log and metrics of limits that were passed, whatever the surface: one kind of event, one counter. */

import { createHash } from 'node:crypto'

import type { AuditLog, Metrics } from '../admin/index.ts'
import type { Clock } from '../base/clock.ts'
import { AXES, type AxisName, type Granted } from '../budget/index.ts'
import type { DenialOfWalletEvent } from '../model/audit-event.ts'
import type { Denial } from '../model/denial.ts'
import { endpointKey, type Observer, type Passage } from '../pipeline/index.ts'
import { WalletReports } from './wallet-reports.ts'

export interface BudgetTeller extends Pick<Observer, 'budgetAdmitted' | 'budgetRefused' | 'budgetCrossed'> {
  /** Every second: tells what was left out. */
  tick(): void
  retain(profiles: ReadonlySet<string>): void
}

export interface BudgetTellerOptions {
  readonly metrics: Metrics
  readonly audit: AuditLog
  readonly clock: Clock
  readonly replica: string
  readonly isShared: boolean
}

const MS_PER_SECOND = 1000
const HASH_DIGITS = 16

const REMEDIATIONS: Partial<Record<AxisName, string>> = {
  requests: 'wait, grant more with chaperone budgets grant, or raise requests of the budget',
  bytes: 'wait, grant more with chaperone budgets grant, or raise bytes of the budget',
  destinations: 'use destinations that are known already, or raise destinations of the budget',
  fan_out: 'call fewer targets in a short time, or raise fan_out of the budget',
  parallel_targets: 'call fewer targets at once, or raise parallel_targets of the budget',
  concurrent_requests: 'wait for open requests to end, or raise concurrent_requests of the budget',
  retries_per_endpoint: 'look why the endpoint fails, or raise retries_per_endpoint of the budget',
  wall_clock: 'let the agent rest, or raise wall_clock of the budget',
}

interface Told {
  readonly axis: AxisName
  readonly limit: number
  readonly used: number
  readonly requested: number
  readonly windowMs: number
  readonly action: 'block' | 'warn'
  readonly resetsAt?: string
  readonly isFirst?: boolean
}

export function createBudgetTeller(options: BudgetTellerOptions): BudgetTeller {
  const { metrics, audit, clock } = options
  const reports = new WalletReports(clock)
  const store = options.isShared ? 'shared' : 'local'
  const tell = (passage: Passage, told: Told): void => {
    const { axis, action, used, isFirst } = told
    metrics.countDenialOfWallet({ agent: passage.profile.name, axis, action, transport: passage.exchange.surface })
    const report = reports.note({ profile: passage.profile.name, axis, action, used, ...(isFirst !== undefined && { isFirst }) })
    if (report !== undefined) audit.record(eventOf(passage, told, { firstCrossing: report.isFirst, suppressed: report.suppressed }, options))
  }

  return {
    budgetAdmitted: (passage, tookMs) => {
      metrics.observeBudgetReserve(store, 'granted', tookMs / MS_PER_SECOND)
      reports.admitted(passage.profile.name)
    },
    budgetRefused: (passage, refused, denial, tookMs) => {
      if (tookMs !== undefined) metrics.observeBudgetReserve(store, 'refused', tookMs / MS_PER_SECOND)
      if (refused.cause !== 'limit') metrics.countBudgetStoreError(refused.cause)
      for (const short of refused.shortfalls) tell(passage, { ...short, requested: short.asked, action: 'block', resetsAt: resetsAtText(denial) })
    },
    budgetCrossed: (passage, crossing) => {
      tell(passage, crossed(crossing))
    },
    tick: () => {
      for (const { profile, axis, count } of reports.takeSuppressed()) audit.record({ event: 'suppressed', subject: `denial_of_wallet ${profile} ${axis}`, count })
    },
    retain: (profiles) => {
      reports.retain(profiles)
    },
  }
}

function crossed({ axis, limit, used, asked, windowMs, isFirst }: Granted['crossings'][number]): Told {
  return { axis, limit, used, requested: asked, windowMs, action: 'warn', isFirst }
}

function resetsAtText({ exhausted }: Denial): string {
  const at = exhausted?.resetsAtMs ?? 'unknown'
  return typeof at === 'number' ? new Date(at).toISOString() : at
}

type Report = Pick<DenialOfWalletEvent, 'firstCrossing' | 'suppressed'>

function eventOf(passage: Passage, told: Told, report: Report, { replica, isShared }: BudgetTellerOptions): DenialOfWalletEvent {
  const { exchange, agent, profile, claimed, policy } = passage
  const { axis, limit, used, requested, windowMs, action, resetsAt } = told
  return {
    event: 'denial_of_wallet',
    agent: profile.name,
    identityGrade: agent.grade,
    identitySource: agent.source,
    ...(claimed.length > 0 && { claimedActor: claimed }),
    subjectHash: createHash('sha256').update(profile.name).digest('hex').slice(0, HASH_DIGITS),
    axis,
    limit,
    used,
    requested,
    unit: AXES[axis].unit,
    windowSeconds: windowMs / MS_PER_SECOND,
    ...(resetsAt !== undefined && { windowResetsAt: resetsAt }),
    action,
    transport: exchange.surface,
    direction: 'outbound',
    method: exchange.head.method,
    destination: exchange.head.target.host,
    ...(axis === 'retries_per_endpoint' && { endpointHash: endpointKey(exchange, profile.budget.retriesPerEndpoint?.path ?? 'exact') }),
    requestId: exchange.id,
    actionId: exchange.id,
    receiptId: exchange.id,
    policyHash: policy.hash,
    replica,
    store: isShared ? 'shared' : 'local',
    ...report,
    remediation: REMEDIATIONS[axis] ?? 'ask the operator',
  }
}

