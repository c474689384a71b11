/** Signing and verifying one signature of any message (RFC 9421 §3.1, §3.2). What has to be covered, and when, is the caller's to demand. */

import { verifyBase, type VerificationKey } from './algorithm.ts'
import type { Component } from './component.ts'
import type { FieldTypes } from './field-value.ts'
import type { HttpMessage } from './http-message.ts'
import { signatureBase } from './signature-base.ts'
import type { MessageSignature } from './signature-fields.ts'
import { coverComponents, type SignatureParams } from './signature-params.ts'

export interface SignSpec {
  readonly label: string
  readonly components: readonly Component[]
  readonly params: SignatureParams
}

export interface SignedBase {
  /** Members of the two fields, each `label=…`. */
  readonly inputMember: string
  readonly signatureMember: string
  readonly signature: Buffer
  readonly base: Buffer
}

/**
 * @param sign gives the raw signature over exactly these bytes, with the algorithm that `params.alg` names
 * @throws {MessageSignatureError} where the message cannot be signed so; nothing is signed then
 */
export function signMessage(message: HttpMessage, { label, components, params }: SignSpec, sign: (base: Uint8Array) => Buffer): SignedBase {
  const covered = coverComponents(components, params)
  const base = signatureBase(message, covered)
  const signature = sign(base)
  return { inputMember: `${label}=${covered.text}`, signatureMember: `${label}=:${signature.toString('base64')}:`, signature, base }
}

/**
 * @returns the base where the signature is the key's over it, else `undefined`
 * @throws {MessageSignatureError} where there is no base: a component is missing, ambiguous or not to be understood
 */
export function verifySignature(message: HttpMessage, signed: MessageSignature, key: VerificationKey, types?: FieldTypes): Buffer | undefined {
  const base = signatureBase(message, signed, types)
  return verifyBase(base, signed.signature, key, signed.params.alg) ? base : undefined
}
