/** Confirms the hits of a rule by its shape, on a window that ends where the rule's alphabet does. */

import { ANY } from './byte-class.ts'
import type { MatchPlace, SecretRule } from '../dlp/secret-rule.ts'
import type { Candidate, Probe, RuleMatch, Sight } from './probe.ts'
import { UNDONE, type TextWindow } from './text-window.ts'

const BEFORE_BYTES = 512
const HEAD_BYTES = 80
const FIRST_LOWER = 0x61
const FIRST_UPPER = 0x41
const LETTERS = 26
const HALF = 13
const RUN_CODINGS = UNDONE.base64 | UNDONE.hex | UNDONE.base32

/** `rot13`: the text is read as if every letter had been moved by thirteen places. */
export class RuleProbe implements Probe {
  readonly rule: string
  readonly row: SecretRule
  readonly #sticky: RegExp
  readonly #head: RegExp | undefined
  readonly #form: 'plain' | 'rot13'

  constructor(row: SecretRule, form: 'plain' | 'rot13' = 'plain') {
    this.rule = row.rule
    this.row = row
    this.#form = form
    this.#head = row.head
    this.#sticky = new RegExp(row.shape.source, 'y')
  }

  startAt({ text, hunt }: Sight, literalStart: number): number | undefined {
    const { back, notAfter, startOf } = this.row
    const start = back === undefined ? (startOf?.(text, literalStart) ?? literalStart) : this.#walkBack(text, literalStart, back)
    if (start <= text.floor || notAfter[text.at(start - 1)] !== 1) return start
    return hunt.isJoining && Math.abs(text.originOf(start) - text.originOf(start - 1)) > 1 ? start : undefined
  }

  /** As far as the class goes, and from there to the first place where a match may begin. */
  #walkBack(text: TextWindow, literalStart: number, { class: members, max }: NonNullable<SecretRule['back']>): number {
    let start = literalStart
    while (start > text.floor && literalStart - start < max && members[text.at(start - 1)] === 1) start--
    while (start > text.floor && start < literalStart && this.row.notAfter[text.at(start - 1)] === 1) start++
    return start
  }

  windowEnd({ text, runs, isLast }: Sight, { start, literalEnd }: Candidate): number | undefined {
    const { alphabet, reach } = this.row
    const limit = literalEnd + reach
    if (alphabet === ANY) {
      const isKnown = isLast || literalEnd + HEAD_BYTES <= text.end
      if (isKnown && !this.#hasHead(text, start, literalEnd)) return literalEnd
      return isLast || limit <= text.end ? Math.min(limit, text.end) : undefined
    }
    const runEnd = runs.endOfRun(text, alphabet, literalEnd)
    if (runEnd >= text.end && !isLast && limit > text.end) return undefined
    return Math.min(limit, runEnd + 1, text.end)
  }

  #hasHead(text: TextWindow, start: number, literalEnd: number): boolean {
    return this.#head?.test(text.text(start, Math.min(text.end, literalEnd + HEAD_BYTES))) !== false
  }

  confirm(sight: Sight, { start }: Candidate, windowEnd: number): RuleMatch | undefined {
    const { text, hunt } = sight
    const { row } = this
    const window = text.text(start, windowEnd)
    this.#sticky.lastIndex = 0
    const match = this.#sticky.exec(this.#form === 'plain' ? window : rotate(window))?.[0]
    if (match === undefined || match === '' || hunt.isHome(row)) return undefined
    const severity = row.judge === undefined ? row.severity : row.judge(match, placeOf(sight, start))
    if (severity === undefined) return undefined
    return { rule: row.rule, severity, start, end: start + match.length, ...(this.#form === 'rot13' && { reading: 'rot13' }) }
  }
}

export function placeOf({ text, hunt, isDecoded }: Sight, start: number): MatchPlace {
  return { ...hunt.place, isDecoded: isDecoded && (text.undoneAt(start) & RUN_CODINGS) !== 0, before: () => text.text(Math.max(text.floor, start - BEFORE_BYTES), start) }
}

/** @returns the text with every ASCII letter moved by thirteen places: its own inverse */
export function rotate(text: string): string {
  return text.replace(/[A-Za-z]/g, (letter) => {
    const code = letter.charCodeAt(0)
    const first = code >= FIRST_LOWER ? FIRST_LOWER : FIRST_UPPER
    return String.fromCharCode(first + ((code - first + HALF) % LETTERS))
  })
}
