/** Random choices that are the same in every run: what a test found once, it finds again. CHAPERONE_SEED gives others. */

export interface SeededRandom {
  /** 0 ≤ n < below. */
  below(below: number): number
  pick<T>(from: readonly T[]): T
  /** Characters of `alphabet`, independent of each other. */
  text(length: number, alphabet: string): string
  bytes(length: number): Buffer
}

export const DIGITS = '0123456789'
export const LOWER = 'abcdefghijklmnopqrstuvwxyz'
export const UPPER = LOWER.toUpperCase()
export const WORD = UPPER + LOWER + DIGITS
export const TOKEN = `${WORD}_-`
export const HEX = `${DIGITS}abcdef`
export const BASE32 = `${UPPER}234567`
export const BECH32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

const UINT32 = 4_294_967_296

/** Mulberry32: small, and good enough for test data. @param name so that two tests do not share a sequence */
export function seededRandom(name: string): SeededRandom {
  let state = Array.from(`${process.env['CHAPERONE_SEED'] ?? ''}${name}`).reduce((sum, character) => (Math.imul(sum, 31) + (character.codePointAt(0) ?? 0)) >>> 0, 17)
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / UINT32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  const pick = <T>(from: readonly T[]): T => {
    const picked = from[below(from.length)]
    if (picked === undefined) throw new RangeError('nothing to pick from')
    return picked
  }
  return {
    below,
    pick,
    text: (length, alphabet) => Array.from({ length }, () => alphabet.charAt(below(alphabet.length))).join(''),
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  }
}
