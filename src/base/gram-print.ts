/**
 * Keyed prints of pieces of eight bytes: enough to recognise a secret, or most of it, without keeping it. The key is made anew
 * by every process and never leaves it.
 */

import { randomBytes } from 'node:crypto'

export const GRAM_BYTES = 8

const KEY = randomBytes(8)
const FIRST_SEED = KEY.readUInt32LE(0)
const SECOND_SEED = KEY.readUInt32LE(4)
const FIRST_PRIME = 0x85ebca6b
const SECOND_PRIME = 0xc2b2ae35
const HIGH_BITS = 0x1f_ffff
const TWO_TO_32 = 4_294_967_296
const UPPER_A = 0x41
const UPPER_Z = 0x5a
const CASE_BIT = 0x20

/**
 * @param byteAt the bytes of the piece by their place, 0 to 7; ASCII letters count in either case
 * @returns a whole number of 53 bits
 */
export function printGram(byteAt: (place: number) => number): number {
  let [first, second] = [FIRST_SEED, SECOND_SEED]
  for (let place = 0; place < GRAM_BYTES; place++) {
    const byte = lowerCase(byteAt(place))
    first = Math.imul((first ^ byte) + place, FIRST_PRIME)
    first ^= first >>> 15
    second = Math.imul((second ^ byte) - place, SECOND_PRIME)
    second ^= second >>> 13
  }
  return ((first ^ (second << 7)) & HIGH_BITS) * TWO_TO_32 + (second >>> 0)
}

/** Folds the case of an ASCII letter. */
export function lowerCase(byte: number): number {
  return byte >= UPPER_A && byte <= UPPER_Z ? byte | CASE_BIT : byte
}
