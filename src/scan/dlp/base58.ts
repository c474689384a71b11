/** Numbers of cryptocurrencies that carry a checksum: Base58Check, bech32, mixed-case Ethereum addresses. */

import { createHash } from 'node:crypto'

import { keccak_256 } from '@noble/hashes/sha3.js'
import { base58, bech32, bech32m } from '@scure/base'

const CHECKSUM_BYTES = 4
const MAX_BECH32 = 90

/** @returns version and payload, or `undefined` where the last four bytes are not the beginning of the double SHA-256 of the rest */
export function decodeBase58Check(text: string): Uint8Array | undefined {
  let bytes: Uint8Array
  try {
    bytes = base58.decode(text)
  } catch {
    return undefined
  }
  const payload = bytes.subarray(0, -CHECKSUM_BYTES)
  return Buffer.compare(sha256(sha256(payload)).subarray(0, CHECKSUM_BYTES), bytes.subarray(-CHECKSUM_BYTES)) === 0 ? payload : undefined
}

/** Segwit addresses, version 0 (BIP-173) and later (BIP-350). */
export function isBech32(text: string): boolean {
  return bech32.decodeUnsafe(text, MAX_BECH32) !== undefined || bech32m.decodeUnsafe(text, MAX_BECH32) !== undefined
}

/** EIP-55. @param digits forty hexadecimal digits in both cases */
export function passesEip55(digits: string): boolean {
  const hash = Buffer.from(keccak_256(Buffer.from(digits.toLowerCase(), 'latin1'))).toString('hex')
  return Array.from(digits).every((digit, at) => /\d/.test(digit) || /[A-F]/.test(digit) === Number.parseInt(hash.charAt(at), 16) >= 8)
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
