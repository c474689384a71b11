/** What a code point beyond ASCII looks like, or stands for, in ASCII: compatibility forms, look-alikes, marks, invisible characters. */

import { CONFUSABLES } from './confusables.ts'

/** Characters that are not drawn: joiners, direction marks, fillers, variation selectors (Unicode Default_Ignorable_Code_Point). */
const INVISIBLE = /^[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]$/u
const MARK = /\p{M}/gu
const SPACE = /^\p{Zs}$/u
const FIRST_TAG = 0xe0020
const LAST_TAG = 0xe007e
const TAG_BLOCK = 0xe0000
const MAX_CACHED = 8192
const ASCII = /^[\t\n\r\x20-\x7e]*$/

const CACHE = new Map<number, Uint8Array | undefined>()

/** @returns the ASCII bytes that stand for it, empty for what is not drawn; `undefined` where it stands for itself */
export function foldCodePoint(codePoint: number): Uint8Array | undefined {
  if (isIdeographic(codePoint)) return undefined
  if (CACHE.has(codePoint)) return CACHE.get(codePoint)
  const folded = fold(codePoint)
  const bytes = folded === undefined ? undefined : Uint8Array.from(Buffer.from(folded, 'latin1'))
  if (CACHE.size < MAX_CACHED) CACHE.set(codePoint, bytes)
  return bytes
}

/** Most of East Asian text: not worth a look. */
function isIdeographic(codePoint: number): boolean {
  return (codePoint >= 0x3041 && codePoint <= 0x9fff && codePoint !== 0x3164) || (codePoint >= 0xac00 && codePoint <= 0xd7a3)
}

function fold(codePoint: number): string | undefined {
  // Tag characters spell ASCII invisibly: they are read, never dropped.
  if (codePoint >= FIRST_TAG && codePoint <= LAST_TAG) return String.fromCharCode(codePoint - TAG_BLOCK)
  const character = String.fromCodePoint(codePoint)
  if (INVISIBLE.test(character)) return ''
  if (SPACE.test(character)) return ' '
  if (codePoint === 0x85 || codePoint === 0x2028 || codePoint === 0x2029) return '\n'
  const plain = Array.from(character.normalize('NFKC').normalize('NFD').replace(MARK, '')).map((part) => CONFUSABLES.get(part) ?? part).join('')
  return ASCII.test(plain) ? plain : undefined
}
