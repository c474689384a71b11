/** The hits of one view that wait to be decided, in the order in which they were met. */

import type { Run } from './run-finder.ts'
import type { RunRule } from './compile-rules.ts'
import type { Candidate, Needle, Sight } from './probe.ts'

/** No match begins further before the end of its literal, so what was met later than this begins later, too. */
const MAX_WALK_BACK = 600
const NO_RUN = { min: 1, max: 0, next: '', first: '' }
const FIRST_DIGIT = 0x30
const LAST_DIGIT = 0x39

export class Candidates {
  #waiting: Candidate[] = []
  #next = 0
  readonly #lastEnds = new Map<string, number>()

  reset(): void {
    if (this.#waiting.length > 0) this.#waiting = []
    this.#next = 0
    if (this.#lastEnds.size > 0) this.#lastEnds.clear()
  }

  /** A literal of the automaton ends at `literalEnd`. */
  note(sight: Sight, needle: Needle, literalEnd: number, length: number): void {
    const literalStart = literalEnd - length
    // A literal that began before what is at hand cannot be: the text is kept from the first byte that may belong to one.
    if (needle.exact !== undefined && !isExact(sight, needle, literalStart)) return
    const start = needle.probe.startAt(sight, literalStart, literalEnd)
    // What begins with the first byte of a text that was cut out of another has an unknown past, and is found in the whole.
    if (start !== undefined && (start > 0 || !sight.isMidText)) this.#waiting.push({ needle, start, literalStart, literalEnd })
  }

  /** A run of base64 characters ended: some rules look at those. */
  noteRun(sight: Sight, rules: readonly RunRule[], { start, end }: Run): void {
    for (const { row, needle } of rules) {
      const { min, max, next = '', first } = row.run ?? NO_RUN
      const isLong = end - start >= min && end - start <= max
      const isFramed = isLong && sight.text.text(end, end + next.length) === next && first?.includes(sight.text.text(start, start + 1)) !== false
      if (isFramed) this.#waiting.push({ needle, start, literalStart: start, literalEnd: end })
    }
  }

  /** Decides what can be decided. Strictly in order, so that the same text gives the same findings however it arrives. */
  settle(sight: Sight): void {
    while (this.#next < this.#waiting.length) {
      const candidate = this.#waiting[this.#next]
      if (candidate === undefined) break
      const { probe } = candidate.needle
      if (candidate.start < (this.#lastEnds.get(probe.rule) ?? 0)) {
        this.#next++
        continue
      }
      const windowEnd = probe.windowEnd(sight, candidate)
      if (windowEnd === undefined) return
      this.#next++
      sight.hunt.work(windowEnd - candidate.start)
      const match = probe.confirm(sight, candidate, windowEnd)
      if (match === undefined) continue
      this.#lastEnds.set(match.rule, match.end)
      sight.hunt.report(match, sight.text)
    }
    if (this.#waiting.length > 0) this.#waiting = []
    this.#next = 0
  }

  /** Gives up what is not decided. */
  abandon(): void {
    this.#waiting = []
    this.#next = 0
  }

  /** @returns the first byte of anything that waits, or `otherwise` */
  openFrom(otherwise: number): number {
    const first = this.#waiting[this.#next]
    if (first === undefined) return otherwise
    let from = Math.min(otherwise, first.start)
    for (let at = this.#next + 1; at < this.#waiting.length; at++) {
      const other = this.#waiting[at]
      if (other === undefined || other.literalEnd > first.literalEnd + MAX_WALK_BACK) break
      from = Math.min(from, other.start)
    }
    return from
  }

}

function isExact({ text }: Sight, { exact = new Uint8Array(), anyDigit }: Needle, from: number): boolean {
  for (let at = 0; at < exact.length; at++) {
    const byte = text.at(from + at)
    if (byte === exact[at]) continue
    if (anyDigit !== true || exact[at] !== FIRST_DIGIT || byte < FIRST_DIGIT || byte > LAST_DIGIT) return false
  }
  return true
}
