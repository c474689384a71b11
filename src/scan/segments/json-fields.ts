/**
 * The strings of a JSON text (RFC 8259) by their places, at any depth, duplicate keys and all: a parser would keep the last of
 * two. Tolerant: what is no JSON has strings, too.
 */

/** Told of every field by its place: `from` inclusive, `to` exclusive. */
export type FieldVisitor = (from: number, to: number, role: 'key' | 'value') => void

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const LAST_BLANK = 0x20

export function visitJsonFields(bytes: Buffer, visit: FieldVisitor): void {
  let at = bytes.indexOf(QUOTE)
  while (at >= 0) {
    const end = endOfString(bytes, at + 1)
    let next = end + 1
    while (next < bytes.length && (bytes[next] ?? 0) <= LAST_BLANK) next++
    visit(at + 1, end, bytes[next] === COLON ? 'key' : 'value')
    at = bytes.indexOf(QUOTE, end + 1)
  }
}

function endOfString(bytes: Buffer, from: number): number {
  let end = bytes.indexOf(QUOTE, from)
  while (end >= 0 && isEscaped(bytes, from, end)) end = bytes.indexOf(QUOTE, end + 1)
  return end < 0 ? bytes.length : end
}

function isEscaped(bytes: Buffer, from: number, quote: number): boolean {
  let at = quote
  while (at > from && bytes[at - 1] === BACKSLASH) at--
  return (quote - at) % 2 === 1
}
