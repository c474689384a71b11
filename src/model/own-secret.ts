/**
 * A secret of the agent itself, as the scanner knows it: prints of all its pieces of eight bytes, and a few of these pieces to
 * look for. The secret as a whole is nowhere.
 */

import { createPrintKey, GRAM_BYTES, lowerCase, printGram, type PrintKey } from '../base/gram-print.ts'

export interface OwnSecret {
  /** Id of its findings: `own.env.NAME`, `own.file.line-N` or `canary.NAME`. */
  readonly rule: string
  readonly lengthBytes: number
  /** How much of it in one piece is a leak, in bytes: three fifths, at least eight bytes. */
  readonly leakBytes: number
  /** Every piece of `leakBytes` holds one of these whole. Lower case, latin-1 text. */
  readonly cores: readonly { readonly offset: number; readonly text: string }[]
  readonly key: PrintKey
  /** Print of the eight bytes at each offset. */
  readonly grams: readonly number[]
}

/** Bytes of the shortest secret that can be looked for: a shorter one stands in ordinary text. */
export const MIN_SECRET_BYTES = GRAM_BYTES
export const MAX_SECRET_BYTES = 4096
const LEAK_SHARE = 0.6

/** @param value at least `MIN_SECRET_BYTES` and at most `MAX_SECRET_BYTES` bytes of UTF-8 */
export function createOwnSecret(rule: string, value: string): OwnSecret {
  const bytes = Buffer.from(value, 'utf8').map(lowerCase)
  const leakBytes = Math.max(GRAM_BYTES, Math.ceil(bytes.length * LEAK_SHARE))
  const last = bytes.length - GRAM_BYTES
  const stride = leakBytes - GRAM_BYTES + 1
  const offsets = new Set(Array.from({ length: Math.floor(last / stride) + 1 }, (_, at) => at * stride))
  const key = createPrintKey()
  return {
    rule,
    key,
    lengthBytes: bytes.length,
    leakBytes,
    cores: [...offsets].map((offset) => ({ offset, text: Buffer.from(bytes.subarray(offset, offset + GRAM_BYTES)).toString('latin1') })),
    grams: Array.from({ length: last + 1 }, (_, offset) => printGram(key, (place) => bytes[offset + place] ?? 0)),
  }
}
