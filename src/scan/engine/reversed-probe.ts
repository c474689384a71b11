/** Confirms the hits of a rule in text that was written backwards: the literal ends the match, and what follows it stood before. */

import { BASE64, type ByteClass } from './byte-class.ts'
import type { SecretRule } from '../dlp/secret-rule.ts'
import type { Candidate, Probe, RuleMatch, Sight } from './probe.ts'
import { placeOf } from './rule-probe.ts'

/** A stream holds back the run of characters that is not complete; no reversed match is longer than this. */
const MAX_REVERSED = 256

export class ReversedProbe implements Probe {
  readonly rule: string
  readonly #row: SecretRule
  readonly #sticky: RegExp
  readonly #alphabet: ByteClass

  constructor(row: SecretRule) {
    this.rule = row.rule
    this.#row = row
    // Not beyond the run that a stream holds back.
    this.#alphabet = row.alphabet.map((isMember, byte) => isMember & (BASE64[byte] ?? 0))
    this.#sticky = new RegExp(row.shape.source, 'y')
  }

  startAt({ text }: Sight, literalStart: number): number | undefined {
    const limit = Math.max(text.floor, literalStart - MAX_REVERSED)
    let start = literalStart
    while (start > limit && this.#alphabet[text.at(start - 1)] === 1) start--
    return start === literalStart ? undefined : start
  }

  windowEnd({ text, isLast }: Sight, { literalEnd }: Candidate): number | undefined {
    return literalEnd < text.end || isLast ? literalEnd : undefined
  }

  confirm(sight: Sight, { start, literalEnd }: Candidate): RuleMatch | undefined {
    const { text, hunt } = sight
    if (literalEnd < text.end && this.#row.notAfter[text.at(literalEnd)] === 1) return undefined
    this.#sticky.lastIndex = 0
    const match = this.#sticky.exec(Array.from(text.text(start, literalEnd)).reverse().join(''))?.[0]
    if (match === undefined || match === '' || hunt.isHome(this.#row)) return undefined
    const { rule, judge } = this.#row
    const severity = judge === undefined ? this.#row.severity : judge(match, placeOf(sight, start))
    return severity === undefined ? undefined : { rule, severity, start: literalEnd - match.length, end: literalEnd, reading: 'reversed' }
  }
}
