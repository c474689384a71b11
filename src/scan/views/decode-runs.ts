/**
 * Decodes runs of base64, hexadecimal and base32 characters and hands what may be text to the next scan. Long runs are
 * decoded in pieces that overlap, cut at the same places however the text arrives.
 */

import { BASE32, BASE64, HEX, type ByteClass } from '../engine/byte-class.ts'
import type { Hunt } from '../engine/hunt.ts'
import { RunFinder, type Run } from '../engine/run-finder.ts'
import { UNDONE, type TextWindow } from '../engine/text-window.ts'
import type { NestedScan } from '../engine/nested-scan.ts'

/** Shortest run that is decoded: eleven bytes of base64. */
export const MIN_RUN = 16
const PIECE_BYTES = 4096
const OVERLAP_BYTES = 1536
/** Shortest printable stretch that a rule could find something in. */
const MIN_PRINTABLE = 10
const WRAPPED_LINE = 40

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
  for (const alphabet of alphabets) for (const [value, character] of [...alphabet].entries()) values[character.charCodeAt(0)] = value
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

const SCRATCH = new Uint8Array(PIECE_BYTES + 8)

/** One coding in one view. */
export class RunDecoder {
  readonly #coding: Coding
  readonly finder: RunFinder
  /** Where the next piece of the open run begins, if the run is so long that pieces of it were decoded already. */
  #decodedTo = 0

  constructor(coding: Coding) {
    this.#coding = coding
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
      if (longestPrintable(this.#read(text, piece, shift)) < MIN_PRINTABLE) continue
      const next = child()
      next.begin(hunt, isMidRun)
      this.#fill(text, piece, shift, next.text)
      next.text.originEnd = text.originOf(piece.end)
      next.advance(isCut ? 'cut' : 'complete')
    }
  }

  /** @returns the bytes behind the first `shift` symbols, in a buffer that is used again */
  #read(text: TextWindow, { start, end }: Run, shift: number): Uint8Array {
    const { values, bitsPerSymbol } = this.#coding
    let [bits, held, length, skipped] = [0, 0, 0, 0]
    for (let at = start; at < end; at++) {
      const value = values[text.at(at)] ?? NO_VALUE
      if (value === NO_VALUE || skipped++ < shift) continue
      bits = ((bits << bitsPerSymbol) | value) & 0xffff
      held += bitsPerSymbol
      if (held < 8) continue
      held -= 8
      SCRATCH[length++] = (bits >> held) & 0xff
    }
    return SCRATCH.subarray(0, length)
  }

  /** The same with the way back: every byte stands at the symbol that its first bit is in. */
  #fill(text: TextWindow, { start, end }: Run, shift: number, to: TextWindow): void {
    const { values, bitsPerSymbol, name } = this.#coding
    let [bits, held, skipped, first] = [0, 0, 0, start]
    for (let at = start; at < end; at++) {
      const value = values[text.at(at)] ?? NO_VALUE
      if (value === NO_VALUE || skipped++ < shift) continue
      if (held === 0) first = at
      bits = ((bits << bitsPerSymbol) | value) & 0xffff
      held += bitsPerSymbol
      if (held < 8) continue
      held -= 8
      const byte = (bits >> held) & 0xff
      // A text of two bytes per character is read as its characters.
      if (byte !== 0) to.push(byte, text.originOf(first), text.undoneAt(first) | UNDONE[name])
      first = at
    }
  }
}

export function createRunDecoders(): readonly RunDecoder[] {
  return CODINGS.map((coding) => new RunDecoder(coding))
}

function longestPrintable(bytes: Uint8Array): number {
  let [longest, length] = [0, 0]
  for (const byte of bytes) {
    if (byte >= 0x20 && byte < 0x7f) length++
    else if (byte !== 0 && byte !== 0x0a && byte !== 0x0d && byte < 0x80) length = 0
    if (length > longest) longest = length
  }
  return longest
}
