/**
 * Verifies the envelope of a captured request offline: the checks of an inbound listener in the same order, without a replay
 * window, at a time that is given. Keys come from the caller alone.
 */

import { isEnvelopeFault, type EnvelopeReason } from '../../envelope/envelope-reason.ts'
import type { InboundRules } from '../../envelope/check-inbound.ts'
import { keyHex, parseTrustList, publicKeyOf, type TrustProblem } from '../../envelope/parse-trust-list.ts'
import { readForm, readSignature, type PublicOrigin } from '../../envelope/read-envelope.ts'
import { parseSpiffeId } from '../../envelope/spiffe-id.ts'
import type { TrustedKey, TrustList } from '../../envelope/trust-list.ts'
import { verifyContent, verifyHead, type VerifiedHead } from '../../envelope/verify-request.ts'
import { originsOf } from './captured-origin.ts'
import { parseCapture, type CapturedRequest } from './captured-request.ts'

export interface EnvelopeVerifyOptions {
  /** Public keys that may have signed: 64 hex digits or `pipelock-ed25519-public-v1` text. With a trust list: only those of its keys. */
  readonly keys?: readonly string[]
  /** A trust list as the configuration has it; without one a key speaks for whom the request names. */
  readonly trustList?: unknown
  /** Under which the request was sent; else its Host with https or http, as the signature has it. */
  readonly origin?: string
  /** SPIFFE id of the receiver; else whom the request names. */
  readonly receiver?: string
  /** Seconds since 1970 at which times are judged; else when the request says it was created. */
  readonly atS?: number
}

/** Valid where there is no reason. */
export interface EnvelopeVerification {
  readonly valid: boolean
  readonly reason?: EnvelopeReason
  readonly detail?: string
  /** Whether a trust list bound the key to its domains, or the caller's word stands for it. */
  readonly trust: 'listed' | 'pinned'
  readonly origin?: string
  readonly keyId?: string
  readonly actor?: string
  readonly requestId?: string
  readonly hops?: readonly string[]
  readonly created?: number
  readonly expires?: number
  readonly atS?: number
  /** Hex SHA-256 of the signature base. */
  readonly baseHash?: string
}

/** Keys or a trust list that cannot be used: the caller's mistake, not a fault of the request. */
export class TrustInputError extends Error {
  override readonly name = 'TrustInputError'
  readonly problems: readonly TrustProblem[]

  constructor(problems: readonly TrustProblem[]) {
    super(problems.map(({ path, message }) => `${path}: ${message}`).join('\n'))
    this.problems = problems
  }
}

const SECOND_MS = 1000
const MAX_LIFETIME_S = 15 * 60
const MAX_DEPTH = 64

/**
 * Replay cannot be judged from one capture. Clock skew is 30 s for the past and 5 s for the future.
 *
 * @throws {CaptureError} where it is no request
 * @throws {TrustInputError} where keys and list give nothing to trust
 */
export function verifyEnvelope(capture: Uint8Array, options: EnvelopeVerifyOptions): EnvelopeVerification {
  const request = parseCapture(capture)
  const keys = (options.keys ?? []).map(parseKey)
  const listed = options.trustList === undefined ? undefined : parseList(options.trustList)
  if (listed === undefined && keys.length === 0) throw new TrustInputError([{ path: 'key', message: 'expected at least one key, or a trust list' }])
  const trust = listed === undefined ? 'pinned' : 'listed'
  const attempts = originsOf(request.headers, options.origin).flatMap((origin) => candidates(request, keys, listed).map((list) => verifyOnce(request, origin, list, options)))
  const best = attempts.find(({ valid }) => valid) ?? attempts.find(({ reason }) => reason !== 'signature') ?? attempts[0]
  return { ...(best ?? { valid: false }), trust }
}

function verifyOnce(request: CapturedRequest, origin: PublicOrigin, trust: TrustList, options: EnvelopeVerifyOptions): Omit<EnvelopeVerification, 'trust'> {
  const mediation = readForm(request)
  const signature = readSignature(request.headers)
  const atS = options.atS ?? (isEnvelopeFault(signature) ? 0 : signature.created)
  const self = options.receiver ?? (isEnvelopeFault(mediation) ? '' : (mediation.audience ?? ''))
  const rules: InboundRules = { publicOrigins: [origin], self, trust, maxBodyBytes: request.body.length, maxLifetimeS: MAX_LIFETIME_S, pastSkewS: 30, futureSkewS: 5, maxDepth: MAX_DEPTH }
  const head = verifyHead(request, rules, { nowMs: atS * SECOND_MS, floorMs: 0 })
  if (isEnvelopeFault(head)) return { valid: false, reason: head.reason, detail: head.detail }
  const fault = verifyContent(head, request.body, rules)
  if (fault !== undefined) return { valid: false, reason: fault.reason, detail: fault.detail }
  return { valid: true, origin: `${origin.scheme}://${origin.authority}`, atS, ...factsOf(head) }
}

function factsOf({ key, actor, mediation, created, expires, baseHash }: VerifiedHead): Partial<EnvelopeVerification> {
  return { keyId: key.keyId, actor: actor.text, requestId: mediation.requestId, hops: mediation.hops ?? [], created, expires, baseHash: baseHash.toString('hex') }
}

/** @returns the lists to try: the one that was given, or one for each key, which then speaks for whom the request names */
function candidates(request: CapturedRequest, keys: readonly string[], listed: TrustList | undefined): TrustList[] {
  if (listed !== undefined) return [keys.length === 0 ? listed : new Map([...listed].filter(([, { publicKeyHex }]) => keys.includes(publicKeyHex)))]
  const mediation = readForm(request)
  const signature = readSignature(request.headers)
  if (isEnvelopeFault(mediation) || isEnvelopeFault(signature)) return [new Map()]
  const trustDomains = new Set([parseSpiffeId(mediation.actor)?.trustDomain ?? ''])
  const keyFor = (publicKeyHex: string): TrustedKey => ({ keyId: signature.keyid, publicKey: publicKeyOf(publicKeyHex), publicKeyHex, receiptKeys: [], trustDomains, revoked: false, dialect: 'pipelock' })
  return keys.map((hex) => new Map([[signature.keyid, keyFor(hex)]]))
}

function parseKey(text: string, at: number): string {
  const hex = keyHex(text)
  if (hex === undefined) throw new TrustInputError([{ path: `key[${at}]`, message: 'expected 64 hex digits, or pipelock-ed25519-public-v1 text' }])
  return hex
}

function parseList(value: unknown): TrustList {
  const entries = typeof value === 'object' && value !== null && 'trust_list' in value ? value.trust_list : value
  const list = parseTrustList(entries)
  if ('problems' in list) throw new TrustInputError(list.problems)
  return list
}
