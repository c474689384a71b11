/**
 * Signature algorithms of the HTTP registry (RFC 9421 §3.3, §6.2). The algorithm is a property of the key: a message that
 * names another one is refused, and what it names alone chooses nothing (§7.3.6).
 */

import { createHmac, constants, timingSafeEqual, verify, type KeyObject } from 'node:crypto'

import { MessageSignatureError } from './message-signature-error.ts'

export type AlgorithmName = 'ed25519' | 'rsa-pss-sha512' | 'rsa-v1_5-sha256' | 'hmac-sha256' | 'ecdsa-p256-sha256' | 'ecdsa-p384-sha384'

/** A key that may verify, and the one algorithm it is used with. */
export interface VerificationKey {
  readonly alg: AlgorithmName
  /** Public; for `hmac-sha256` the secret. */
  readonly key: KeyObject
}

interface AlgorithmSpec {
  /** Kinds of key as node:crypto names them; `secret` for a symmetric one. */
  readonly keyTypes: readonly string[]
  /** Name of the curve as node:crypto has it. */
  readonly curve?: string
  verify(base: Buffer, signature: Buffer, key: KeyObject): boolean
}

/** §3.3.1: the length of the hash. */
const PSS_SALT_BYTES = 64

const ALGORITHMS: Readonly<Record<AlgorithmName, AlgorithmSpec>> = {
  ed25519: { keyTypes: ['ed25519'], verify: (base, signature, key) => verify(null, base, key, signature) },
  'rsa-pss-sha512': {
    keyTypes: ['rsa', 'rsa-pss'],
    verify: (base, signature, key) => verify('sha512', base, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: PSS_SALT_BYTES }, signature),
  },
  'rsa-v1_5-sha256': { keyTypes: ['rsa'], verify: (base, signature, key) => verify('sha256', base, { key, padding: constants.RSA_PKCS1_PADDING }, signature) },
  'hmac-sha256': { keyTypes: ['secret'], verify: verifyHmac },
  // §3.3.4: r and s one after the other, not DER.
  'ecdsa-p256-sha256': { keyTypes: ['ec'], curve: 'prime256v1', verify: (base, signature, key) => verify('sha256', base, { key, dsaEncoding: 'ieee-p1363' }, signature) },
  'ecdsa-p384-sha384': { keyTypes: ['ec'], curve: 'secp384r1', verify: (base, signature, key) => verify('sha384', base, { key, dsaEncoding: 'ieee-p1363' }, signature) },
}

/** Smallest RSA modulus that is taken. */
const MIN_RSA_BITS = 2048

/**
 * @param named the `alg` parameter of the signature, where it has one
 * @returns whether the signature is the key's, over exactly these bytes
 * @throws {MessageSignatureError} `key_invalid` where key and algorithm do not go together, or the message names another algorithm
 */
export function verifyBase(base: Buffer, signature: Buffer, { alg, key }: VerificationKey, named?: string): boolean {
  if (named !== undefined && named !== alg) throw new MessageSignatureError('key_invalid', `alg: expected ${alg}, the algorithm of the key`)
  const spec = ALGORITHMS[alg]
  checkKey(alg, spec, key)
  try {
    return spec.verify(base, signature, key)
  } catch {
    // OpenSSL throws for some signatures of an impossible form, where others just fail.
    return false
  }
}

function checkKey(alg: AlgorithmName, spec: AlgorithmSpec, key: KeyObject): void {
  const type = key.asymmetricKeyType ?? key.type
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {}
  const fits = spec.keyTypes.includes(type) && (spec.curve === undefined || spec.curve === namedCurve) && (modulusLength ?? MIN_RSA_BITS) >= MIN_RSA_BITS
  if (!fits) throw new MessageSignatureError('key_invalid', `expected a key that goes with ${alg}`)
}

function verifyHmac(base: Buffer, signature: Buffer, key: KeyObject): boolean {
  const expected = createHmac('sha256', key).update(base).digest()
  return expected.length === signature.length && timingSafeEqual(expected, signature)
}
