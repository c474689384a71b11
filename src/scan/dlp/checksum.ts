/** Checksums that issuers build into credentials and account numbers. */

import { crc32 } from 'node:zlib'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const CHECKSUM_CHARACTERS = 6

/**
 * The last six characters are the CRC-32 of what stands between prefix and checksum, in base 62, most significant first.
 * Source: https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/ (npm uses the same form).
 */
export function hasCrcTail(body: string): boolean {
  const payload = body.slice(0, -CHECKSUM_CHARACTERS)
  return crcTail(payload) === body.slice(-CHECKSUM_CHARACTERS)
}

/** @returns the six characters that `hasCrcTail` expects behind `payload` */
export function crcTail(payload: string): string {
  let rest = crc32(payload)
  let tail = ''
  for (let digit = 0; digit < CHECKSUM_CHARACTERS; digit++) {
    tail = BASE62.charAt(rest % BASE62.length) + tail
    rest = Math.floor(rest / BASE62.length)
  }
  return tail
}

/** ISO/IEC 7812-1 annex B. @param digits decimal digits only */
export function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits[digits.length - 1 - at])
    const doubled = digit * 2
    if (at % 2 === 0) sum += digit
    else sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

/** ISO 13616-1: the rearranged number is 1 modulo 97. @param iban without spaces, upper case */
export function passesIbanCheck(iban: string): boolean {
  let remainder = 0
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(character, 36)
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97
  }
  return remainder === 1
}
