/** Confirms a named value: the name must end with the literal, and the value must be there to its end. */

import { TOKEN } from './byte-class.ts'
import type { SecretRule } from '../dlp/secret-rule.ts'
import type { Candidate, Probe, RuleMatch, Sight } from './probe.ts'
import { RuleProbe } from './rule-probe.ts'
import type { TextWindow } from './text-window.ts'

/** Between a name and its value stands no more than this. */
const MAX_GAP = 24
const GAP = Uint8Array.from({ length: 256 }, (_, byte) => Number('"\'`\\] \t\r\n=:>%3AaDd,valueVALUE'.includes(String.fromCharCode(byte)) && byte < 128))
/** What may follow a name directly if a value comes. */
const AFTER_NAME = Uint8Array.from({ length: 256 }, (_, byte) => Number('"\'`\\] \t=:>%'.includes(String.fromCharCode(byte))))
const VALUE_END = Uint8Array.from({ length: 256 }, (_, byte) => Number(byte <= 0x20 || '"\'`<>&,;\\{}()|[]'.includes(String.fromCharCode(byte))))

export class PairProbe implements Probe {
  readonly rule: string
  readonly #probe: RuleProbe

  constructor(row: SecretRule) {
    this.rule = row.rule
    this.#probe = new RuleProbe(row)
  }

  startAt(sight: Sight, literalStart: number): number | undefined {
    return this.#probe.startAt(sight, literalStart)
  }

  windowEnd({ text, isLast }: Sight, { literalEnd }: Candidate): number | undefined {
    const limit = Math.min(text.end, literalEnd + this.#probe.row.reach)
    const isComplete = isLast || literalEnd + this.#probe.row.reach <= text.end
    if (literalEnd >= limit) return isComplete ? limit : undefined
    if (AFTER_NAME[text.at(literalEnd)] !== 1) return literalEnd
    const end = valueEnd(text, literalEnd, limit)
    if (end < limit) return end + 1
    return isComplete ? limit : undefined
  }

  confirm(sight: Sight, candidate: Candidate, windowEnd: number): RuleMatch | undefined {
    if (windowEnd <= candidate.literalEnd || TOKEN[sight.text.at(candidate.literalEnd)] === 1) return undefined
    const match = this.#probe.confirm(sight, candidate, windowEnd)
    if (match === undefined) return undefined
    // The name is no secret: the finding is the value.
    let start = match.end
    while (start > candidate.literalEnd && VALUE_END[sight.text.at(start - 1)] !== 1) start--
    return { ...match, start: Math.max(start, gapEnd(sight, candidate.literalEnd)) }
  }
}

function valueEnd(text: TextWindow, literalEnd: number, limit: number): number {
  let at = literalEnd
  while (at < limit && at - literalEnd < MAX_GAP && GAP[text.at(at)] === 1) at++
  while (at < limit && VALUE_END[text.at(at)] !== 1) at++
  return at
}

/** Where `name=` without a blank ends: its separator is a byte that values may have, too. */
function gapEnd({ text }: Sight, literalEnd: number): number {
  let at = literalEnd
  while (at < text.end && (text.at(at) === 0x3d || text.at(at) === 0x3a)) at++
  return at
}
