/** What is done about a hit of the automaton: whether it may begin a match, how much text that takes, and whether it is one. */

import type { MatchPlace, SecretRule, Severity } from '../dlp/secret-rule.ts'
import type { TextWindow } from './text-window.ts'
import type { ClassRuns } from './class-runs.ts'

/** A hit that waits for the bytes that decide it. */
export interface Candidate {
  readonly needle: Needle
  /** Where the match begins, if it is one. */
  readonly start: number
  readonly literalStart: number
  readonly literalEnd: number
}

export interface RuleMatch {
  readonly rule: string
  readonly severity: Severity
  readonly start: number
  /** Exclusive. */
  readonly end: number
  /** How the text has to be read, where not as it stands. */
  readonly reading?: 'reversed' | 'rot13'
}

/** The search that a text is looked through for. */
export interface Search {
  /** Whether the text at hand is put together of pieces, so that what stands before one is no context. */
  readonly isJoining: boolean
  readonly place: Omit<MatchPlace, 'before' | 'isDecoded'>
  /** The provider's own credential on its way to the provider. */
  isHome(row: SecretRule): boolean
  /** Counts bytes that were looked at. */
  work(steps: number): void
  report(match: RuleMatch, text: TextWindow): void
}

/** What a probe looks at: the text of one view, and what is remembered of it. */
export interface Sight {
  readonly text: TextWindow
  readonly runs: ClassRuns
  readonly hunt: Search
  /** Whether nothing comes behind `text.end`. */
  readonly isLast: boolean
  /** Whether the text was decoded from a run of base64, hexadecimal or base32. */
  readonly isDecoded: boolean
  /** Whether the text begins in the middle of another. */
  readonly isMidText: boolean
}

export interface Probe {
  /** Id of the rule: a match is not looked for inside of an earlier one of the same rule. */
  readonly rule: string
  /** @returns where a match round this literal would begin, or `undefined` where none can */
  startAt(sight: Sight, literalStart: number, literalEnd: number): number | undefined
  /** @returns where the text that decides ends, or `undefined` while it is not all there */
  windowEnd(sight: Sight, candidate: Candidate): number | undefined
  confirm(sight: Sight, candidate: Candidate, windowEnd: number): RuleMatch | undefined
}

/** A literal of the automaton. */
export interface Needle {
  readonly probe: Probe
  /** The literal in exact case, where the case counts; a 0 digit stands for any digit only where `anyDigit`. */
  readonly exact?: Uint8Array
  readonly anyDigit?: boolean
}
