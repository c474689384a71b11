/** Verifies the signature of an answer to a request that we signed: who answered, with what, and to which request. */

import { headerValues, type RawHeaders } from '../model/raw-headers.ts'
import { parseHead, type ChainHead } from './chaperone-head.ts'
import { matchesDigest } from './content-digest.ts'
import { HEAD_FIELD, responseComponents, RESPONSE_LABEL, RESPONSE_TAG, splitField, STREAM_FIELD } from './coverage.ts'
import type { RequestMessage } from './http-message.ts'
import { MessageSignatureError } from './message-signature-error.ts'
import { verifySignature } from './message-signature.ts'
import { labelsOf, parseSignatureFields, signatureOf, type MessageSignature } from './signature-fields.ts'
import { checkKey, type TrustedKey, type TrustList } from './trust-list.ts'

export interface AnswerToVerify {
  readonly status: number
  readonly headers: RawHeaders
  /** The whole body; `undefined` for one that is streamed and cannot be checked at its head. */
  readonly body: Buffer | undefined
}

export interface AnswerRules {
  /** Keys of the companion that was called. */
  readonly trust: TrustList
  readonly nowMs: number
  readonly pastSkewS: number
  readonly futureSkewS: number
}

export interface VerifiedAnswer {
  readonly key: TrustedKey
  /** Whether the body is outside the signature. Its digest is then for both ledgers to compare. */
  readonly isStreamed: boolean
  readonly head?: ChainHead
}

export interface AnswerFault {
  readonly reason: 'peer_response_unsigned' | 'peer_response_invalid'
  readonly detail: string
}

const SECOND_MS = 1000
const MAX_LIFETIME_S = 60

/**
 * @param request as it left, with its signature (`SignedRequest.message`)
 * @returns `peer_response_unsigned` where there is no signature of a companion at all
 */
export function verifyResponse(answer: AnswerToVerify, request: RequestMessage, rules: AnswerRules): VerifiedAnswer | AnswerFault {
  try {
    const fields = parseSignatureFields(answer.headers)
    if (!labelsOf(fields).includes(RESPONSE_LABEL)) return { reason: 'peer_response_unsigned', detail: 'the answer is not signed' }
    const signed = signatureOf(fields, RESPONSE_LABEL)
    if (signed === undefined) return { reason: 'peer_response_unsigned', detail: 'the answer is not signed' }
    return verifySigned(answer, signed, request, rules)
  } catch (error) {
    if (error instanceof MessageSignatureError) return invalid(error.message)
    throw error
  }
}

function verifySigned(answer: AnswerToVerify, signed: MessageSignature, request: RequestMessage, rules: AnswerRules): VerifiedAnswer | AnswerFault {
  const key = rules.trust.get(signed.params.keyid ?? '')
  if (key === undefined) return invalid('the key id is not one of the peer')
  const fault = checkKey(key, rules.nowMs)?.detail ?? checkParams(signed, rules) ?? checkCoverage(signed, answer, request)
  if (fault !== undefined) return invalid(fault)
  const { status, headers } = answer
  const base = verifySignature({ kind: 'response', status, headers, request }, signed, { alg: 'ed25519', key: key.publicKey })
  if (base === undefined) return invalid('the signature is not the one of the key over this answer to this request')
  const digest = checkBody(answer)
  if (digest !== undefined) return invalid(digest)
  const [head] = headerValues(headers, HEAD_FIELD)
  return { key, isStreamed: isStream(headers), ...(head === undefined ? {} : { head: parseHead(head) }) }
}

function checkParams({ params: { alg, tag, created, expires } }: MessageSignature, { nowMs, pastSkewS, futureSkewS }: AnswerRules): string | undefined {
  if (alg !== 'ed25519' || tag !== RESPONSE_TAG) return `expected alg ed25519 and tag ${RESPONSE_TAG}`
  if (created === undefined || expires === undefined || expires <= created || expires - created > MAX_LIFETIME_S) return `expected to expire within ${MAX_LIFETIME_S} s of created`
  if (created * SECOND_MS > nowMs + futureSkewS * SECOND_MS) return 'created lies in the future'
  return nowMs >= (expires + pastSkewS) * SECOND_MS ? 'expires has passed' : undefined
}

/** Everything that would be signed of such an answer has to be covered. */
function checkCoverage({ components }: MessageSignature, { headers }: AnswerToVerify, request: RequestMessage): string | undefined {
  const covered = new Set(components.map(({ id }) => id))
  const missing = responseComponents(headers, request.headers).find(({ id }) => !covered.has(id))
  if (missing !== undefined) return `${missing.id} is not covered`
  const split = splitField(components, headers)
  return split === undefined ? undefined : `${split}: expected one line`
}

function checkBody({ headers, body }: AnswerToVerify): string | undefined {
  const [digest] = headerValues(headers, 'content-digest')
  if (isStream(headers)) return digest === undefined ? undefined : 'expected a streamed answer without a digest'
  if (digest === undefined) return 'expected a digest of the body'
  if (body === undefined) return 'expected the whole body, since it is covered by a digest'
  return matchesDigest(digest, body) ? undefined : 'the body is not the one of the digest'
}

function isStream(headers: RawHeaders): boolean {
  return headerValues(headers, STREAM_FIELD).join(', ') === '?1'
}

function invalid(detail: string): AnswerFault {
  return { reason: 'peer_response_invalid', detail }
}
