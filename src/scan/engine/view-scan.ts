/**
 * Scans one view of a text as its bytes arrive: a pass over the literals, the runs that may be encoded, and the views that
 * follow from them. Everything is decided at places that the bytes determine, never at the places where chunks end.
 */

import { createRunDecoders, type RunDecoder } from '../views/decode-runs.ts'
import { FoldStage, FOLD_REACH } from '../views/fold-stage.ts'
import { findSeedPhrases } from '../dlp/seed-phrase.ts'
import { joinGroups } from '../views/join-groups.ts'
import { WordPass, type WordSinks } from '../views/word-pass.ts'
import { BASE64, TOKEN } from './byte-class.ts'
import type { RunRule } from './compile-rules.ts'
import { Candidates } from './candidates.ts'
import { ClassRuns } from './class-runs.ts'
import { CustomPass } from './custom-pass.ts'
import type { Hunt } from './hunt.ts'
import type { NestedScan } from './nested-scan.ts'
import { COLUMN_MASK, FLAG_FOLDABLE, type LiteralHit } from './literal-automaton.ts'
import type { Needle, Sight } from './probe.ts'
import { RunFinder, type Run } from './run-finder.ts'
import { TextWindow } from './text-window.ts'

/** Decodings that may follow each other. */
const MAX_DEPTH = 5
/** Candidates are decided at least this often, so that a flood of hits takes no memory. */
const SLICE_BYTES = 16_384
/** What is kept behind the scan: a rule may look this far back, and the folded view begins this far before an escape. */
const KEPT_BYTES = FOLD_REACH + 512
/** How far before its literal a match can begin, beyond the run of characters that is open. */
const MAX_BACK = 64

/** What the checksum of a seed phrase costs, in bytes decoded. */
const CHECKSUM_COST = 8192

/** Shortest run that a rule looks at as a whole. */
const MIN_TOKEN = 23

/** Scans for decoded text, one per depth: a decoded piece is scanned to its end before the next one begins. */
const DECODED: ViewScan[] = []

export class ViewScan implements NestedScan {
  readonly text: TextWindow
  readonly #depth: number
  readonly #runs = new ClassRuns()
  readonly #candidates = new Candidates()
  readonly #custom = new CustomPass()
  readonly #tokens = new RunFinder({ members: TOKEN, min: MIN_TOKEN })
  readonly #decoders: readonly RunDecoder[]
  readonly #fold: FoldStage | undefined
  readonly #words: WordPass | undefined
  #hunt: Hunt | undefined
  #state = 0
  #scannedTo = 0
  /** Whether the text begins in the middle of another: what begins at its first byte has an unknown past. */
  #isMidText = false
  #isUsed = false

  constructor(depth: number) {
    this.#depth = depth
    this.text = new TextWindow(depth > 0)
    this.#decoders = depth < MAX_DEPTH ? createRunDecoders(depth) : []
    this.#words = depth < MAX_DEPTH ? new WordPass() : undefined
    this.#fold = depth < MAX_DEPTH ? new FoldStage(() => new ViewScan(depth + 1)) : undefined
  }

