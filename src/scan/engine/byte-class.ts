/** Sets of bytes as look-up tables. */

/** 256 entries, 1 for a member. */
export type ByteClass = Uint8Array

const BYTE_VALUES = 256
const FIRST_PRINTABLE = 0x21
const LAST_PRINTABLE = 0x7e

/** @param characters every one below U+0100; `a-z` is not a range here */
export function byteClass(...characters: readonly string[]): ByteClass {
  const members = new Uint8Array(BYTE_VALUES)
  for (const byte of Buffer.from(characters.join(''), 'latin1')) members[byte] = 1
  return members
}

export function complement(members: ByteClass): ByteClass {
  return members.map((isMember) => 1 - isMember)
}

export const DIGITS = '0123456789'
const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const LETTERS = LOWER + LOWER.toUpperCase()
const PRINTABLE = String.fromCharCode(...Array.from({ length: LAST_PRINTABLE - FIRST_PRINTABLE + 1 }, (_, at) => FIRST_PRINTABLE + at))

export const NOTHING = byteClass()
export const DIGIT = byteClass(DIGITS)
export const WORD = byteClass(LETTERS, DIGITS)
export const TOKEN = byteClass(LETTERS, DIGITS, '_-')
export const DOTTED_TOKEN = byteClass(LETTERS, DIGITS, '_-.')
/** Both alphabets of base64 (RFC 4648 §4 and §5) without the padding. */
export const BASE64 = byteClass(LETTERS, DIGITS, '+/_-')
export const BASE64_PADDED = byteClass(LETTERS, DIGITS, '+/_-=')
export const HEX = byteClass(DIGITS, 'abcdefABCDEF')
/** What can stand in a URL or a connection string inside of text. */
export const URL_TEXT = byteClass(PRINTABLE.replace(/["'<>\\`]/g, ''))
/** Digits and what groups them. */
export const GROUPED_DIGIT = byteClass(DIGITS, ' -')
export const GROUPED_WORD = byteClass(LETTERS, DIGITS, ' ')
export const ANY = complement(NOTHING)
/** Both cases of the alphabet of base32 (RFC 4648 §6). */
export const BASE32 = byteClass(LETTERS, '234567')
