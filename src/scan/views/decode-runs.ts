/**
 * Decodes runs of base64, hexadecimal and base32 characters and hands what may be text to the next scan. Long runs are
 * decoded in pieces that overlap, cut at the same places however the text arrives.
 */

import { BASE32, BASE64, HEX, type ByteClass } from '../engine/byte-class.ts'
import type { Hunt } from '../engine/hunt.ts'
import { RunFinder, type Run } from '../engine/run-finder.ts'
import { UNDONE, type TextWindow } from '../engine/text-window.ts'
import { UTF8_WIDTH } from './utf8-width.ts'
import type { NestedScan } from '../engine/nested-scan.ts'

/** Shortest run that is decoded: eleven bytes of base64. */
export const MIN_RUN = 16
const PIECE_BYTES = 4096
const OVERLAP_BYTES = 1536
/** Shortest printable stretch that a rule could find something in. */
const MIN_PRINTABLE = 10
const WRAPPED_LINE = 40
/** Bytes of text below 0x80, NUL among them. */
const TEXT = Uint8Array.from({ length: 128 }, (_, byte) => Number(byte === 0 || (byte >= 9 && byte <= 13) || (byte >= 0x20 && byte < 0x7f)))

interface Coding {
  readonly name: 'base64' | 'hex' | 'base32'
  readonly members: ByteClass
  readonly bitsPerSymbol: number
  /** How many symbols can be left out in front before the same bytes come out again. */
  readonly alignments: number
  readonly values: Uint8Array
  /** Whether the run can be this coding of any text at all: most words cannot. */
  readonly isPlausible: (run: string) => boolean
}

const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const UPPER = LOWER.toUpperCase()
const NO_VALUE = 255

function valuesOf(...alphabets: readonly string[]): Uint8Array {
  const values = new Uint8Array(256).fill(NO_VALUE)
  for (const alphabet of alphabets) for (const [value, character] of Array.from(alphabet).entries()) values[character.charCodeAt(0)] = value
  return values
}

const CODINGS: readonly Coding[] = [
  {
    name: 'base64', members: BASE64, bitsPerSymbol: 6, alignments: 4, values: valuesOf(`${UPPER}${LOWER}0123456789+/`, `${UPPER}${LOWER}0123456789-_`),
    // Text in base64 has letters of both cases: the upper bits of ASCII see to that.
    isPlausible: (run) => /[A-Z]/.test(run) && /[a-z]/.test(run),
  },
  { name: 'hex', members: HEX, bitsPerSymbol: 4, alignments: 2, values: valuesOf('0123456789abcdef', '0123456789ABCDEF'), isPlausible: () => true },
  {
    name: 'base32', members: BASE32, bitsPerSymbol: 5, alignments: 8, values: valuesOf(`${UPPER}234567`, `${LOWER}234567`),
    isPlausible: (run) => !(/[A-Z]/.test(run) && /[a-z]/.test(run)) && !/^[0-9a-fA-F]+$/.test(run),
  },
]

interface PieceWork {
  readonly text: TextWindow
  readonly hunt: Hunt
  readonly child: () => NestedScan
  readonly isMidRun: boolean
  /** Whether the run goes on behind the piece. */
  readonly isCut: boolean
}

/** Decoded bytes and where each came from, per depth: nested decoding happens while the outer piece is read. */
interface Scratch {
  readonly bytes: Uint8Array
  readonly positions: Uint32Array
}

const SCRATCHES: Scratch[] = []

function scratchOf(depth: number): Scratch {
  return (SCRATCHES[depth] ??= { bytes: new Uint8Array(PIECE_BYTES + 8), positions: new Uint32Array(PIECE_BYTES + 8) })
}

/** One coding in one view. */
export class RunDecoder {
  readonly name: Coding['name']
  readonly #coding: Coding
  readonly #scratch: Scratch
  readonly finder: RunFinder
  /** Where the next piece of the open run begins, if the run is so long that pieces of it were decoded already. */
  #decodedTo = 0

  constructor(coding: Coding, depth: number) {
    this.name = coding.name
    this.#coding = coding
    this.#scratch = scratchOf(depth)
    this.finder = new RunFinder({ members: coding.members, min: MIN_RUN, ...(coding.name !== 'hex' && { wrapsFrom: WRAPPED_LINE }) })
  }

  reset(): void {
    this.finder.reset()
    this.#decodedTo = 0
  }

  /** @param onRun told of every complete run, as far as it is still at hand */
  find(text: TextWindow, hunt: Hunt, isLast: boolean, { child, onRun }: { readonly child: () => NestedScan; readonly onRun: ((run: Run) => void) | undefined }): void {
    this.finder.find(text, isLast, (run) => {
      onRun?.(run)
      this.#decode(text, hunt, run, child)
    })
    const { open } = this.finder
    if (open !== undefined) this.#decodePieces(text, hunt, open, child)
  }

