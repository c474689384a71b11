/** Reads the envelope of an inbound request: form, origin, the one mediation signature and what it covers. Trusts nothing yet. */

import { headerValues, type RawHeaders } from '../model/raw-headers.ts'
import { MEDIATION_LABEL, MEDIATION_TAG, missingFromRequest, splitField } from './coverage.ts'
import { isEnvelopeFault, type EnvelopeFault, type EnvelopeReason } from './envelope-reason.ts'
import { normalizedAuthority, type RequestMessage } from './http-message.ts'
import { MEDIATION_FIELD, parseMediation, type Mediation } from './mediation.ts'
import { MessageSignatureError } from './message-signature-error.ts'
import { parseSignatureFields, signatureOf, type MessageSignature, type SignatureFields } from './signature-fields.ts'
import { ownLabels } from './strip-mediation.ts'

/** The head of a request as it came. */
export interface InboundRequest {
  readonly method: string
  /** As in the request line. */
  readonly requestTarget: string
  readonly headers: RawHeaders
}

/** One of the origins under which the receiver is called, for example `https` and `b.example:8443`. */
export interface PublicOrigin {
  readonly scheme: 'http' | 'https'
  /** Lower case, without the scheme's own port. */
  readonly authority: string
}

/** A mediation signature with every parameter that one must have. */
export interface MediationSignature extends MessageSignature {
  readonly keyid: string
  readonly nonce: string
  /** Seconds since 1970. */
  readonly created: number
  readonly expires: number
}

const MAX_TARGET_LENGTH = 16 * 1024
const NONCE = /^[\x21-\x7e]{1,128}$/
const SIGNATURE_BYTES = 64

/** @returns the parsed mediation header; the fault is `missing` where the request is not signed at all */
export function readForm({ method, requestTarget, headers }: InboundRequest): Mediation | EnvelopeFault {
  if (method === 'CONNECT' || !requestTarget.startsWith('/') || requestTarget.length > MAX_TARGET_LENGTH) return { reason: 'parse', detail: 'expected a request target in origin form' }
  const [line, ...others] = headerValues(headers, MEDIATION_FIELD)
  if (line === undefined) return { reason: 'missing', detail: 'no mediation header' }
  if (others.length > 0) return { reason: 'parse', detail: 'expected the mediation header once' }
  const isSigned = headerValues(headers, 'signature').length > 0 && headerValues(headers, 'signature-input').length > 0
  if (!isSigned) return { reason: 'missing', detail: 'no signature' }
  return refuseAs('parse', () => parseMediation(line))
}

/** @returns the request as its signer must have seen it; `audience` where it was meant for an origin that is not ours */
export function readOrigin({ method, requestTarget, headers }: InboundRequest, origins: readonly PublicOrigin[]): RequestMessage | EnvelopeFault {
  const [authority, ...others] = headerValues(headers, 'host')
  if (authority === undefined || others.length > 0) return { reason: 'parse', detail: 'expected one Host field' }
  const origin = origins.find(({ scheme, authority: own }) => normalizedAuthority(authority, scheme) === own)
  if (origin === undefined) return { reason: 'audience', detail: 'the authority is not one of public_origins' }
  // The scheme and the spelling of the host are ours to say; what was signed has to agree with them.
  return { kind: 'request', method, scheme: origin.scheme, authority: origin.authority, requestTarget, headers }
}

/** @returns the one mediation signature, complete, covering what it has to; `parse` or `coverage` else */
export function readSignature(headers: RawHeaders): MediationSignature | EnvelopeFault {
  const fields = refuseAs('parse', () => parseSignatureFields(headers))
  if (isEnvelopeFault(fields)) return fields
  const signed = onlyMediation(fields)
  if (isEnvelopeFault(signed)) return signed
  const complete = requireParams(signed)
  if (isEnvelopeFault(complete)) return complete
  const missing = missingFromRequest(signed.components)
  if (missing !== undefined) return { reason: 'coverage', detail: `${missing} is not covered` }
  const split = splitField(signed.components, headers)
  return split === undefined ? complete : { reason: 'parse', detail: `${split}: expected one line, or to be covered with bs` }
}

/** Two of them would leave open which one speaks. */
function onlyMediation(fields: SignatureFields): MessageSignature | EnvelopeFault {
  const labels = [...ownLabels(fields)]
  if (labels.length === 0) return { reason: 'missing', detail: 'no mediation signature' }
  if (labels.length > 1 || labels[0] !== MEDIATION_LABEL) return { reason: 'parse', detail: `expected one mediation signature, labelled ${MEDIATION_LABEL}` }
  return refuseAs('parse', () => signatureOf(fields, MEDIATION_LABEL)) ?? { reason: 'missing', detail: 'no mediation signature' }
}

function requireParams(signed: MessageSignature): MediationSignature | EnvelopeFault {
  const { keyid, alg, tag, nonce, created, expires } = signed.params
  if (tag !== MEDIATION_TAG) return { reason: 'parse', detail: `tag: expected ${MEDIATION_TAG}` }
  if (alg !== 'ed25519') return { reason: 'parse', detail: 'alg: expected ed25519' }
  if (signed.signature.length !== SIGNATURE_BYTES) return { reason: 'parse', detail: `expected a signature of ${SIGNATURE_BYTES} bytes` }
  if (keyid === undefined || keyid === '') return { reason: 'parse', detail: 'keyid: expected a key id' }
  if (nonce === undefined || !NONCE.test(nonce)) return { reason: 'parse', detail: 'nonce: expected 1 to 128 printable characters' }
  if (created === undefined || expires === undefined) return { reason: 'parse', detail: 'expected created and expires' }
  return { ...signed, keyid, nonce, created, expires }
}

/** @returns what `act` gives, or the fault where the message cannot be understood */
export function refuseAs<T>(reason: EnvelopeReason, act: () => T): T | EnvelopeFault {
  try {
    return act()
  } catch (error) {
    if (error instanceof MessageSignatureError) return { reason, detail: error.message }
    throw error
  }
}
