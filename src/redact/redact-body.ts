/** Replaces spans of a message by placeholders, on the original bytes: what is not replaced stays as it was, byte for byte. */

import type { Placeholders } from './placeholders.ts'
import { decodeFrom, encodeFor, widen, type Layout, type Slot, type Unsafe } from './slot.ts'

/** What must go: offsets in the bytes of the message, the end exclusive. */
export interface RedactionSpan {
  readonly className: string
  readonly start: number
  readonly end: number
  /** Where two spans overlap, the higher one names the class. */
  readonly priority: number
  /** Stands inside of a run of base64, base32 or hex: a part of it alone says nothing to anybody, so the run goes as a whole. */
  readonly isEncoded?: boolean
}

/** One replacement, told in offsets of the original bytes. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: Buffer
}

export interface Redacted {
  readonly bytes: Buffer
  /** In document order, none touching another. */
  readonly edits: readonly Edit[]
}

const RUN_BYTES: ReadonlySet<number> = new Set(Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-'))
const PADDING = 0x3d

interface PlacedSpan extends RedactionSpan {
  readonly slot: Slot
}

/** @returns the new bytes, or why one of the spans cannot be replaced; nothing is replaced then */
export function redactBody(bytes: Buffer, layout: Layout, spans: readonly RedactionSpan[], placeholders: Placeholders): Redacted | Unsafe {
  if (spans.length === 0) return { bytes, edits: [] }
  if ('unsafe' in layout) return layout
  const placed: PlacedSpan[] = []
  for (const span of spans) {
    const place = placeSpan(bytes, layout, span)
    if ('unsafe' in place) return place
    placed.push(place)
  }
  const edits = mergeOverlaps(placed).map(({ slot, className, start, end }) => {
    const placeholder = placeholders.next(className, decodeFrom(slot.escape, bytes.subarray(start, end)))
    return { start, end, text: encodeFor(slot.escape, placeholder) }
  })
  return { bytes: splice(bytes, edits), edits }
}

/**
 * A span that begins before its slot names a field and its value (`password: …`): the value goes. One that reaches into two
 * slots is a secret in pieces, and one without a slot stands where no text may be replaced.
 */
function placeSpan(bytes: Buffer, slots: readonly Slot[], span: RedactionSpan): PlacedSpan | Unsafe {
  const first = firstEndingAfter(slots, span.start)
  const slot = slots[first]
  if (slot === undefined || slot.start >= span.end || slot.start === slot.end || span.start >= span.end) return { unsafe: `${span.className} stands where text cannot be replaced` }
  const next = slots[first + 1]
  if (next !== undefined && next.start < span.end) return { unsafe: `${span.className} reaches over several values` }
  const clamped = { start: Math.max(span.start, slot.start), end: Math.min(span.end, slot.end) }
  return { ...span, slot, ...widen(bytes, slot, span.isEncoded === true ? wholeRun(bytes, slot, clamped) : clamped) }
}

function wholeRun(bytes: Buffer, slot: Slot, span: { readonly start: number; readonly end: number }): { start: number; end: number } {
  let { start, end } = span
  while (start > slot.start && RUN_BYTES.has(bytes[start - 1] ?? 0)) start--
  while (end < slot.end && RUN_BYTES.has(bytes[end] ?? 0)) end++
  while (end < slot.end && bytes[end] === PADDING) end++
  return { start, end }
}

/** @returns the first slot that ends behind the offset; slots are in order and do not overlap */
function firstEndingAfter(slots: readonly Slot[], offset: number): number {
  let [low, high] = [0, slots.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((slots[middle]?.end ?? 0) <= offset) low = middle + 1
    else high = middle
  }
  return low
}

/** Overlapping spans become one: it covers them all and has the class of the highest, then the first, then the longest. */
function mergeOverlaps(spans: readonly PlacedSpan[]): PlacedSpan[] {
  const merged: PlacedSpan[] = []
  for (const span of [...spans].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = merged.at(-1)
    if (last === undefined || span.start >= last.end) {
      merged.push(span)
      continue
    }
    const named = span.priority > last.priority ? span : last
    merged[merged.length - 1] = { ...named, start: last.start, end: Math.max(last.end, span.end) }
  }
  return merged
}

function splice(bytes: Buffer, edits: readonly Edit[]): Buffer {
  const pieces: Buffer[] = []
  let at = 0
  for (const { start, end, text } of edits) {
    pieces.push(bytes.subarray(at, start), text)
    at = end
  }
  return Buffer.concat([...pieces, bytes.subarray(at)])
}
