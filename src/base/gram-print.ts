/** Keyed prints of pieces of eight bytes: enough to recognise a secret, or most of it, without keeping it. */

import { randomBytes } from 'node:crypto'

export const GRAM_BYTES = 8

const FIRST_PRIME = 0x85ebca6b
const SECOND_PRIME = 0xc2b2ae35
const HIGH_BITS = 0x1f_ffff
const TWO_TO_32 = 4_294_967_296
const UPPER_A = 0x41
const UPPER_Z = 0x5a
const CASE_BIT = 0x20

/** Made anew for every secret, so that prints of two secrets cannot be compared. */
export type PrintKey = readonly [number, number]

export function createPrintKey(): PrintKey {
  const bytes = randomBytes(8)
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)]
}

/**
 * @param byteAt the bytes of the piece by their place, 0 to 7; ASCII letters count in either case
 * @returns a whole number of 53 bits
 */
export function printGram([firstSeed, secondSeed]: PrintKey, byteAt: (place: number) => number): number {
  let [first, second] = [firstSeed, secondSeed]
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
