/** Confirms a block that a first line opens and a last line closes: its head decides, its end only says how far it goes. */

import type { BlockEnd, SecretRule } from '../dlp/secret-rule.ts'
import type { Candidate, Probe, RuleMatch, Sight } from './probe.ts'
import { RuleProbe } from './rule-probe.ts'

const LINE_FEED = 0x0a
const DASH = 0x2d
/** Longest last line, in bytes. */
const LAST_LINE = 64

export class BlockProbe implements Probe {
  readonly rule: string
  readonly #head: RuleProbe
  readonly #block: BlockEnd
  /** What was looked at for the candidate that waits: streams ask again with every chunk. */
  #waiting: { readonly candidate: Candidate; readonly isBlock: boolean; searchedTo: number } | undefined

  constructor(row: SecretRule, block: BlockEnd) {
    this.rule = row.rule
    this.#head = new RuleProbe(row)
    this.#block = block
  }

  startAt(sight: Sight, literalStart: number): number | undefined {
    return this.#head.startAt(sight, literalStart)
  }

  windowEnd(sight: Sight, candidate: Candidate): number | undefined {
    const headEnd = this.#head.windowEnd(sight, candidate)
    if (headEnd === undefined) return undefined
    if (this.#waiting?.candidate !== candidate) {
      this.#waiting = { candidate, isBlock: this.#head.confirm(sight, candidate, headEnd) !== undefined, searchedTo: candidate.literalEnd }
    }
    return this.#waiting.isBlock ? this.#blockEnd(sight, candidate) : headEnd
  }

  confirm(sight: Sight, candidate: Candidate, windowEnd: number): RuleMatch | undefined {
    const match = this.#head.confirm(sight, candidate, Math.min(windowEnd, candidate.literalEnd + this.#head.row.reach))
    this.#waiting = undefined
    return match === undefined ? undefined : { ...match, end: windowEnd }
  }

  /** @returns the end of the last line, or of what is looked through for it; `undefined` while there may be more */
  #blockEnd({ text, isLast }: Sight, { literalEnd }: Candidate): number | undefined {
    const { marker, maxBytes } = this.#block
    const limit = Math.min(text.end, literalEnd + maxBytes)
    const from = this.#waiting?.searchedTo ?? literalEnd
    const found = text.find(marker, from, limit)
    const isComplete = isLast || text.end >= literalEnd + maxBytes + LAST_LINE
    if (found === undefined) {
      if (this.#waiting !== undefined) this.#waiting.searchedTo = Math.max(from, limit - marker.length + 1)
      return isComplete ? limit : undefined
    }
    const lineEnd = endOfLastLine(text, found + marker.length, Math.min(text.end, found + LAST_LINE))
    return lineEnd < text.end || isComplete || text.end >= found + LAST_LINE ? lineEnd : undefined
  }
}

/** Behind the five dashes that close the line, or where the line ends without them. */
function endOfLastLine(text: Sight['text'], from: number, limit: number): number {
  let dashes = 0
  for (let at = from; at < limit; at++) {
    const byte = text.at(at)
    if (byte === LINE_FEED) return at
    dashes = byte === DASH ? dashes + 1 : 0
    if (dashes === 5) return at + 1
  }
  return limit
}
