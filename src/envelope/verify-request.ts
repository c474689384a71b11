/**
 * Verifies an inbound request, cheap checks first: each has its own reason, the body is read only behind a valid signature,
 * and the nonce is burned last. What the envelope claims means nothing before `VerifiedRequest`.
 */

import { hash } from 'node:crypto'

import { headerValues, type RawHeaders } from '../model/raw-headers.ts'
import { checkAudience, checkFloor, checkHops, checkTimes, type InboundRules } from './check-inbound.ts'
import { matchesDigest } from './content-digest.ts'
import { coveredFields, coversDigest, type Dialect } from './coverage.ts'
import { isEnvelopeFault, type EnvelopeFault } from './envelope-reason.ts'
import type { RequestMessage } from './http-message.ts'
import type { Mediation } from './mediation.ts'
import { verifySignature } from './message-signature.ts'
import { readForm, readOrigin, readSignature, refuseAs, type InboundRequest, type MediationSignature } from './read-envelope.ts'
import type { BurnResult, ReplayWindow } from './replay-window.ts'
import { parseSpiffeId, type SpiffeId } from './spiffe-id.ts'
import { stripMediation, stripSignatures } from './strip-mediation.ts'
import { checkActor, checkKey, checkTarget, type TrustedKey } from './trust-list.ts'

/** A head whose signature verifies. The body is not known yet. */
export interface VerifiedHead {
  readonly key: TrustedKey
  readonly actor: SpiffeId
  readonly mediation: Mediation
  readonly nonce: string
  /** Seconds since 1970. */
  readonly created: number
  readonly expires: number
  /** As it is signed: what a signature of the response refers to. */
  readonly message: RequestMessage
  readonly signature: MediationSignature
  /** SHA-256 of the signature base: what an outgoing call that follows from this one carries as its cause. */
  readonly baseHash: Buffer
  /** What may be passed on: without mediation headers; in the dialect `chaperone`, covered fields alone. */
  readonly headers: RawHeaders
}

export interface VerifiedRequest extends VerifiedHead {
  readonly body: Buffer
  /** Value of Content-Digest; absent where it is not covered. */
  readonly digest?: string
}

export interface InboundSteps<Refusal extends object> {
  readonly nowMs: number
  readonly window: ReplayWindow
  /** Called at most once, and only when the signature has verified. May refuse in words of its own. */
  readBody(maxBodyBytes: number): Promise<Buffer | 'too_large' | Refusal>
}

/**
 * The whole order, from the form of the head to the burned nonce.
 *
 * @returns the first fault, with its own reason; or what `readBody` refused with
 */
export async function verifyRequest<Refusal extends object>(
  request: InboundRequest,
  rules: InboundRules,
  steps: InboundSteps<Refusal>,
): Promise<VerifiedRequest | EnvelopeFault | Refusal> {
  const head = verifyHead(request, rules, { nowMs: steps.nowMs, floorMs: steps.window.floorMs() })
  if (isEnvelopeFault(head)) return head
  if (isDigestMissing(head)) return { reason: 'digest_missing', detail: 'the body is not covered by a digest' }
  const body = await steps.readBody(rules.maxBodyBytes)
  if (body === 'too_large') return { reason: 'too_large', detail: `the body is over ${rules.maxBodyBytes} bytes` }
  if (!Buffer.isBuffer(body)) return body
  return verifyContent(head, body, rules) ?? (await burnNonce(head, rules, steps.window)) ?? verified(head, body)
}

/** Form, audience, coverage, key, actor, path, times, floor, signature: all that needs no body. */
export function verifyHead(request: InboundRequest, rules: InboundRules, { nowMs, floorMs }: { readonly nowMs: number; readonly floorMs: number }): VerifiedHead | EnvelopeFault {
  const mediation = readForm(request)
  if (isEnvelopeFault(mediation)) return mediation
  const message = readOrigin(request, rules.publicOrigins)
  if (isEnvelopeFault(message)) return message
  const signature = readSignature(request.headers)
  if (isEnvelopeFault(signature)) return signature
  const key = rules.trust.get(signature.keyid)
  if (key === undefined) return { reason: 'not_trusted', detail: 'the key id is not in the trust list' }
  const actor = checkSender(key, mediation, request, nowMs)
  if (isEnvelopeFault(actor)) return { ...actor, keyId: key.keyId }
  const late = checkTimes(signature, rules, nowMs) ?? checkFloor(signature.created, floorMs)
  const baseHash = late ?? verifyBaseOf(message, signature, key)
  if (!Buffer.isBuffer(baseHash)) return { ...baseHash, keyId: key.keyId }
  const { nonce, created, expires } = signature
  return { key, actor, mediation, nonce, created, expires, message, signature, baseHash, headers: passedOn(key.dialect, signature, request.headers) }
}

