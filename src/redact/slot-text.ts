/** What a slot says, with the way back from each character to the bytes that wrote it. Characters are bytes (latin-1). */

import type { Slot } from './slot.ts'

export interface SlotText {
  readonly text: string
  /** The offset in the message at which the character at `index` begins; for the length of the text, the slot's end. */
  readonly offsetOf: (index: number) => number
}

const JSON_ESCAPE = /\\(?:u([0-9a-fA-F]{4})|(.))/gs
const PERCENT_ESCAPE = /%([0-9a-fA-F]{2})|\+/g
const SIMPLE: ReadonlyMap<string, string> = new Map([['n', '\n'], ['r', '\r'], ['t', '\t'], ['b', '\b'], ['f', '\f']])

export function readSlot(bytes: Buffer, slot: Slot): SlotText {
  const raw = bytes.toString('latin1', slot.start, slot.end)
  if (slot.escape === 'json' && raw.includes('\\')) return undo(raw, slot.start, JSON_ESCAPE, jsonText)
  if (slot.escape === 'percent' && /[%+]/.test(raw)) return undo(raw, slot.start, PERCENT_ESCAPE, percentText)
  return { text: raw, offsetOf: (index) => slot.start + index }
}

function undo(raw: string, start: number, escape: RegExp, textOf: (match: RegExpExecArray) => string): SlotText {
  const offsets = new Uint32Array(raw.length + 1)
  const pieces: string[] = []
  let length = 0
  let at = 0
  const add = (piece: string, from: number, step: 0 | 1): void => {
    for (let index = 0; index < piece.length; index++) offsets[length++] = start + from + index * step
    pieces.push(piece)
  }
  for (const match of raw.matchAll(escape)) {
    add(raw.slice(at, match.index), at, 1)
    add(textOf(match), match.index, 0)
    at = match.index + match[0].length
  }
  add(raw.slice(at), at, 1)
  return { text: pieces.join(''), offsetOf: (index) => (index < length ? (offsets[index] ?? 0) : start + raw.length) }
}

function jsonText([, unicode, simple = '']: RegExpExecArray): string {
  if (unicode === undefined) return SIMPLE.get(simple) ?? simple
  return Buffer.from(String.fromCharCode(Number.parseInt(unicode, 16))).toString('latin1')
}

function percentText([, hex]: RegExpExecArray): string {
  return hex === undefined ? ' ' : String.fromCharCode(Number.parseInt(hex, 16))
}
