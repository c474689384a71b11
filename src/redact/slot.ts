/** A stretch of a message in which text may give way to other text without changing the structure around it. */

export type Escape = 'none' | 'json' | 'percent' | 'markup'

export interface Slot {
  /** Offsets in the bytes of the message; the end is exclusive. */
  readonly start: number
  readonly end: number
  /** How the format writes what is not plain text. */
  readonly escape: Escape
}

/** Why no text of the message may be replaced. Never quotes it. */
export interface Unsafe {
  readonly unsafe: string
}

export type Layout = readonly Slot[] | Unsafe

const BACKSLASH = 0x5c
const PERCENT = 0x25
const AMPERSAND = 0x26
const SEMICOLON = 0x3b
const LETTER_U = 0x75
const UNICODE_ESCAPE_BYTES = 6
/** `&CounterClockwiseContourIntegral;` is the longest name that HTML knows. */
const LONGEST_ENTITY = 34
const LONGEST_UTF8 = 4

/**
 * Moves both ends of a span outwards until neither cuts an escape or a character in two.
 *
 * @param span lies within the slot
 */
export function widen(bytes: Buffer, slot: Slot, span: { readonly start: number; readonly end: number }): { start: number; end: number } {
  const start = unitStart(bytes, slot, span.start)
  let end = span.end
  while (end < slot.end && unitStart(bytes, slot, end) < end) end++
  return { start, end }
}

/** @returns where the escape or character begins that `at` would cut; `at` where it cuts none */
function unitStart(bytes: Buffer, slot: Slot, at: number): number {
  if (at <= slot.start || at >= slot.end) return at
  const character = characterStart(bytes, slot.start, at)
  if (slot.escape === 'json') return jsonStart(bytes, slot.start, character)
  if (slot.escape === 'percent') return percentStart(bytes, slot.start, character)
  return slot.escape === 'markup' ? entityStart(bytes, slot.start, character) : character
}

function characterStart(bytes: Buffer, floor: number, at: number): number {
  for (let back = 0; back < LONGEST_UTF8 && at - back >= floor; back++) {
    if (((bytes[at - back] ?? 0) & 0xc0) !== 0x80) return at - back
  }
  return at
}

/** `\n` and `\u0041`: a backslash begins an escape unless it is the second one of `\\`. */
function jsonStart(bytes: Buffer, floor: number, at: number): number {
  if (isEscaped(bytes, floor, at)) return at - 1
  for (let back = 2; back < UNICODE_ESCAPE_BYTES && at - back >= floor; back++) {
    const isUnicode = bytes[at - back] === BACKSLASH && bytes[at - back + 1] === LETTER_U && !isEscaped(bytes, floor, at - back)
    if (isUnicode) return at - back
  }
  return at
}

/** @returns whether an odd number of backslashes stands directly before */
function isEscaped(bytes: Buffer, floor: number, at: number): boolean {
  let count = 0
  while (at - count - 1 >= floor && bytes[at - count - 1] === BACKSLASH) count++
  return count % 2 === 1
}

function percentStart(bytes: Buffer, floor: number, at: number): number {
  for (const back of [1, 2]) if (at - back >= floor && bytes[at - back] === PERCENT) return at - back
  return at
}

function entityStart(bytes: Buffer, floor: number, at: number): number {
  for (let back = 1; back < LONGEST_ENTITY && at - back >= floor; back++) {
    const byte = bytes[at - back]
    if (byte === SEMICOLON || byte === 0x20) return at
    if (byte === AMPERSAND) return at - back
  }
  return at
}

/** @param text printable ASCII @returns the text as it is written in such a slot */
export function encodeFor(escape: Escape, text: string): Buffer {
  if (escape === 'percent') return Buffer.from(encodeURIComponent(text))
  if (escape === 'markup') return Buffer.from(text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'))
  return Buffer.from(text)
}

/** @returns what the span says, so that two spellings of one value are one value; the bytes as they are where that fails */
export function decodeFrom(escape: Escape, bytes: Buffer): string {
  const text = bytes.toString('utf8')
  try {
    if (escape === 'json') return JSON.parse(`"${text}"`) as string
    return escape === 'percent' ? decodeURIComponent(text.replaceAll('+', ' ')) : text
  } catch {
    return text
  }
}
