/** Public keys that the caller vouches for, and Ed25519 checks against them. A key inside the evidence vouches for nothing. */

import { createPublicKey, type KeyObject, verify } from 'node:crypto'

const PUBLIC_KEY_HEX = /^[0-9a-fA-F]{64}$/
const PUBLIC_KEY_LOWER_HEX = /^[0-9a-f]{64}$/
const VERSIONED_KEY = /^pipelock-ed25519-public-v1\n([A-Za-z0-9+/]{43}=)\n?$/
/** Keys in evidence are attacker-controlled: no more of them are kept in parsed form. */
const MAX_PARSED_KEYS = 256

/** A trusted key that cannot be read: the caller's mistake, not a fault of the evidence. */
export class TrustedKeyError extends Error {
  override readonly name = 'TrustedKeyError'
}

/**
 * @param text 64 hex characters, or the two-line `pipelock-ed25519-public-v1` form
 * @returns 64 lower-case hex characters
 * @throws {TrustedKeyError} when it is neither
 */
export function parseTrustedKey(text: string): string {
  const trimmed = text.trim()
  if (PUBLIC_KEY_HEX.test(trimmed)) return trimmed.toLowerCase()
  const [, encoded] = VERSIONED_KEY.exec(trimmed) ?? []
  if (encoded === undefined) {
    throw new TrustedKeyError('expected a public key as 64 hex characters, or as pipelock-ed25519-public-v1 text')
  }
  return Buffer.from(encoded, 'base64').toString('hex')
}

/** @returns whether the text is a public key as it stands in evidence */
export function isPublicKeyHex(text: string): boolean {
  return PUBLIC_KEY_LOWER_HEX.test(text)
}

export class KeyRing {
  readonly trusted: ReadonlySet<string>
  readonly #parsed = new Map<string, KeyObject>()

  /** @param trustedKeys in either form; none: unpinned @throws {TrustedKeyError} */
  constructor(trustedKeys: readonly string[]) {
    this.trusted = new Set(trustedKeys.map(parseTrustedKey))
  }

  get isPinned(): boolean {
    return this.trusted.size > 0
  }

  /** @returns whether the key may sign; without trusted keys any may */
  admits(keyHex: string): boolean {
    return !this.isPinned || this.trusted.has(keyHex)
  }

  /** @param keyHex in the form of `isPublicKeyHex`; any other fails */
  verifies(keyHex: string, message: Buffer, signature: Buffer): boolean {
    if (!isPublicKeyHex(keyHex)) return false
    return verify(null, message, this.#keyObject(keyHex), signature)
  }

  #keyObject(keyHex: string): KeyObject {
    const known = this.#parsed.get(keyHex)
    if (known !== undefined) return known
    const x = Buffer.from(keyHex, 'hex').toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    if (this.#parsed.size < MAX_PARSED_KEYS) this.#parsed.set(keyHex, key)
    return key
  }
}
