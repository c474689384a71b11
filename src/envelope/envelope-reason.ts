/** Why an inbound envelope is refused: our own reason, and the published word that other readers of receipts know. */

/** HTTP status and `pattern` of the receipt by reason. `503` where the store, not the caller, is at fault. */
export const ENVELOPE_REASONS = {
  missing: { pattern: 'inbound_verify_missing', httpStatus: 403 },
  parse: { pattern: 'inbound_verify_parse', httpStatus: 403 },
  coverage: { pattern: 'inbound_verify_parse', httpStatus: 403 },
  too_large: { pattern: 'inbound_verify_parse', httpStatus: 413 },
  audience: { pattern: 'inbound_verify_not_trusted', httpStatus: 403 },
  not_trusted: { pattern: 'inbound_verify_not_trusted', httpStatus: 403 },
  revoked: { pattern: 'inbound_verify_not_trusted', httpStatus: 403 },
  key_expired: { pattern: 'inbound_verify_not_trusted', httpStatus: 403 },
  actor_not_allowed: { pattern: 'inbound_verify_not_trusted', httpStatus: 403 },
  path_not_allowed: { pattern: 'inbound_verify_not_trusted', httpStatus: 403 },
  not_yet_valid: { pattern: 'inbound_verify_expired', httpStatus: 403 },
  expired: { pattern: 'inbound_verify_expired', httpStatus: 403 },
  lifetime: { pattern: 'inbound_verify_expired', httpStatus: 403 },
  replay_floor: { pattern: 'inbound_verify_expired', httpStatus: 503 },
  signature: { pattern: 'inbound_verify_signature', httpStatus: 403 },
  digest_missing: { pattern: 'inbound_verify_digest', httpStatus: 403 },
  digest: { pattern: 'inbound_verify_digest', httpStatus: 403 },
  replay: { pattern: 'inbound_verify_replay', httpStatus: 403 },
  replay_capacity: { pattern: 'inbound_verify_failed', httpStatus: 503 },
  replay_store: { pattern: 'inbound_verify_failed', httpStatus: 503 },
  loop: { pattern: 'inbound_verify_failed', httpStatus: 403 },
  depth: { pattern: 'inbound_verify_failed', httpStatus: 403 },
} as const satisfies Record<string, { readonly pattern: string; readonly httpStatus: 403 | 413 | 503 }>

export type EnvelopeReason = keyof typeof ENVELOPE_REASONS

export interface EnvelopeFault {
  readonly reason: EnvelopeReason
  /** For the operator's log: names components and rules, never values of the message. */
  readonly detail: string
  /** The key id the request names, where it is in the trust list: who may be answered with a signature. Not proven. */
  readonly keyId?: string
}

export function isEnvelopeFault(value: object): value is EnvelopeFault {
  return 'reason' in value && 'detail' in value
}
