/**
 * The text form of Ed25519 keys: a version line, then padded standard base64, LF after each. A private key is 64 bytes,
 * seed ‖ public key (wire-formats section 5). Pure: files are read and written by key-file.ts.
 */

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

import { KeyError } from './key-error.ts'

export const PRIVATE_HEADER = 'pipelock-ed25519-private-v1'
export const PUBLIC_HEADER = 'pipelock-ed25519-public-v1'
export const SEED_BYTES = 32
export const PUBLIC_KEY_BYTES = 32

const PUBLIC_KEY_HEX = /^[0-9a-fA-F]{64}$/
const PADDED_BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
// RFC 8410 §7: the PKCS #8 wrapping of a bare 32-byte seed.
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

export interface KeyPair {
  readonly seed: Buffer
  readonly publicKey: Buffer
  /** The same key for node:crypto. */
  readonly privateKey: KeyObject
}

/** @param seed 32 secret bytes; the pair keeps the buffer */
export function keyPairFromSeed(seed: Buffer): KeyPair {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return { seed, publicKey: spki.subarray(spki.length - PUBLIC_KEY_BYTES), privateKey }
}

export function encodePrivateKey({ seed, publicKey }: Pick<KeyPair, 'seed' | 'publicKey'>): string {
  return `${PRIVATE_HEADER}\n${Buffer.concat([seed, publicKey]).toString('base64')}\n`
}

export function encodePublicKey(publicKey: Buffer): string {
  return `${PUBLIC_HEADER}\n${publicKey.toString('base64')}\n`
}

/**
 * @param subject what the error names: the path of the file
 * @throws {KeyError} when the text is not a private key, or its public half does not belong to its seed
 */
export function parsePrivateKey(text: string, subject: string): KeyPair {
  const bytes = parseKeyBytes(text, subject, { header: PRIVATE_HEADER, bytes: SEED_BYTES + PUBLIC_KEY_BYTES })
  const pair = keyPairFromSeed(bytes.subarray(0, SEED_BYTES))
  if (!pair.publicKey.equals(bytes.subarray(SEED_BYTES))) {
    throw new KeyError(subject, 'expected a public half that belongs to the seed; the file is damaged or was edited')
  }
  return pair
}

/**
 * @param text the versioned two-line form, or 64 hex characters
 * @returns 64 lower-case hex characters
 * @throws {KeyError} when it is neither
 */
export function parsePublicKey(text: string, subject: string): string {
  const hex = text.trim()
  if (PUBLIC_KEY_HEX.test(hex)) return hex.toLowerCase()
  return parseKeyBytes(text, subject, { header: PUBLIC_HEADER, bytes: PUBLIC_KEY_BYTES }).toString('hex')
}

function parseKeyBytes(text: string, subject: string, expected: { header: string; bytes: number }): Buffer {
  if (text.includes('\r')) throw new KeyError(subject, 'expected lines that end with LF, got CR')
  const [header, encoded = '', ...rest] = text.split('\n')
  if (header !== expected.header) throw new KeyError(subject, `expected the first line to be ${expected.header}`)
  if (rest.join('') !== '') throw new KeyError(subject, 'expected two lines, got more')

  const bytes = PADDED_BASE64.test(encoded) ? Buffer.from(encoded, 'base64') : Buffer.alloc(0)
  if (bytes.length !== expected.bytes) {
    throw new KeyError(subject, `expected the second line to be ${expected.bytes} bytes in padded base64`)
  }
  return bytes
}
