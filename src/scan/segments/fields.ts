/** The named values of a text, whatever its notation: JSON, forms and queries, lines of `name: value` or `name=value`, cells. */

import { visitJsonFields, type FieldVisitor } from './json-fields.ts'

const BRACE = 0x7b
const BRACKET = 0x5b
const LINE_FEED = 0x0a
const EQUALS = 0x3d
const COLON = 0x3a
const BLANK = 0x20
/** Longest name in front of a value on a line of its own. */
const MAX_NAME = 48
/** A shell writes `export NAME=value`; more words in front of a separator are a sentence. */
const MAX_WORDS = 2
const FORM_BREAKS = Uint8Array.from({ length: 256 }, (_, byte) => Number('&;?#'.includes(String.fromCharCode(byte))))

export function visitFields(bytes: Buffer, from: number, to: number, visit: FieldVisitor): void {
  let first = from
  while (first < to && (bytes[first] ?? 0) <= BLANK) first++
  const text = bytes.subarray(from, to)
  if (bytes[first] === BRACE || bytes[first] === BRACKET) visitJsonFields(text, shifted(visit, from))
  else if (!text.includes(LINE_FEED) && text.includes(EQUALS)) visitForm(bytes, from, to, visit)
  else visitLines(text, shifted(visit, from))
}

function shifted(visit: FieldVisitor, by: number): FieldVisitor {
  if (by === 0) return visit
  return (from, to, role) => {
    visit(from + by, to + by, role)
  }
}

/** `name=value` between `&` and the like. */
function visitForm(bytes: Buffer, from: number, to: number, visit: FieldVisitor): void {
  let start = from
  let value = -1
  for (let at = from; at <= to; at++) {
    const byte = at < to ? (bytes[at] ?? 0) : -1
    if (byte >= 0 && FORM_BREAKS[byte] !== 1) {
      if (value < 0 && byte === EQUALS) value = at + 1
      continue
    }
    if (value > start + 1) visit(start, value - 1, 'key')
    if (at > Math.max(value, start)) visit(Math.max(value, start), at, 'value')
    start = at + 1
    value = -1
  }
}

/** Lines of `name: value` and `name=value`; others are prose. */
function visitLines(text: Buffer, visit: FieldVisitor): void {
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf(LINE_FEED, start)
    const end = found < 0 ? text.length : found
    const separator = separatorOf(text, start, Math.min(end, start + MAX_NAME))
    if (separator !== undefined) {
      visit(start, separator, 'key')
      visitTrimmed(text, separator + 1, end, visit)
    }
    start = end + 1
  }
}

function separatorOf(text: Buffer, from: number, to: number): number | undefined {
  let [at, words] = [from, 0]
  while (at < to && text[at] === BLANK) at++
  for (; at < to; at++) {
    const byte = text[at]
    if (byte === EQUALS || byte === COLON) return at
    if (byte === BLANK && ++words >= MAX_WORDS) return undefined
  }
  return undefined
}

function visitTrimmed(text: Buffer, from: number, to: number, visit: FieldVisitor): void {
  let [start, end] = [from, to]
  while (start < end && isWrapping(text[start])) start++
  while (end > start && isWrapping(text[end - 1])) end--
  if (end > start) visit(start, end, 'value')
}

/** Blanks, quotes, and what parts an item from the next. */
function isWrapping(byte = 0): boolean {
  return byte <= BLANK || byte === 0x22 || byte === 0x27 || byte === 0x2c
}
