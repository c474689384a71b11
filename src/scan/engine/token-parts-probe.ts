/** Confirms a token of parts with dots between them: each part is walked once, however many tokens seem to begin in it. */

import { TOKEN } from './byte-class.ts'
import type { SecretRule } from '../dlp/secret-rule.ts'
import type { Candidate, Probe, RuleMatch, Sight } from './probe.ts'
import { RuleProbe } from './rule-probe.ts'

const DOT = 0x2e

export class TokenPartsProbe implements Probe {
  readonly rule: string
  readonly #probe: RuleProbe
  readonly #longest: readonly number[]

  /** @param longest bytes of each part; every part but the last is followed by a dot */
  constructor(row: SecretRule, longest: readonly number[]) {
    this.rule = row.rule
    this.#probe = new RuleProbe(row)
    this.#longest = longest
  }

  startAt(sight: Sight, literalStart: number): number | undefined {
    return this.#probe.startAt(sight, literalStart)
  }

  /** Where the parts are not all there, nothing is looked at: the window is empty. */
  windowEnd({ text, runs, isLast }: Sight, { start, literalEnd }: Candidate): number | undefined {
    let [from, end] = [start, literalEnd]
    for (const [at, longest] of this.#longest.entries()) {
      end = runs.endOfRun(text, TOKEN, Math.max(from, literalEnd))
      if (end - from > longest) return at === this.#longest.length - 1 ? from + longest : start
      if (end >= text.end && !isLast) return undefined
      if (at === this.#longest.length - 1) break
      if (text.at(end) !== DOT || end >= text.end) return start
      from = end + 1
    }
    return Math.min(end + 1, text.end)
  }

  confirm(sight: Sight, candidate: Candidate, windowEnd: number): RuleMatch | undefined {
    return windowEnd <= candidate.literalEnd ? undefined : this.#probe.confirm(sight, candidate, windowEnd)
  }
}
