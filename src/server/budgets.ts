/**
 * The ledger of budgets as the companion runs it: which store, what is known of it a second ago at most, and what an operator
 * may do to it. Freezes are kept by the ledger and mirrored here, so that the data path need not wait to know them.
 */

import type { AuditLog, BudgetReading } from '../admin/index.ts'
import type { Clock } from '../base/clock.ts'
import { AXES, openLedger, type AxisName, type BudgetLedger, type Lease, type SubjectUsage } from '../budget/index.ts'
import type { Config } from '../config/index.ts'
import type { BudgetPolicy } from '../model/budget-policy.ts'
import { FrozenAgents, type Budgets } from '../pipeline/index.ts'
import type { StateFolder } from '../state/index.ts'

interface LedgerSurroundings {
  readonly folder: StateFolder
  readonly clock: Clock
  readonly onExpired: (lease: Lease) => void
}

/** @throws StoreError where the shared store must not be used */
export function openBudgetLedger({ url, replicas, onUnavailable, namespace, timeoutMs, assumeNoEviction }: Config['state'], { folder, clock, onExpired }: LedgerSurroundings): Promise<BudgetLedger> {
  if (url === undefined) return openLedger({ kind: 'journal', dir: folder.budgetDir, clock, onExpired })
  return openLedger({
    kind: 'shared',
    clock,
    onExpired,
    url: url.reveal(),
    dir: folder.path,
    namespace,
    timeoutMs,
    assumeNoEviction,
    ...(onUnavailable === 'local_share' && { degradeToShareOf: { replicas } }),
  })
}

export interface AxisLimit {
  readonly axis: AxisName
  readonly limit: number
  readonly windowMs: number
}

export interface BudgetView {
  readonly budgets: Budgets
  /** Reads the ledger anew: freezes, gauges, thresholds. @returns profiles that are frozen since */
  refresh(): Promise<readonly string[]>
  /** One entry per limit of a profile, as last read. */
  readings(): readonly BudgetReading[]
  leases(): ReadonlyMap<string, number>
  frozenAgents(): readonly string[]
  usageOf(agent: string): SubjectUsage | undefined
}

export interface BudgetViewOptions {
  readonly ledger: BudgetLedger
  readonly isShared: boolean
  readonly config: () => Config
  readonly audit: AuditLog
}

export function createBudgetView({ ledger, isShared, config, audit }: BudgetViewOptions): BudgetView {
  const frozen = new FrozenAgents()
  const thresholds = new Thresholds(audit)
  let reading: Promise<readonly string[]> = Promise.resolve([])
  let known: ReadonlyMap<string, SubjectUsage> = new Map()
  let state: ReturnType<BudgetLedger['health']> = 'ok'
  const noteState = (now: typeof state): void => {
    if (now !== state) audit.record({ event: 'budget_store', state: now })
    state = now
  }
  const readings = (): BudgetReading[] => [...config().policy.profiles.values()].flatMap(({ name, budget }) => readingsOf(name, budget, known.get(name)))
  const read = async (): Promise<readonly string[]> => {
    const usage = await ledger.usage()
    noteState(typeof usage === 'string' ? usage : ledger.health())
    if (typeof usage === 'string') return []
    known = new Map(usage.map((subject) => [subject.subject, subject]))
    thresholds.look(readings(), config())
    return frozen.replace(usage.filter((subject) => subject.frozen).map(({ subject }) => subject))
  }

  return {
    budgets: { ledger, isShared, frozen },
    // One reading at a time, and each caller gets one that began after its call.
    refresh: () => (reading = reading.then(read, read)),
    readings,
    leases: () => new Map([...known.values()].filter(({ leases }) => leases.length > 0).map(({ subject, leases }) => [subject, leases.length])),
    frozenAgents: () => frozen.names(),
    usageOf: (agent) => known.get(agent),
  }
}

/** Of retries the ledger knows how many endpoints it remembers, which is no share of their limit. */
function readingsOf(agent: string, budget: BudgetPolicy, usage: SubjectUsage | undefined): BudgetReading[] {
  return limitsOf(budget).flatMap(({ axis, limit }) => {
    if (AXES[axis].kind === 'retry') return []
    const found = usage?.axes.find((one) => one.axis === axis)
    return [{ agent, axis, used: found?.used ?? 0, limit: limit + (found?.granted ?? 0) }]
  })
}

/** @returns the limits of a profile, in the order in which a refusal names them */
export function limitsOf(budget: BudgetPolicy): readonly AxisLimit[] {
  const { requests, bytes, destinations, fanOut, concurrentRequests, parallelTargets, wallClock, retriesPerEndpoint } = budget
  const windowed = (axis: AxisName, limit: { readonly limit: number; readonly windowMs: number } | undefined): AxisLimit[] => (limit === undefined ? [] : [{ axis, limit: limit.limit, windowMs: limit.windowMs }])
  const counted = (axis: AxisName, limit: number | undefined): AxisLimit[] => (limit === undefined ? [] : [{ axis, limit, windowMs: 0 }])
  return [
    ...windowed('requests', requests),
    ...windowed('bytes', bytes),
    ...windowed('destinations', destinations),
    ...windowed('fan_out', fanOut),
    ...counted('concurrent_requests', concurrentRequests),
    ...counted('parallel_targets', parallelTargets),
    ...windowed('wall_clock', wallClock === undefined ? undefined : { limit: wallClock.limitMs, windowMs: wallClock.idleMs }),
    ...windowed('retries_per_endpoint', retriesPerEndpoint),
  ]
}

/** Tells once when a share of a limit is reached, and again after it had been left. */
class Thresholds {
  readonly #audit: AuditLog
  /** Highest share told, by profile and axis: as many as the configuration has limits. */
  #told: ReadonlyMap<string, number> = new Map()

  constructor(audit: AuditLog) {
    this.#audit = audit
  }

  look(readings: readonly BudgetReading[], { policy }: Config): void {
    const told = new Map<string, number>()
    for (const { agent, axis, used, limit } of readings) {
      const shares = policy.profiles.get(agent)?.budget.warnAtPercent ?? []
      const percent = shares.findLast((share) => used * 100 >= share * limit) ?? 0
      const key = `${agent} ${axis}`
      if (percent > (this.#told.get(key) ?? 0)) this.#audit.record({ event: 'budget_threshold', agent, axis, percent, used, limit })
      told.set(key, percent)
    }
    this.#told = told
  }
}
