/** Signs an answer to a mediated request: status, body, head of our chain, and the request it answers. */

import { withoutHeaders, type RawHeaders } from '../model/raw-headers.ts'
import type { Signer } from '../model/signer.ts'
import { encodeHead, type ChainHead } from './chaperone-head.ts'
import { contentDigest } from './content-digest.ts'
import { responseComponents, RESPONSE_LABEL, RESPONSE_TAG } from './coverage.ts'
import type { RequestMessage, ResponseMessage } from './http-message.ts'
import { signMessage } from './message-signature.ts'
import { addSignature, stripMediation } from './strip-mediation.ts'

export interface ResponseSigning {
  readonly keyId: string
  readonly signer: Signer
  /** Seconds since 1970. */
  readonly createdS: number
  /** Our last durable receipt. */
  readonly head?: ChainHead
}

export interface AnswerToSign {
  readonly status: number
  readonly headers: RawHeaders
  /** The whole body, or `streamed` where it is not known when the head leaves. */
  readonly body: Buffer | 'streamed'
}

const LIFETIME_S = 60
const DIGEST_FIELD: ReadonlySet<string> = new Set(['content-digest'])

/**
 * @param request as it came, its `pipelock1` signature included (`VerifiedHead.message`)
 * @returns all headers of the answer as they leave
 * @throws {MessageSignatureError} where it cannot be signed
 */
export function signResponse({ status, headers, body }: AnswerToSign, request: RequestMessage, { keyId, signer, createdS, head }: ResponseSigning): RawHeaders {
  const marked = [
    ...withoutHeaders(stripMediation(headers), DIGEST_FIELD),
    ...(body === 'streamed' ? ['Chaperone-Stream', '?1'] : ['Content-Digest', contentDigest(body)]),
    ...(head === undefined ? [] : ['Chaperone-Head', encodeHead(head)]),
  ]
  const message: ResponseMessage = { kind: 'response', status, headers: marked, request }
  const params = { keyid: keyId, alg: 'ed25519', tag: RESPONSE_TAG, created: createdS, expires: createdS + LIFETIME_S }
  const signed = signMessage(message, { label: RESPONSE_LABEL, components: responseComponents(marked, request.headers), params }, (base) => signer.sign(base))
  return addSignature(marked, signed.inputMember, signed.signatureMember)
}
