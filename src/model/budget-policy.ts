/** What a profile may spend, axis by axis: the configuration as the data path reads it. An absent axis is unlimited. */

/** A count of something inside a sliding window. */
export interface WindowLimit {
  readonly limit: number
  /** 0 = since the account was opened or last reset. */
  readonly windowMs: number
}

export interface BytesLimit extends WindowLimit {
  /** `both`: request and response bodies, and both directions of a tunnel; `response`: what comes down alone. */
  readonly count: 'both' | 'response'
}

/** What counts as one destination, or one target of a fan-out. */
export type Granularity = 'host' | 'origin' | 'endpoint'

export interface DistinctLimit extends WindowLimit {
  readonly granularity: Granularity
}

export interface RetryLimit extends WindowLimit {
  /** `ids`: segments of a path that are numbers, UUIDs or long hexadecimal are one and the same endpoint. */
  readonly path: 'exact' | 'ids'
  /** Statuses that are failures of the endpoint. */
  readonly failureStatuses: readonly number[]
}

export interface BudgetPolicy {
  /** What a limit does when it is passed. */
  readonly action: 'block' | 'warn'
  readonly requests?: WindowLimit
  readonly bytes?: BytesLimit
  readonly destinations?: DistinctLimit
  readonly fanOut?: DistinctLimit
  readonly retriesPerEndpoint?: RetryLimit
  /** Exchanges and tunnels that are open at once. */
  readonly concurrentRequests?: number
  /** Distinct origins of those. */
  readonly parallelTargets?: number
  /** Time since the first attempt of a session, which ends with a rest of `idleMs` (0 = never). */
  readonly wallClock?: { readonly limitMs: number; readonly idleMs: number }
  /** Shares of a limit, in percent, whose reaching is told. */
  readonly warnAtPercent: readonly number[]
  /** How much of its own numbers a refused caller is told. */
  readonly detailLevel: 'none' | 'axis' | 'full'
  /** What an attempt costs whose connection could not be opened. */
  readonly failedDials: 'refund' | 'count'
}

/** Limits nothing. */
export const NO_BUDGET: BudgetPolicy = { action: 'block', warnAtPercent: [], detailLevel: 'full', failedDials: 'refund' }
