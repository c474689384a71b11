/** The hits of one view that wait to be decided, in the order in which they were met. */

import type { Run } from './run-finder.ts'
import type { RunRule } from './compile-rules.ts'
import type { Candidate, Needle, RuleMatch, Sight } from './probe.ts'

/** No match begins further before the end of its literal, so what was met later than this begins later, too. */
const MAX_WALK_BACK = 600
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
      const { min = 0, max = 0, next, first } = row.run ?? {}
      if (end - start < min || end - start > max) continue
      if (next !== undefined && sight.text.at(end) !== next.charCodeAt(0)) continue
      if (first !== undefined && !first.includes(String.fromCharCode(sight.text.at(start)))) continue
      this.#waiting.push({ needle, start, literalStart: start, literalEnd: end })
    }
  }

  /** Decides what can be decided. Strictly in order, so that the same text gives the same findings however it arrives. */
  settle(sight: Sight): void {
    while (this.#next < this.#waiting.length) {
      const candidate = this.#waiting[this.#next]
      if (candidate === undefined) break
      const windowEnd = candidate.needle.probe.windowEnd(sight, candidate)
      if (windowEnd === undefined) return
      this.#next++
      sight.hunt.work(windowEnd - candidate.start)
      const match = candidate.needle.probe.confirm(sight, candidate, windowEnd)
      if (match !== undefined) this.#report(sight, match)
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

  #report({ text, hunt }: Sight, match: RuleMatch): void {
    if (match.start < (this.#lastEnds.get(match.rule) ?? 0)) return
    this.#lastEnds.set(match.rule, match.end)
    hunt.report(match, text)
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
