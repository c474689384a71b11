/** Where the values of form data stand: application/x-www-form-urlencoded and multipart/form-data (RFC 7578). */

import type { Layout, Slot } from './slot.ts'

const AMPERSAND = 0x26
const EQUALS = 0x3d
const BOUNDARY = /;[ \t]*boundary=(?:"([^"]{1,70})"|([^\s";,]{1,70}))/i
const CODING = /^content-transfer-encoding:[ \t]*([^\s;]+)/im
const PLAIN_CODINGS = new Set(['7bit', '8bit', 'binary'])
const HEAD_END = '\r\n\r\n'

/** Names are no slots: a renamed field is another form. */
export function layoutUrlEncoded(bytes: Buffer): readonly Slot[] {
  const slots: Slot[] = []
  for (let start = 0; start <= bytes.length; ) {
    const found = bytes.indexOf(AMPERSAND, start)
    const end = found < 0 ? bytes.length : found
    const equals = bytes.subarray(start, end).indexOf(EQUALS)
    if (equals >= 0) slots.push({ start: start + equals + 1, end, escape: 'percent' })
    start = end + 1
  }
  return slots
}

/** Contents of parts that stand as they are; heads are no slots, and neither is a part in another coding. */
export function layoutMultipart(bytes: Buffer, contentType: string): Layout {
  const found = BOUNDARY.exec(contentType)
  const boundary = found?.[1] ?? found?.[2]
  if (boundary === undefined) return { unsafe: 'multipart without a boundary' }
  const slots: Slot[] = []
  const delimiter = `--${boundary}`
  for (let at = bytes.indexOf(delimiter); at >= 0; ) {
    const headStart = at + delimiter.length
    const next = bytes.indexOf(`\r\n${delimiter}`, headStart)
    const slot = next < 0 ? undefined : contentOf(bytes, headStart, next)
    if (slot !== undefined) slots.push(slot)
    at = next < 0 ? next : next + 2
  }
  return slots
}

function contentOf(bytes: Buffer, headStart: number, end: number): Slot | undefined {
  const headEnd = bytes.indexOf(HEAD_END, headStart)
  const start = headEnd + HEAD_END.length
  if (headEnd < 0 || start > end || !isPlain(bytes.toString('latin1', headStart, headEnd))) return undefined
  return { start, end, escape: 'none' }
}

function isPlain(head: string): boolean {
  const coding = CODING.exec(head)?.[1]
  return coding === undefined || PLAIN_CODINGS.has(coding.toLowerCase())
}