  begin(hunt: Hunt, isMidText = false): void {
    this.#hunt = hunt
    this.#isMidText = isMidText
    if (!this.#isUsed) return
    this.#isUsed = false
    this.text.reset()
    this.#runs.reset()
    this.#candidates.reset()
    this.#custom.reset()
    this.#tokens.reset()
    for (const decoder of this.#decoders) decoder.reset()
    this.#fold?.reset()
    this.#words?.reset()
    this.#state = 0
    this.#scannedTo = 0
  }

  advance(ending: 'open' | 'complete' | 'cut'): void {
    const hunt = this.#hunt
    if (hunt === undefined) return
    this.#isUsed = true
    const { text } = this
    const isLast = ending === 'complete'
    const sight: Sight = { text, runs: this.#runs, hunt, isLast, isDecoded: this.#depth > 0, isMidText: this.#isMidText }
    const flags = this.#pass(sight, hunt)
    this.#findRuns({ ...sight, isLast: ending !== 'open' }, hunt)
    this.#candidates.settle(sight)
    if (ending === 'cut') this.#candidates.abandon()
    this.#custom.find(sight, hunt.rules.custom)
    this.#words?.pass(text, ending !== 'open', this.#wordSinks(hunt))
    this.#fold?.feed(text, hunt, ending !== 'open', (flags & FLAG_FOLDABLE) !== 0)
  }

  abandon(): void {
    this.#candidates.abandon()
  }

  openOrigin(): number {
    const { text } = this
    const depth = this.#hunt?.rules.literals.depth[this.#state] ?? 0
    let from = Math.min(this.#candidates.openFrom(this.#custom.openFrom(text)), this.#tokens.openFrom(text), this.#words?.openFrom(text) ?? text.end)
    for (const decoder of this.#decoders) from = Math.min(from, decoder.openFrom(text))
    if (depth > 0) from = Math.min(from, this.#walkBack(text.end - depth))
    return this.#fold?.openOrigin(text, text.originOf(from)) ?? text.originOf(from)
  }

  forget(): void {
    const { text } = this
    let from = Math.min(this.#candidates.openFrom(text.end), this.#custom.openFrom(text), this.#tokens.openFrom(text), this.#words?.openFrom(text) ?? text.end)
    for (const decoder of this.#decoders) from = Math.min(from, decoder.openFrom(this.text))
    this.text.keepFrom(Math.max(this.text.floor, from - KEPT_BYTES))
  }

  /** The hot loop. @returns the flags of the bytes that went by */
  #pass(sight: Sight, hunt: Hunt): number {
    const { text } = this
    let flags = 0
    for (let to = this.#scannedTo; this.#scannedTo < text.end; ) {
      to = Math.min(text.end, this.#scannedTo + SLICE_BYTES)
      flags |= this.#passSlice(sight, hunt, to)
      this.#scannedTo = to
      if (to < text.end) this.#candidates.settle({ ...sight, isLast: false })
    }
    return flags
  }

  #passSlice(sight: Sight, { rules }: Hunt, to: number): number {
    const { columns, table, shift, firstHit, hits } = rules.literals
    const { bytes, base } = this.text
    const end = to - base
    let state = this.#state
    let flags = 0
    for (let at = this.#scannedTo - base; at < end; at++) {
      const word = columns[bytes[at] ?? 0] ?? 0
      flags |= word
      state = table[(state << shift) | (word & COLUMN_MASK)] ?? 0
      if (state >= firstHit) this.#note(sight, hits[state - firstHit], at + 1 + base)
    }
    this.#state = state
    return flags
  }

  #note(sight: Sight, hits: readonly LiteralHit<Needle>[] | undefined, literalEnd: number): void {
    if (hits === undefined) return
    for (const { value, length } of hits) this.#candidates.note(sight, value, literalEnd, length)
  }

  #findRuns(sight: Sight, hunt: Hunt): void {
    const { text, isLast } = sight
    const child = (): NestedScan => this.#decoded()
    const note = (rules: readonly RunRule[]) => (run: Run) => {
      this.#candidates.noteRun(sight, rules, run)
    }
    this.#tokens.find(text, isLast, note(hunt.rules.runs.token))
    for (const decoder of this.#decoders) decoder.find(text, hunt, isLast, { child, onRun: decoder.name === 'base64' ? note(hunt.rules.runs.base64) : undefined })
  }

  #wordSinks(hunt: Hunt): WordSinks {
    const { text } = this
    return {
      onSeparated: (start, end) => {
        joinGroups(text, hunt, { start, end }, this.#decoded())
      },
      // What must not leave may well be read.
      onPhrase: hunt.place.direction === 'response' || !hunt.rules.hasDefaults ? undefined : (start, end) => {
        hunt.work(end - start)
        for (const found of findSeedPhrases(text.text(start, end), () => hunt.mayDecode(CHECKSUM_COST, text.originOf(start)))) hunt.report({ rule: 'dlp.seed_phrase', severity: 'critical', start: start + found.start, end: start + found.end }, text)
      },
    }
  }

  /** The scan of what is decoded here. */
  #decoded(): NestedScan {
    return (DECODED[this.#depth] ??= new ViewScan(this.#depth + 1))
  }

  #walkBack(position: number): number {
    let from = position
    while (from > this.text.floor && position - from < MAX_BACK && BASE64[this.text.at(from - 1)] === 1) from--
    return from
  }
}
