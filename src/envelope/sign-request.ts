/** Signs an outgoing request: the mediation header, the digest of the body that leaves, and one RFC 9421 signature over both. */

import { hash, randomBytes } from 'node:crypto'

import type { Cleared } from '../model/cleared.ts'
import type { OutgoingRequest } from '../model/exchange.ts'
import { headerValues, withoutHeaders, type RawHeaders } from '../model/raw-headers.ts'
import type { Signer } from '../model/signer.ts'
import { contentDigest } from './content-digest.ts'
import { MEDIATION_LABEL, MEDIATION_TAG, requestComponents, type Dialect } from './coverage.ts'
import { targetParts, type RequestMessage } from './http-message.ts'
import { encodeMediation, type Mediation } from './mediation.ts'
import { MessageSignatureError } from './message-signature-error.ts'
import { signMessage } from './message-signature.ts'
import { addSignature, stripMediation } from './strip-mediation.ts'

export interface RequestSigning {
  readonly dialect: Dialect
  readonly mediation: Mediation
  readonly keyId: string
  readonly signer: Signer
  /** Seconds since 1970. */
  readonly createdS: number
  readonly lifetimeS: number
  /** 32 hex digits; random where absent. Never the same twice under one key. */
  readonly nonce?: string
}

export interface SignedRequest {
  /** All headers as they leave. */
  readonly headers: RawHeaders
  /** The request as the other side sees it: what the signature of its response is verified against. */
  readonly message: RequestMessage
  readonly targetUri: string
  readonly nonce: string
  /** Value of Content-Digest; absent where there is no body. */
  readonly digest?: string
  readonly signature: Buffer
  /** SHA-256 of the signature base. */
  readonly baseHash: Buffer
}

const NONCE_BYTES = 16
const DIGEST_FIELD: ReadonlySet<string> = new Set(['content-digest'])

/**
 * Forged and stale mediation headers are removed, foreign signatures kept, an old Content-Digest replaced.
 *
 * @param request as it leaves, `Host` among its headers; whoever changes it afterwards breaks the signature
 * @throws {MessageSignatureError} where it cannot be signed; it must not be sent then
 */
export function signRequest(request: Cleared<OutgoingRequest>, signing: RequestSigning): SignedRequest {
  const { dialect, mediation, keyId, signer, createdS, lifetimeS, nonce = randomBytes(NONCE_BYTES).toString('hex') } = signing
  const digest = request.body.length > 0 ? contentDigest(request.body) : undefined
  const headers = [
    ...withoutHeaders(stripMediation(request.headers), DIGEST_FIELD),
    ...(digest === undefined ? [] : ['Content-Digest', digest]),
    'Pipelock-Mediation', encodeMediation(mediation),
  ]
  const message = messageOf(request, headers)
  const params = { keyid: keyId, alg: 'ed25519', tag: MEDIATION_TAG, nonce, created: createdS, expires: createdS + lifetimeS }
  const signed = signMessage(message, { label: MEDIATION_LABEL, components: requestComponents(dialect, headers), params }, (base) => signer.sign(base))
  const withSignature = addSignature(headers, signed.inputMember, signed.signatureMember)
  return {
    headers: withSignature,
    message: { ...message, headers: withSignature },
    targetUri: targetParts(message).uri,
    nonce,
    ...(digest === undefined ? {} : { digest }),
    signature: signed.signature,
    baseHash: hash('sha256', signed.base, 'buffer'),
  }
}

function messageOf({ method, target, headers: sent }: OutgoingRequest, headers: RawHeaders): RequestMessage {
  const [authority, ...others] = headerValues(sent, 'host')
  if (authority === undefined || others.length > 0) throw new MessageSignatureError('component_missing', 'expected one Host field')
  if (!target.path.startsWith('/')) throw new MessageSignatureError('value_invalid', 'expected a request target in origin form')
  return { kind: 'request', method, scheme: target.scheme, authority, requestTarget: target.path, headers }
}
