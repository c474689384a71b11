/** How a refusal looks on the wire: problem details (RFC 9457) and the block-reason fields. The one place for both. */

import { BLOCK_REASONS, type BlockReason } from '../model/block-reason.ts'
import type { Denial } from '../model/denial.ts'
import type { Refusal } from '../model/exchange.ts'
import { limitHeaders, limitMembers } from './write-limit.ts'

export interface RefusalMessage {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** @param companionId printed in `Chaperone-Refused-By`, so that our 429 is not taken for the origin's */
export function refusalMessage(refusal: Refusal, companionId: string): RefusalMessage {
  const { denial, actionId, url, agent } = refusal
  const { httpStatus, summary } = BLOCK_REASONS[denial.reason]
  const problem = {
    type: 'about:blank',
    title: summary,
    status: httpStatus,
    detail: summary,
    url,
    agent,
    blocked: true,
    block_reason: denial.reason,
    hint: hintFor(denial),
    action_id: actionId,
    ...limitMembers(refusal),
  }
  const body = Buffer.from(`${JSON.stringify(problem)}\n`)
  return {
    status: httpStatus,
    headers: ['Content-Type', 'application/problem+json', 'Content-Length', String(body.length), ...refusalHeaders(refusal, companionId)],
    body,
  }
}

/** The block-reason fields alone, for answers whose body has another form. */
export function refusalHeaders(refusal: Pick<Refusal, 'denial' | 'actionId'>, companionId: string): string[] {
  const { denial } = refusal
  const { severity, retry, stage } = BLOCK_REASONS[denial.reason]
  const headers = [
    ...['X-Pipelock-Block-Reason', denial.reason],
    ...['X-Pipelock-Block-Reason-Version', '1'],
    ...['X-Pipelock-Block-Reason-Severity', severity],
    ...['X-Pipelock-Block-Reason-Retry', denial.exhausted?.resetsAtMs === 'never' ? 'none' : retry],
    ...['X-Pipelock-Block-Reason-Layer', stage],
    ...['Chaperone-Refused-By', `"${companionId}"`],
    ...['Cache-Control', 'no-store'],
  ]
  if (denial.retryAfterSeconds !== undefined) headers.push('Retry-After', String(denial.retryAfterSeconds))
  return [...headers, ...limitHeaders(refusal)]
}

const HINTS: Partial<Record<BlockReason, string>> = {
  host_not_allowed: 'add the host to api_allowlist of the profile, or use mode balanced',
  ssrf_address: 'if the destination is meant to be reached, add its network to ssrf.ip_allowlist or its name to trusted_domains',
  dlp_secret: 'send the request without the credential; the rule is named in the receipt and in the audit log',
  identity_unresolved: 'add the source address to source_cidrs of a profile, or use a listener of its own',
  rate_limited: 'wait for Retry-After, or raise rate_limit.max_requests_per_minute of the profile',
  data_rate_limited: 'wait for Retry-After, or raise rate_limit.max_data_per_minute of the profile',
  budget_requests: 'wait for Retry-After, or ask the operator for chaperone budgets grant',
  budget_bytes: 'wait for Retry-After, or ask the operator for chaperone budgets grant',
  budget_destinations: 'destinations that were used before still pass',
  budget_fan_out: 'call fewer targets in a short time',
  budget_retries_endpoint: 'do not retry before Retry-After: the endpoint fails',
  budget_concurrency: 'wait for open requests to end',
  body_too_large: 'raise limits.max_body_bytes',
  url_too_long: 'raise fetch_proxy.monitoring.max_url_length',
  kill_switch: 'an operator switched traffic off',
}

function hintFor({ reason }: Denial): string {
  const { retry } = BLOCK_REASONS[reason]
  return HINTS[reason] ?? { none: 'ask the operator of the companion', later: 'try again later', changed: 'change the request' }[retry]
}
