/**
 * Signing with one Ed25519 key, by node:crypto or by libsodium (`sodium-native`, an optional dependency that takes about
 * two thirds of the time). Both give the same bytes; that is checked before a backend is used.
 */

import { createHash, sign as nodeSign } from 'node:crypto'
import { createRequire } from 'node:module'

import type { Signer } from '../model/signer.ts'
import { KeyError } from './key-error.ts'
import type { KeyPair } from './key-text.ts'

/** `auto`: libsodium where it loads and agrees with node:crypto, else node:crypto. */
export type SigningBackend = 'auto' | 'node' | 'sodium'

/** The part of sodium-native that is used. */
export interface Sodium {
  readonly crypto_sign_BYTES: number
  readonly crypto_sign_SECRETKEYBYTES: number
  sodium_malloc(bytes: number): Buffer
  crypto_sign_detached(signature: Buffer, message: Uint8Array, secretKey: Buffer): void
}

type SignBytes = (bytes: Uint8Array) => Buffer

const PROBE = Buffer.from('signing backend probe')

/**
 * @param load gives sodium-native, or `undefined` where it is not there: another one only in tests
 * @throws {KeyError} when `sodium` is asked for and cannot be loaded, or does not agree with node:crypto
 */
export function createSigner(pair: KeyPair, backend: SigningBackend = 'auto', load = loadSodium): Signer {
  return {
    publicKeyHex: pair.publicKey.toString('hex'),
    fingerprint: fingerprintOf(pair.publicKey),
    sign: chooseBackend(pair, backend, load),
  }
}

/** @returns `sha256:` and the hex SHA-256 of the raw public key */
export function fingerprintOf(publicKey: Uint8Array): string {
  return `sha256:${createHash('sha256').update(publicKey).digest('hex')}`
}

function chooseBackend(pair: KeyPair, backend: SigningBackend, load: typeof loadSodium): SignBytes {
  const byNode: SignBytes = (bytes) => nodeSign(null, bytes, pair.privateKey)
  if (backend === 'node') return byNode

  const sodium = load()
  if (sodium === undefined) {
    if (backend === 'auto') return byNode
    throw new KeyError('signing backend sodium', 'expected sodium-native to be installed for this platform')
  }
  const bySodium = signWithSodium(sodium, pair)
  if (bySodium(PROBE).equals(byNode(PROBE))) return bySodium
  if (backend === 'auto') return byNode
  throw new KeyError('signing backend sodium', 'expected the same signature as node:crypto')
}

function signWithSodium(sodium: Sodium, pair: KeyPair): SignBytes {
  const secretKey = sodium.sodium_malloc(sodium.crypto_sign_SECRETKEYBYTES)
  pair.seed.copy(secretKey, 0)
  pair.publicKey.copy(secretKey, pair.seed.length)
  return (bytes) => {
    const signature = Buffer.allocUnsafe(sodium.crypto_sign_BYTES)
    sodium.crypto_sign_detached(signature, bytes, secretKey)
    return signature
  }
}

/** @returns `undefined` where the module is not installed or its native part does not load on this platform */
function loadSodium(): Sodium | undefined {
  try {
    return createRequire(import.meta.url)('sodium-native') as Sodium
  } catch {
    return undefined
  }
}
