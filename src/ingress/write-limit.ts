/**
 * How a reached limit is told beside the refusal: the RateLimit fields of draft-ietf-httpapi-ratelimit-headers, the wait for
 * clients that retry by themselves, and the members of the problem document. Only the caller's own numbers, and only as many
 * of them as its profile allows.
 */

import { BLOCK_REASONS } from '../model/block-reason.ts'
import type { ExhaustedLimit } from '../model/denial.ts'
import type { Refusal } from '../model/exchange.ts'

const MS_PER_SECOND = 1000
/** Clients that look at `x-should-retry` wait a minute at most. */
const LONGEST_RETRY_SECONDS = 60
/** Registered by the draft beside its fields. */
const QUOTA_EXCEEDED = 'https://iana.org/assignments/http-problem-types#quota-exceeded'

type Told = Pick<Refusal, 'denial' | 'actionId'>

/** @returns nothing for refusals that are none of a budget */
export function limitHeaders({ denial, actionId }: Told): string[] {
  if (BLOCK_REASONS[denial.reason].stage !== 'budget') return []
  const { exhausted, retryAfterSeconds } = denial
  const isPointless = exhausted?.resetsAtMs === 'never' || (retryAfterSeconds ?? 0) > LONGEST_RETRY_SECONDS || denial.reason === 'budget_frozen'
  return [
    ...(actionId === '' ? [] : ['Chaperone-Receipt-Id', actionId]),
    ...(isPointless ? ['x-should-retry', 'false'] : []),
    ...(exhausted?.tell === 'full' ? rateLimitFields(exhausted, retryAfterSeconds) : []),
  ]
}

function rateLimitFields({ axis, limit, used, windowMs }: ExhaustedLimit, retryAfterSeconds: number | undefined): string[] {
  const unit = axis === 'bytes' ? ';qu="content-bytes"' : ''
  const window = windowMs === 0 ? '' : `;w=${Math.ceil(windowMs / MS_PER_SECOND)}`
  const reset = retryAfterSeconds === undefined ? '' : `;t=${retryAfterSeconds}`
  return ['RateLimit-Policy', `"${axis}";q=${limit}${unit}${window}`, 'RateLimit', `"${axis}";r=${Math.max(0, limit - used)}${reset}`]
}

/** @returns members of the problem document; none for refusals that are none of a budget */
export function limitMembers({ denial, actionId }: Told): Readonly<Record<string, unknown>> {
  if (BLOCK_REASONS[denial.reason].stage !== 'budget') return {}
  const { exhausted } = denial
  const receipt = { receipt_id: actionId }
  if (exhausted === undefined || exhausted.tell === 'none') return receipt
  const { axis, limit, used, requested, windowMs, resetsAtMs, tell } = exhausted
  const named = { type: QUOTA_EXCEEDED, 'violated-policies': [axis], axis, ...receipt }
  if (tell === 'axis') return named
  return { ...named, limit, used, requested, window_seconds: windowMs / MS_PER_SECOND, resets_at: typeof resetsAtMs === 'number' ? new Date(resetsAtMs).toISOString() : null }
}
