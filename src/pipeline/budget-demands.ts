/** What an exchange asks of its profile's budget, and under which names its destination and endpoint are counted. */

import { hash } from 'node:crypto'

import type { Demand } from '../budget/index.ts'
import type { BudgetPolicy, Granularity, RetryLimit } from '../model/budget-policy.ts'
import type { Exchange, Target } from '../model/exchange.ts'

/** @param bodyBytes of the request, which is held whole. @param aheadBytes taken at once for the answer, 0 = none */
export function demandsOf(budget: BudgetPolicy, exchange: Exchange, { bodyBytes, aheadBytes }: { bodyBytes: number; aheadBytes: number }): Demand[] {
  const { action, requests, bytes, destinations, fanOut, concurrentRequests, parallelTargets, wallClock } = budget
  const demands: Demand[] = []
  if (requests !== undefined) demands.push({ axis: 'requests', ...requests, action })
  if (bytes !== undefined) demands.push(firstBytes(budget, bytes, bodyBytes, aheadBytes))
  if (destinations !== undefined) demands.push({ axis: 'destinations', limit: destinations.limit, windowMs: destinations.windowMs, action, key: targetKey(exchange, destinations.granularity) })
  if (fanOut !== undefined) demands.push({ axis: 'fan_out', limit: fanOut.limit, windowMs: fanOut.windowMs, action, key: targetKey(exchange, fanOut.granularity) })
  if (concurrentRequests !== undefined) demands.push({ axis: 'concurrent_requests', limit: concurrentRequests, windowMs: 0, action })
  if (parallelTargets !== undefined) demands.push({ axis: 'parallel_targets', limit: parallelTargets, windowMs: 0, action, key: targetKey(exchange, 'origin') })
  if (wallClock !== undefined) demands.push({ axis: 'wall_clock', limit: wallClock.limitMs, windowMs: wallClock.idleMs, action })
  const retry = retryDemand(budget, exchange)
  return retry === undefined ? demands : [...demands, retry]
}

export function retryDemand({ action, retriesPerEndpoint: retries }: BudgetPolicy, exchange: Exchange): Demand | undefined {
  if (retries === undefined) return undefined
  return { axis: 'retries_per_endpoint', limit: retries.limit, windowMs: retries.windowMs, action, key: endpointKey(exchange, retries.path) }
}

/** A request whose body fits may be sent, and one without a body as long as a single byte is left for its answer. */
function firstBytes({ action }: BudgetPolicy, { limit, windowMs, count }: NonNullable<BudgetPolicy['bytes']>, bodyBytes: number, aheadBytes: number): Demand {
  const counted = count === 'both' ? bodyBytes : 0
  const atLeast = Math.max(1, counted)
  return { axis: 'bytes', limit, windowMs, action, amount: Math.max(atLeast, counted + aheadBytes), ...(action === 'block' && { atLeast }) }
}

function targetKey(exchange: Exchange, granularity: Granularity): string {
  const { scheme, host, port } = exchange.head.target
  if (granularity === 'host') return host
  return granularity === 'origin' ? `${scheme}://${host}:${port}` : endpointKey(exchange, 'exact')
}

/** Digested: a path may hold a secret, and the key is kept on disk. A tunnel's endpoint is its authority. */
export function endpointKey({ head: { method, target } }: Exchange, path: RetryLimit['path']): string {
  return hash('sha256', `${method} ${target.scheme}://${target.host}:${target.port}${endpointPath(target, path)}`, 'base64url')
}

const UNRESERVED = /%([0-9a-f]{2})/gi
const ID_SEGMENT = /^(?:[0-9]+|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{16,})$/i

/** RFC 3986 §6.2.2: escapes of unreserved characters decoded, dot segments resolved; no query. */
function endpointPath({ path }: Target, form: RetryLimit['path']): string {
  const bare = path.split('?', 1)[0] ?? ''
  const decoded = bare.replace(UNRESERVED, (escape, digits: string) => {
    const character = String.fromCharCode(Number.parseInt(digits, 16))
    return /[A-Za-z0-9._~-]/.test(character) ? character : escape.toUpperCase()
  })
  const segments: string[] = []
  for (const segment of decoded.split('/')) {
    if (segment === '..') segments.splice(Math.max(1, segments.length - 1))
    else if (segment !== '.') segments.push(form === 'ids' && ID_SEGMENT.test(segment) ? '{id}' : segment)
  }
  return segments.join('/')
}