  /** @returns the first position of a run that is not decoded */
  openFrom(text: TextWindow): number {
    return Math.max(this.finder.openFrom(text), Math.min(this.#decodedTo, text.end))
  }

  #decodePieces(text: TextWindow, hunt: Hunt, run: Run, child: () => NestedScan): void {
    let from = Math.max(run.start, this.#decodedTo)
    for (; from + PIECE_BYTES <= run.end; from += PIECE_BYTES - OVERLAP_BYTES) {
      this.#decodePiece({ text, hunt, child, isMidRun: from > run.start, isCut: true }, { start: from, end: from + PIECE_BYTES })
    }
    this.#decodedTo = from
  }

  #decode(text: TextWindow, hunt: Hunt, run: Run, child: () => NestedScan): void {
    this.#decodePieces(text, hunt, run, child)
    const from = Math.max(run.start, this.#decodedTo)
    if (from < run.end) this.#decodePiece({ text, hunt, child, isMidRun: from > run.start, isCut: false }, { start: from, end: run.end })
    this.#decodedTo = 0
  }

  #decodePiece({ text, hunt, child, isMidRun, isCut }: PieceWork, piece: Run): void {
    const { alignments, isPlausible, bitsPerSymbol } = this.#coding
    if (!isPlausible(text.text(piece.start, piece.end))) return
    hunt.work(piece.end - piece.start)
    for (let shift = 0; shift < alignments; shift++) {
      if (!hunt.mayDecode(((piece.end - piece.start) * bitsPerSymbol) >> 3, text.originOf(piece.start))) return
      const length = this.#read(text, piece, shift)
      for (let from = 0; from < length; ) {
        const stretch = nextText(this.#scratch.bytes, from, length)
        if (stretch === undefined) break
        from = stretch.end
        const next = child()
        next.begin(hunt, isMidRun && stretch.start === 0)
        this.#fill(text, stretch, piece.end, next.text)
        next.advance(isCut && stretch.end === length ? 'cut' : 'complete')
      }
    }
  }

  /** Decodes what stands behind the first `shift` symbols. @returns the number of bytes */
  #read(text: TextWindow, { start, end }: Run, shift: number): number {
    const { values, bitsPerSymbol } = this.#coding
    const { bytes, positions } = this.#scratch
    const { bytes: from, base } = text
    let [bits, held, length, skipped, first] = [0, 0, 0, 0, start]
    for (let at = start; at < end; at++) {
      const value = values[from[at - base] ?? 0] ?? NO_VALUE
      if (value === NO_VALUE || skipped++ < shift) continue
      if (held === 0) first = at
      bits = ((bits << bitsPerSymbol) | value) & 0xffff
      held += bitsPerSymbol
      if (held < 8) continue
      held -= 8
      positions[length] = first
      bytes[length++] = (bits >> held) & 0xff
      first = at
    }
    return length
  }

  /** Hands a stretch on with the way back: every byte stands at the symbol that its first bit is in. */
  #fill(text: TextWindow, { start, end }: Run, pieceEnd: number, to: TextWindow): void {
    const { bytes, positions } = this.#scratch
    const bit = UNDONE[this.#coding.name]
    for (let at = start; at < end; at++) {
      const byte = bytes[at] ?? 0
      const position = positions[at] ?? 0
      // A text of two bytes per character is read as its characters.
      if (byte !== 0) to.push(byte, text.originOf(position), text.undoneAt(position) | bit)
    }
    const last = positions[end - 1] ?? 0
    to.originEnd = text.originOf(Math.min(pieceEnd, last + 1 + Number(this.#coding.bitsPerSymbol < 8)))
  }
}

export function createRunDecoders(depth: number): readonly RunDecoder[] {
  return CODINGS.map((coding) => new RunDecoder(coding, depth))
}

/** @returns the next stretch of at least `MIN_PRINTABLE` bytes that can be text: printable, blank, NUL or UTF-8 */
function nextText(bytes: Uint8Array, from: number, length: number): Run | undefined {
  let start = from
  for (let at = from; at < length; ) {
    const width = textWidth(bytes, at)
    if (width > 0) {
      at += width
      continue
    }
    if (at - start >= MIN_PRINTABLE) return { start, end: at }
    at++
    start = at
  }
  return length - start >= MIN_PRINTABLE ? { start, end: length } : undefined
}

/** @returns how many bytes the character of a text takes that begins here; 0 where none does */
function textWidth(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] ?? 0
  if (byte < 0x80) return TEXT[byte] ?? 0
  const width = UTF8_WIDTH[byte] ?? 0
  for (let next = 1; next < width; next++) if (((bytes[at + next] ?? 0) & 0xc0) !== 0x80) return 0
  return width
}
