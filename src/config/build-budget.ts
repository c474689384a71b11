/**
 * From the written `budget` sections to what a profile may spend. A profile inherits axis by axis: an axis that it names,
 * under the one key or the other, takes the place of the inherited one whole; the session's window is one value of its own.
 */

import { NO_BUDGET, type BudgetPolicy, type BytesLimit, type DistinctLimit, type RetryLimit, type WindowLimit } from '../model/budget-policy.ts'
import type { FileBudget } from './budget-schema.ts'
import { DEFAULTS } from './defaults.ts'

const MINUTE_MS = 60_000
const FAN_OUT_WINDOW_MS = MINUTE_MS
const RETRY_WINDOW_MS = 10 * MINUTE_MS
const IDLE_MS = 30 * MINUTE_MS
const FAILURE_STATUSES: readonly (number | string)[] = [408, 425, 429, '5xx']
/** A loop on a rejected credential is spend. */
const AUTH_STATUSES = [401, 403, 407]
const UNLIMITED = 'unlimited'

/** @param levels from the most general one to that of the profile; absent ones say nothing */
export function buildBudget(levels: readonly (FileBudget | undefined)[]): BudgetPolicy {
  const nearest = levels.filter((level) => level !== undefined).reverse()
  const first = <T>(read: (level: FileBudget) => T | undefined): T | undefined => nearest.map(read).find((value) => value !== undefined)
  const windowMs = (first(({ window_minutes: minutes }) => minutes) ?? DEFAULTS.budget.window_minutes) * MINUTE_MS
  const axes = {
    requests: first((level) => requestsOf(level, windowMs)),
    bytes: first((level) => bytesOf(level, windowMs)),
    destinations: first((level) => destinationsOf(level, windowMs)),
    fanOut: first(fanOutOf),
    retriesPerEndpoint: first(retriesOf),
    concurrentRequests: first((level) => counted(level.concurrent_requests)),
    parallelTargets: first((level) => counted(level.parallel_targets)),
    wallClock: first(wallClockOf),
  }
  return {
    ...NO_BUDGET,
    action: first(({ dow_action: action }) => action) ?? DEFAULTS.budget.dow_action,
    warnAtPercent: [...(first(({ warn_at: shares }) => shares) ?? DEFAULTS.budget.warn_at)].sort((a, b) => a - b),
    detailLevel: first(({ detail_level: level }) => level) ?? DEFAULTS.budget.detail_level,
    failedDials: first(({ failed_dials: cost }) => cost) ?? DEFAULTS.budget.failed_dials,
    ...Object.fromEntries(Object.entries(axes).filter(([, value]) => value !== undefined && value !== UNLIMITED)),
  }
}

type Said<T> = T | typeof UNLIMITED | undefined

function counted(value: number | undefined): Said<number> {
  return value === 0 ? UNLIMITED : value
}

/** @returns the limit of a key of the other product, where 0 lifts it */
function perSession<T extends object>(value: number | undefined, windowMs: number, rest: T): Said<WindowLimit & T> {
  const limit = counted(value)
  return limit === undefined || limit === UNLIMITED ? limit : { limit, windowMs, ...rest }
}

function requestsOf({ requests, max_requests_per_session: perWindow }: FileBudget, windowMs: number): Said<WindowLimit> {
  if (requests === undefined) return perSession(perWindow, windowMs, {})
  return requests.limit === UNLIMITED ? UNLIMITED : { limit: requests.limit, windowMs: requests.window ?? windowMs }
}

function bytesOf({ bytes, max_bytes_per_session: perWindow }: FileBudget, windowMs: number): Said<BytesLimit> {
  if (bytes === undefined) return perSession(perWindow, windowMs, { count: 'response' })
  return bytes.limit === UNLIMITED ? UNLIMITED : { limit: bytes.limit, windowMs: bytes.window ?? windowMs, count: bytes.count ?? 'both' }
}

function destinationsOf({ destinations, max_unique_domains_per_session: perWindow }: FileBudget, windowMs: number): Said<DistinctLimit> {
  if (destinations === undefined) return perSession(perWindow, windowMs, { granularity: 'host' })
  const { limit, window, granularity = 'host' } = destinations
  return limit === UNLIMITED ? UNLIMITED : { limit, windowMs: window ?? windowMs, granularity }
}

function fanOutOf({ fan_out: fanOut }: FileBudget): Said<DistinctLimit> {
  if (fanOut === undefined) return undefined
  const { limit, window, granularity = 'origin' } = fanOut
  return limit === UNLIMITED ? UNLIMITED : { limit, windowMs: window ?? FAN_OUT_WINDOW_MS, granularity }
}

function retriesOf({ retries_per_endpoint: retries }: FileBudget): Said<RetryLimit> {
  if (retries === undefined) return undefined
  const { limit, window, path = 'exact', statuses = FAILURE_STATUSES, count_auth_failures: countsAuth = true } = retries
  if (limit === UNLIMITED) return UNLIMITED
  const failureStatuses = new Set([...statuses.flatMap(expand), ...(countsAuth ? AUTH_STATUSES : [])])
  return { limit, windowMs: window ?? RETRY_WINDOW_MS, path, failureStatuses: [...failureStatuses] }
}

function expand(status: number | string): number[] {
  const base = status === '4xx' ? 400 : status === '5xx' ? 500 : undefined
  return base === undefined ? [Number(status)] : Array.from({ length: 100 }, (_, n) => base + n)
}

function wallClockOf({ wall_clock: wallClock }: FileBudget): Said<NonNullable<BudgetPolicy['wallClock']>> {
  if (wallClock === undefined) return undefined
  return wallClock.limit === UNLIMITED ? UNLIMITED : { limitMs: wallClock.limit, idleMs: wallClock.idle ?? IDLE_MS }
}
