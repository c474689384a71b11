/** What became of an attempt on an endpoint: the one place that says what is a failure of the endpoint, and what is none. */

import type { Settlement } from '../budget/index.ts'
import { BLOCK_REASONS } from '../model/block-reason.ts'
import type { ResponseHead } from '../model/exchange.ts'
import { headerValue } from '../model/raw-headers.ts'
import type { Ending, Passage } from './passage.ts'

type AttemptOutcome = Settlement['outcome']

const MS_PER_SECOND = 1000
/** However long an origin asks to be left alone. */
const LONGEST_HOLD_MS = 86_400_000
const MAY_ASK_TO_WAIT: ReadonlySet<number> = new Set([429, 503])

/** The answer as the origin gave it decides; where there was none, what kept it away. Our own refusals are no failure of the endpoint. */
export function attemptOutcome({ origin, profile }: Passage, { reason }: Ending): AttemptOutcome {
  if (origin !== undefined) {
    const isFailure = profile.budget.retriesPerEndpoint?.failureStatuses.includes(origin.status) ?? false
    if (isFailure) return { kind: 'failure', ...(origin.retryAfterMs !== undefined && { retryAfterMs: origin.retryAfterMs }) }
    return isLegFault(reason) && !origin.isWhole ? { kind: 'failure' } : { kind: 'success' }
  }
  if (isLegFault(reason)) return { kind: 'failure' }
  return { kind: 'unknown' }
}

/** Whether the connection could not be opened: no byte has left. A TLS handshake has sent some. */
export function isFailedDial({ hasLeft }: Passage, { reason }: Ending): boolean {
  return !hasLeft && (reason === 'upstream_unreachable' || reason === 'upstream_timeout')
}

function isLegFault(reason: Ending['reason']): boolean {
  return reason !== 'completed' && reason !== 'client_aborted' && BLOCK_REASONS[reason].stage === 'forward'
}

/** RFC 9110 §10.2.3: seconds, or a date. @returns `undefined` where nothing usable was said */
export function retryAfterMs({ status, headers }: ResponseHead, nowMs: number): number | undefined {
  const text = MAY_ASK_TO_WAIT.has(status) ? headerValue(headers, 'retry-after') : undefined
  if (text === undefined) return undefined
  const waitMs = /^[0-9]{1,10}$/.test(text) ? Number(text) * MS_PER_SECOND : Date.parse(text) - nowMs
  return Number.isNaN(waitMs) || waitMs <= 0 ? undefined : Math.min(waitMs, LONGEST_HOLD_MS)
}
