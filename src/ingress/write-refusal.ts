/** How a refusal looks on the wire: problem details (RFC 9457) and the block-reason fields. The one place for both. */

import { BLOCK_REASONS, type BlockReason } from '../model/block-reason.ts'
import type { Denial } from '../model/denial.ts'
import type { Refusal } from '../model/exchange.ts'

export interface RefusalMessage {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** @param companionId printed in `Chaperone-Refused-By`, so that our 429 is not taken for the origin's */
export function refusalMessage({ denial, actionId, url, agent }: Refusal, companionId: string): RefusalMessage {
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
  }
  const body = Buffer.from(`${JSON.stringify(problem)}\n`)
  return {
    status: httpStatus,
    headers: ['Content-Type', 'application/problem+json', 'Content-Length', String(body.length), ...refusalHeaders(denial, companionId)],
    body,
  }
}

/** The block-reason fields alone, for answers whose body has another form. */
export function refusalHeaders(denial: Denial, companionId: string): string[] {
  const { severity, retry, stage } = BLOCK_REASONS[denial.reason]
  const headers = [
    ...['X-Pipelock-Block-Reason', denial.reason],
    ...['X-Pipelock-Block-Reason-Version', '1'],
    ...['X-Pipelock-Block-Reason-Severity', severity],
    ...['X-Pipelock-Block-Reason-Retry', retry],
    ...['X-Pipelock-Block-Reason-Layer', stage],
    ...['Chaperone-Refused-By', `"${companionId}"`],
    ...['Cache-Control', 'no-store'],
  ]
  if (denial.retryAfterSeconds !== undefined) headers.push('Retry-After', String(denial.retryAfterSeconds))
  return headers
}

const HINTS: Partial<Record<BlockReason, string>> = {
  host_not_allowed: 'add the host to api_allowlist of the profile, or use mode balanced',
  ssrf_address: 'if the destination is meant to be reached, add its network to ssrf.ip_allowlist or its name to trusted_domains',
  dlp_secret: 'send the request without the credential; the rule is named in the receipt and in the audit log',
  identity_unresolved: 'add the source address to source_cidrs of a profile, or use a listener of its own',
  rate_limited: 'wait for Retry-After, or raise rate_limit.max_requests_per_minute of the profile',
  data_rate_limited: 'wait for Retry-After, or raise rate_limit.max_data_per_minute of the profile',
  body_too_large: 'raise limits.max_body_bytes',
  url_too_long: 'raise fetch_proxy.monitoring.max_url_length',
  kill_switch: 'an operator switched traffic off',
}

function hintFor({ reason }: Denial): string {
  const { retry } = BLOCK_REASONS[reason]
  return HINTS[reason] ?? { none: 'ask the operator of the companion', later: 'try again later', changed: 'change the request' }[retry]
}
