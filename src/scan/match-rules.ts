/**
 * Looks for credentials in one stretch of bytes: one pass over the literals of all rules, and only where one stands the
 * rule's shape on a bounded window. No text is kept.
 */

import { BASE64 } from './byte-class.ts'
import type { CompiledRules, MatchableRule } from './compile-rules.ts'
import type { MatchPlace, Severity } from './dlp/secret-rule.ts'

export interface RuleMatch {
  readonly rule: string
  readonly severity: Severity
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

/** A run of characters that may hold encoded bytes. */
export interface Run {
  readonly start: number
  readonly end: number
}

export interface Matched {
  readonly matches: readonly RuleMatch[]
  /** Where the first thing begins that more bytes might still make a match; the length where there is none. */
  readonly openFrom: number
  /** Maximal runs of base64 characters of at least `MIN_RUN`. */
  readonly runs: readonly Run[]
}

export const MIN_RUN = 24
const BEFORE_BYTES = 512
/** A custom pattern sees the text in windows of this size, overlapping by the longest match that is promised. */
const CUSTOM_WINDOW = 65_536
const CUSTOM_REACH = 1024

type Place = Omit<MatchPlace, 'before'>

// eslint-disable-next-line complexity -- the hot loop: every ?? is a guard of an index that exists
export function matchRules(bytes: Buffer, rules: CompiledRules, place: Place): Matched {
  const finder = new Finder(bytes, place)
  const { table, firstHit, hits, depth } = rules.literals
  let state = 0
  for (let at = 0; at < bytes.length; at++) {
    state = table[(state << 8) | (bytes[at] ?? 0)] ?? 0
    if (state < firstHit) continue
    for (const { value, length } of hits[state - firstHit] ?? []) finder.tryAt(value, at + 1 - length, at + 1)
  }
  if (depth[state] !== undefined) finder.openFrom = Math.min(finder.openFrom, bytes.length - (depth[state] ?? 0))
  const runs = findRuns(bytes)
  for (const rule of rules.runs) for (const run of runs) finder.tryRun(rule, run)
  for (const custom of rules.custom) finder.tryCustom(custom)
  return { matches: finder.matches, openFrom: finder.openFrom, runs: runs.filter(({ start, end }) => end - start >= MIN_RUN) }
}

class Finder {
  readonly matches: RuleMatch[] = []
  openFrom: number
  readonly #bytes: Buffer
  readonly #place: Place
  readonly #lastEnd = new Map<string, number>()

  constructor(bytes: Buffer, place: Place) {
    this.#bytes = bytes
    this.#place = place
    this.openFrom = bytes.length
  }

  tryAt(rule: MatchableRule, literalStart: number, literalEnd: number): void {
    const { row } = rule
    const start = row.back === undefined ? literalStart : this.#walkBack(literalStart, row.back)
    if (start > 0 && row.notAfter[this.#bytes[start - 1] ?? 0] === 1) return
    if (start < (this.#lastEnd.get(row.rule) ?? 0)) return
    const limit = literalEnd + row.reach
    if (limit > this.#bytes.length && this.#isOpen(row.alphabet, literalEnd)) this.openFrom = Math.min(this.openFrom, start)
    this.#confirm(rule, start, Math.min(limit, this.#bytes.length))
  }

  tryRun(rule: MatchableRule, { start, end }: Run): void {
    const { run } = rule.row
    if (run === undefined || end - start < run.min || end - start > run.max) return
    if (run.next !== undefined && this.#bytes[end] !== run.next.charCodeAt(0)) return
    if (run.first !== undefined && !run.first.includes(String.fromCharCode(this.#bytes[start] ?? 0))) return
    this.#confirm(rule, start, Math.min(end + rule.row.reach, this.#bytes.length))
  }

  tryCustom({ rule, severity, pattern }: { rule: string; severity: Severity; pattern: RegExp }): void {
    for (let from = 0; from < this.#bytes.length; from += CUSTOM_WINDOW - CUSTOM_REACH) {
      const text = this.#bytes.toString('latin1', from, from + CUSTOM_WINDOW)
      for (const match of text.matchAll(pattern)) {
        const start = from + match.index
        if (match[0] === '' || start < (this.#lastEnd.get(rule) ?? 0)) continue
        this.#lastEnd.set(rule, start + match[0].length)
        this.matches.push({ rule, severity, start, end: start + match[0].length })
      }
    }
    this.openFrom = Math.min(this.openFrom, Math.max(0, this.#bytes.length - CUSTOM_REACH))
  }

  #confirm({ row, sticky }: MatchableRule, start: number, limit: number): void {
    sticky.lastIndex = 0
    const match = sticky.exec(this.#bytes.toString('latin1', start, limit))
    if (match === null || match[0] === '') return
    const place: MatchPlace = { ...this.#place, before: () => this.#bytes.toString('latin1', Math.max(0, start - BEFORE_BYTES), start) }
    const severity = row.judge === undefined ? row.severity : row.judge(match[0], place)
    const end = start + match[0].length
    if (severity === undefined || this.#isHome(row)) return
    this.#lastEnd.set(row.rule, end)
    this.matches.push({ rule: row.rule, severity, start, end })
  }

  /** The provider's own credential on its way to the provider, in the part of the request where it takes it. */
  #isHome({ homes }: MatchableRule['row']): boolean {
    const { host, kind, direction } = this.#place
    return direction === 'request' && homes !== undefined && homes.kinds.includes(kind) && homes.hosts.some((home) => host === home || host.endsWith(`.${home}`))
  }

  #walkBack(from: number, back: { readonly class: Uint8Array; readonly max: number }): number {
    let at = from
    while (at > 0 && from - at < back.max && back.class[this.#bytes[at - 1] ?? 0] === 1) at--
    return at
  }

  #isOpen(alphabet: Uint8Array, from: number): boolean {
    for (let at = from; at < this.#bytes.length; at++) if (alphabet[this.#bytes[at] ?? 0] !== 1) return false
    return true
  }
}

function findRuns(bytes: Buffer): Run[] {
  const runs: Run[] = []
  let start = -1
  for (let at = 0; at <= bytes.length; at++) {
    const inside = at < bytes.length && BASE64[bytes[at] ?? 0] === 1
    if (inside && start < 0) start = at
    if (inside || start < 0) continue
    if (at - start >= MIN_RUN - 1) runs.push({ start, end: at })
    start = -1
  }
  return runs
}
