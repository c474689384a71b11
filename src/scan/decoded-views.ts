/** Decoded forms of a stretch of bytes, each with the way back to the original offsets. Tolerant: what is malformed stays as it is. */

import type { Run } from './match-rules.ts'

export interface View {
  readonly name: 'percent' | 'escape' | 'base64' | 'hex'
  readonly bytes: Buffer
  /** Original offset of each byte, and of the end. */
  readonly origin: Uint32Array
}

const PERCENT = 0x25
const BACKSLASH = 0x5c
const MAX_PERCENT_DEPTH = 3
/** What all runs of one stretch may decode to, as a multiple of its length. */
const DECODE_BUDGET = 2
const HEX_RUN = /[0-9a-fA-F]{24,}/g
const ESCAPES: ReadonlyMap<string, number> = new Map([['n', 10], ['r', 13], ['t', 9], ['b', 8], ['f', 12], ['/', 47], ['\\', 92], ['"', 34]])

/** @returns the fixpoint of percent decoding, at most three deep; `undefined` where nothing is encoded */
export function percentView(bytes: Buffer): View | undefined {
  let view: View | undefined
  for (let depth = 0; depth < MAX_PERCENT_DEPTH; depth++) {
    const from = view?.bytes ?? bytes
    const next = from.includes(PERCENT) ? substitute(from, 'percent', percentAt) : undefined
    if (next === undefined) break
    view = view === undefined ? next : { ...next, origin: next.origin.map((at) => view?.origin[at] ?? 0) }
  }
  return view
}

/** @returns backslash escapes of JSON and of most languages undone; `undefined` where there are none */
export function escapeView(bytes: Buffer): View | undefined {
  return bytes.includes(BACKSLASH) ? substitute(bytes, 'escape', escapeAt) : undefined
}

/** @returns what the runs of base64 or hexadecimal decode to, in order, within the byte budget */
export function encodedViews(bytes: Buffer, runs: readonly Run[]): View[] {
  let budget = bytes.length * DECODE_BUDGET
  const views: View[] = []
  for (const run of runs) {
    if (budget < run.end - run.start) break
    budget -= run.end - run.start
    const text = bytes.toString('latin1', run.start, run.end)
    for (const { 0: hex, index } of text.matchAll(HEX_RUN)) {
      const span = { start: run.start + index, end: run.start + index + hex.length }
      for (const shift of [0, 1]) views.push(wholeRun('hex', Buffer.from(hex.slice(shift), 'hex'), span))
    }
    // A prefix of another alphabet shifts the quads: all four alignments are tried.
    for (let shift = 0; shift < 4; shift++) views.push(wholeRun('base64', Buffer.from(text.slice(shift), 'base64'), run))
  }
  return views.filter(({ bytes: decoded }) => decoded.length > 0)
}

/** A run is replaced as a unit: every decoded byte stands for the whole of it. */
function wholeRun(name: 'base64' | 'hex', bytes: Buffer, { start, end }: Run): View {
  const origin = new Uint32Array(bytes.length + 1).fill(start)
  origin[bytes.length] = end
  return { name, bytes, origin }
}

interface Substitution {
  readonly decoded: Buffer
  readonly length: number
}

function substitute(bytes: Buffer, name: View['name'], at: (bytes: Buffer, offset: number) => Substitution | undefined): View | undefined {
  const out = Buffer.allocUnsafe(bytes.length)
  const origin = new Uint32Array(bytes.length + 1)
  let written = 0
  let changed = false
  for (let from = 0; from < bytes.length; ) {
    const found = at(bytes, from)
    changed ||= found !== undefined
    const piece = found?.decoded ?? bytes.subarray(from, from + 1)
    for (const byte of piece) {
      out[written] = byte
      origin[written++] = from
    }
    from += found?.length ?? 1
  }
  origin[written] = bytes.length
  return changed ? { name, bytes: out.subarray(0, written), origin: origin.subarray(0, written + 1) } : undefined
}

function percentAt(bytes: Buffer, at: number): Substitution | undefined {
  if (bytes[at] !== PERCENT) return undefined
  const digits = bytes.toString('latin1', at + 1, at + 3)
  return /^[0-9a-fA-F]{2}$/.test(digits) ? { decoded: Buffer.of(Number.parseInt(digits, 16)), length: 3 } : undefined
}

function escapeAt(bytes: Buffer, at: number): Substitution | undefined {
  if (bytes[at] !== BACKSLASH) return undefined
  const text = bytes.toString('latin1', at + 1, at + 6)
  const unicode = /^u([0-9a-fA-F]{4})/.exec(text)?.[1] ?? /^x([0-9a-fA-F]{2})/.exec(text)?.[1]
  if (unicode !== undefined) return { decoded: Buffer.from(String.fromCharCode(Number.parseInt(unicode, 16))), length: unicode.length + 2 }
  const simple = ESCAPES.get(text.slice(0, 1))
  return simple === undefined ? undefined : { decoded: Buffer.of(simple), length: 2 }
}