/** @returns the actor that the key may speak for here */
function checkSender(key: TrustedKey, { actor: text }: Mediation, { method, requestTarget }: InboundRequest, nowMs: number): SpiffeId | EnvelopeFault {
  const actor = parseSpiffeId(text)
  const fault = checkKey(key, nowMs) ?? checkActor(key, actor) ?? checkTarget(key, method, requestTarget)
  return fault ?? actor ?? { reason: 'actor_not_allowed', detail: 'the actor is not a SPIFFE id' }
}

function verifyBaseOf(message: RequestMessage, signature: MediationSignature, key: TrustedKey): Buffer | EnvelopeFault {
  const base = refuseAs('parse', () => verifySignature(message, signature, { alg: 'ed25519', key: key.publicKey }))
  if (Buffer.isBuffer(base)) return hash('sha256', base, 'buffer')
  return base ?? { reason: 'signature', detail: 'the signature is not the one of the key over this request' }
}

/** The body, and what the signed envelope says of the way here. */
export function verifyContent(head: VerifiedHead, body: Buffer, rules: InboundRules): EnvelopeFault | undefined {
  const fault = checkDigest(head, body) ?? checkAudience(head.mediation, head.key.dialect, rules.self) ?? checkHops(head.mediation, rules)
  return fault === undefined ? undefined : { ...fault, keyId: head.key.keyId }
}

function checkDigest({ signature, message }: VerifiedHead, body: Buffer): EnvelopeFault | undefined {
  if (!coversDigest(signature.components)) return body.length === 0 ? undefined : { reason: 'digest_missing', detail: 'the body is not covered by a digest' }
  const matches = refuseAs('digest', () => matchesDigest(headerValues(message.headers, 'content-digest').join(', '), body))
  if (typeof matches !== 'boolean') return matches
  return matches ? undefined : { reason: 'digest', detail: 'the body is not the one of the digest, or the digest has no algorithm that is known' }
}

/** Before a body is read: one that is announced and cannot be checked is not worth reading. */
function isDigestMissing({ signature, message: { headers } }: VerifiedHead): boolean {
  const isAnnounced = headerValues(headers, 'transfer-encoding').length > 0 || headerValues(headers, 'content-length').some((length) => length.trim() !== '0')
  return isAnnounced && !coversDigest(signature.components)
}

const SECOND_MS = 1000

const BURN_DETAILS: Readonly<Record<Exclude<BurnResult, 'fresh'>, string>> = {
  replay: 'the nonce was seen before',
  replay_capacity: 'the replay window of the key is full',
  replay_store: 'the replay store does not answer',
  replay_floor: 'the request was created when the replay window may not have been watching',
  expired: 'the request has expired by the clock of the replay window',
  not_yet_valid: 'the request was created in the future by the clock of the replay window',
}

async function burnNonce({ key, nonce, created, expires }: VerifiedHead, rules: InboundRules, window: ReplayWindow): Promise<EnvelopeFault | undefined> {
  const ticket = { keyId: key.keyId, nonce, createdMs: created * SECOND_MS, keepUntilMs: (expires + rules.pastSkewS) * SECOND_MS }
  const result = await window.burn(ticket)
  return result === 'fresh' ? undefined : { reason: result, detail: BURN_DETAILS[result], keyId: key.keyId }
}

function verified(head: VerifiedHead, body: Buffer): VerifiedRequest {
  const digest = coversDigest(head.signature.components) ? { digest: headerValues(head.message.headers, 'content-digest').join(', ') } : {}
  return { ...head, body, ...digest }
}

function passedOn(dialect: Dialect, { components }: MediationSignature, headers: RawHeaders): RawHeaders {
  return dialect === 'chaperone' ? stripSignatures(coveredFields(components, headers)) : stripMediation(headers)
}
