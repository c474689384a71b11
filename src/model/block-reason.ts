/**
 * Every reason for which the companion refuses an exchange or cuts one short: the single source of the wire value, the
 * HTTP status, the severity and retry hints, the metrics label, and docs/reference/block-reasons.md (generated).
 *
 * A reason is public API. Add freely; never rename; a retired name goes to RETIRED_BLOCK_REASONS and is not reused.
 */

export type Stage = 'accept' | 'identify' | 'gate' | 'scan_request' | 'resolve' | 'budget' | 'receipt' | 'forward' | 'scan_response'

interface BlockReasonSpec {
  readonly stage: Stage
  readonly httpStatus: 400 | 403 | 404 | 405 | 408 | 413 | 414 | 417 | 421 | 429 | 431 | 500 | 501 | 502 | 503 | 504 | 508
  readonly severity: 'info' | 'warn' | 'critical'
  /** Whether the same request can succeed later without a change of policy. */
  readonly retry: 'none' | 'later' | 'changed'
  /** One sentence, shown to the agent. Never contains request data. */
  readonly summary: string
}

export const BLOCK_REASONS = {
  // accept: bytes that never become an exchange, or bodies that cannot be held
  malformed_request: { stage: 'accept', httpStatus: 400, severity: 'warn', retry: 'changed', summary: 'The request is not well-formed HTTP, or not in the form this listener takes.' },
  headers_too_large: { stage: 'accept', httpStatus: 431, severity: 'info', retry: 'changed', summary: 'The header section is over the limit.' },
  request_timeout: { stage: 'accept', httpStatus: 408, severity: 'info', retry: 'later', summary: 'The request did not arrive in time.' },
  body_too_large: { stage: 'accept', httpStatus: 413, severity: 'info', retry: 'changed', summary: 'The request body is over max_body_bytes.' },
  body_incomplete: { stage: 'accept', httpStatus: 400, severity: 'info', retry: 'later', summary: 'The request body ended before it was complete.' },
  client_gone: { stage: 'accept', httpStatus: 400, severity: 'info', retry: 'later', summary: 'The caller went away before the request was decided.' },
  expectation_unsupported: { stage: 'accept', httpStatus: 417, severity: 'info', retry: 'changed', summary: 'Only the expectation 100-continue is supported.' },
  held_bytes_exhausted: { stage: 'accept', httpStatus: 503, severity: 'warn', retry: 'later', summary: 'The memory for held bodies is used up.' },
  connection_limit: { stage: 'accept', httpStatus: 503, severity: 'warn', retry: 'later', summary: 'The profile has too many connections or exchanges open.' },
  draining: { stage: 'accept', httpStatus: 503, severity: 'info', retry: 'later', summary: 'The companion, or a connection whose caller has another profile now, is shutting down.' },
  // identify
  identity_unresolved: { stage: 'identify', httpStatus: 403, severity: 'critical', retry: 'none', summary: 'No agent profile matches this caller.' },
  identity_conflict: { stage: 'identify', httpStatus: 403, severity: 'critical', retry: 'none', summary: 'The listener and the source address name two different profiles.' },
  // gates: cheap refusals, before any content work
  kill_switch: { stage: 'gate', httpStatus: 503, severity: 'critical', retry: 'later', summary: 'The kill switch is on.' },
  method_not_allowed: { stage: 'gate', httpStatus: 405, severity: 'warn', retry: 'changed', summary: 'The method is not one that is forwarded.' },
  scheme_not_allowed: { stage: 'gate', httpStatus: 400, severity: 'warn', retry: 'changed', summary: 'Only http and https are forwarded.' },
  surface_disabled: { stage: 'gate', httpStatus: 403, severity: 'warn', retry: 'none', summary: 'This surface is switched off.' },
  url_too_long: { stage: 'gate', httpStatus: 414, severity: 'info', retry: 'changed', summary: 'The URL is over max_url_length.' },
  host_blocked: { stage: 'gate', httpStatus: 403, severity: 'critical', retry: 'none', summary: 'The host is on the block list.' },
  host_not_allowed: { stage: 'gate', httpStatus: 403, severity: 'warn', retry: 'none', summary: 'The host is not on the allow list, and the mode is strict.' },
  rate_limited: { stage: 'gate', httpStatus: 429, severity: 'warn', retry: 'later', summary: 'The request rate of the profile is over its limit.' },
  data_rate_limited: { stage: 'gate', httpStatus: 429, severity: 'warn', retry: 'later', summary: 'The data rate of the profile is over its limit.' },
  protected_target: { stage: 'gate', httpStatus: 403, severity: 'critical', retry: 'none', summary: "The destination is one of the companion's own addresses." },
  loop: { stage: 'gate', httpStatus: 508, severity: 'warn', retry: 'none', summary: 'The request has passed this companion before.' },
  // scan
  dlp_secret: { stage: 'scan_request', httpStatus: 403, severity: 'critical', retry: 'changed', summary: 'The request carries a credential.' },
  redaction_unsafe: { stage: 'scan_request', httpStatus: 403, severity: 'critical', retry: 'changed', summary: 'The request carries a value that is to be replaced, in a place where it cannot be.' },
  // resolve
  dns_failed: { stage: 'resolve', httpStatus: 502, severity: 'info', retry: 'later', summary: 'The name of the destination could not be resolved.' },
  ssrf_address: { stage: 'resolve', httpStatus: 403, severity: 'critical', retry: 'none', summary: 'The destination has an address that is not public.' },
  // budget: what the profile may spend is spent, or nobody can say
  budget_requests: { stage: 'budget', httpStatus: 429, severity: 'warn', retry: 'later', summary: 'The request budget of the profile is spent.' },
  budget_bytes: { stage: 'budget', httpStatus: 429, severity: 'warn', retry: 'later', summary: 'The byte budget of the profile is spent.' },
  budget_destinations: { stage: 'budget', httpStatus: 429, severity: 'warn', retry: 'later', summary: 'The profile has used as many destinations as it may.' },
  budget_fan_out: { stage: 'budget', httpStatus: 429, severity: 'warn', retry: 'later', summary: 'The profile calls too many targets in a short time, or at once.' },
  budget_retries_endpoint: { stage: 'budget', httpStatus: 429, severity: 'warn', retry: 'later', summary: 'The endpoint failed, and has been retried as often as it may.' },
  budget_concurrency: { stage: 'budget', httpStatus: 429, severity: 'warn', retry: 'later', summary: 'The profile has as many requests open as it may.' },
  budget_wall_clock: { stage: 'budget', httpStatus: 429, severity: 'warn', retry: 'later', summary: 'The session of the profile has lasted as long as it may.' },
  budget_frozen: { stage: 'budget', httpStatus: 403, severity: 'critical', retry: 'none', summary: 'An operator has frozen the profile.' },
  budget_capacity: { stage: 'budget', httpStatus: 503, severity: 'critical', retry: 'later', summary: 'The ledger has no room to count this request.' },
  budget_state_unreadable: { stage: 'budget', httpStatus: 503, severity: 'critical', retry: 'later', summary: 'What was spent cannot be read back; an operator must decide.' },
  budget_state_unwritable: { stage: 'budget', httpStatus: 503, severity: 'critical', retry: 'later', summary: 'What is spent cannot be written down.' },
  budget_store_lost: { stage: 'budget', httpStatus: 503, severity: 'critical', retry: 'later', summary: 'The shared store lost what was spent; an operator must decide.' },
  budget_store_unreachable: { stage: 'budget', httpStatus: 503, severity: 'critical', retry: 'later', summary: 'The shared store of budgets does not answer.' },
  // receipt
  receipt_unwritable: { stage: 'receipt', httpStatus: 503, severity: 'critical', retry: 'later', summary: 'The decision could not be recorded.' },
  recorder_busy: { stage: 'receipt', httpStatus: 503, severity: 'warn', retry: 'later', summary: 'Too many decisions are waiting to be recorded.' },
  internal_error: { stage: 'receipt', httpStatus: 500, severity: 'critical', retry: 'later', summary: 'The companion failed; the exchange was refused.' },
  // forward: what the outcome receipt says where the upstream leg ended otherwise than well
  upstream_unreachable: { stage: 'forward', httpStatus: 502, severity: 'info', retry: 'later', summary: 'The destination did not accept the connection, or dropped it.' },
  upstream_tls: { stage: 'forward', httpStatus: 502, severity: 'warn', retry: 'none', summary: 'The TLS handshake with the destination failed.' },
  upstream_timeout: { stage: 'forward', httpStatus: 504, severity: 'info', retry: 'later', summary: 'The destination did not answer in time.' },
  upstream_malformed: { stage: 'forward', httpStatus: 502, severity: 'warn', retry: 'none', summary: 'The answer of the destination is not well-formed HTTP.' },
  upstream_truncated: { stage: 'forward', httpStatus: 502, severity: 'warn', retry: 'later', summary: 'The answer of the destination ended before it was complete.' },
  response_too_large: { stage: 'scan_response', httpStatus: 502, severity: 'info', retry: 'none', summary: 'The answer is too long for the form in which it was asked for.' },
  response_secret: { stage: 'scan_response', httpStatus: 403, severity: 'critical', retry: 'none', summary: 'The answer carries a credential that this profile must not read.' },
} as const satisfies Record<string, BlockReasonSpec>

export type BlockReason = keyof typeof BLOCK_REASONS

/** Names that once were reasons. They are never used again. */
export const RETIRED_BLOCK_REASONS: readonly string[] = []
