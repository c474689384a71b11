/**
 * Finds credentials that were split over the fields of a message. The pieces of each field that may belong to one, the token at
 * its end, are put one behind the other in document order and in the opposite one, and scanned once: linear in the message.
 */

import { TOKEN } from '../engine/byte-class.ts'
import type { CompiledRules } from '../engine/compile-rules.ts'
import type { Hunt } from '../engine/hunt.ts'
import { COLUMN_MASK } from '../engine/literal-automaton.ts'
import { UNDONE, type TextWindow } from '../engine/text-window.ts'
import { ViewScan } from '../engine/view-scan.ts'

/** A longer token is found as it is. */
const MAX_PIECE = 256
/** Pieces beyond this are left out: a message of that many fields is a table. */
const MAX_PIECES = 4096
const PERCENT = 0x25

const JOINED = new ViewScan(1)

/** How much of a literal at the end of a piece makes it a beginning; a piece that is nothing else may be shorter. */
const MIN_BEGINNING = 3
const MIN_WHOLE_BEGINNING = 2

export class Pieces {
  /** Places of the pieces, two numbers each. */
  #places: number[] = []
  /** Whether one of them may begin a match: else nothing is put together. */
  #hasBeginning = false
  readonly #rules: CompiledRules

  constructor(rules: CompiledRules) {
    this.#rules = rules
  }

  /** @param from of a field in `bytes`; its last token is taken */
  add(bytes: Buffer, from: number, to: number): void {
    if (this.#places.length >= 2 * MAX_PIECES) return
    let start = to
    while (start > from && to - start <= MAX_PIECE && (TOKEN[bytes[start - 1] ?? 0] === 1 || bytes[start - 1] === PERCENT)) start--
    if (start >= to || to - start > MAX_PIECE) return
    this.#places.push(start, to)
    this.#hasBeginning ||= this.#isBeginning(bytes, start, to)
  }

  /** Scans the pieces joined both ways. */
  scan(hunt: Hunt, text: TextWindow): void {
    if (!this.#hasBeginning || this.#places.length < 4) return
    this.#scanInOrder(hunt, text, 1)
    this.#scanInOrder(hunt, text, -1)
  }

  #isBeginning(bytes: Buffer, from: number, to: number): boolean {
    const { columns, table, shift, firstHit, depth } = this.#rules.beginnings
    let state = 0
    for (let at = from; at < to; at++) {
      // An escape may stand for anything.
      if (bytes[at] === PERCENT) return true
      state = table[(state << shift) | ((columns[bytes[at] ?? 0] ?? 0) & COLUMN_MASK)] ?? 0
      if (state >= firstHit) return true
    }
    const matched = depth[state] ?? 0
    return matched >= MIN_BEGINNING || (matched >= MIN_WHOLE_BEGINNING && matched === to - from)
  }

  #scanInOrder(hunt: Hunt, text: TextWindow, step: 1 | -1): void {
    JOINED.begin(hunt)
    const last = this.#places.length / 2 - 1
    for (let at = 0; at <= last; at++) {
      const piece = 2 * (step === 1 ? at : last - at)
      const [from = 0, to = 0] = this.#places.slice(piece, piece + 2)
      for (let position = from; position < to; position++) JOINED.text.push(text.at(position), text.originOf(position), UNDONE.separators)
    }
    JOINED.text.originEnd = text.originOf(this.#places[step === 1 ? 2 * last + 1 : 1] ?? 0)
    hunt.joining(() => {
      JOINED.advance('complete')
    })
  }
}
