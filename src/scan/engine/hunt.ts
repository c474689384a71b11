/** One search through one message: what is looked for, where, at whose cost, and what was found. All its views share it. */

import type { Finding } from '../../model/finding.ts'
import type { SecretRule } from '../dlp/secret-rule.ts'
import type { ScanContext, Segment } from '../layer.ts'
import { isKnownHost } from '../destination/known-hosts.ts'
import type { CompiledRules } from './compile-rules.ts'
import type { RuleMatch, Search } from './probe.ts'
import type { TextWindow } from './text-window.ts'
import { UNDONE, type UndoneName } from './text-window.ts'

/** What all views of a message may decode, as a multiple of its bytes, and beside it. */
const DECODE_FACTOR = 12
const DECODE_FREE_BYTES = 1_048_576

const UNDONE_NAMES = Object.entries(UNDONE) as readonly (readonly [UndoneName, number])[]

/** A body that was decoded as a whole: offsets in what it decodes to are of no use to anyone. */
interface CodedBody {
  readonly views: readonly string[]
  readonly end: number
}

export class Hunt implements Search {
  readonly rules: CompiledRules
  readonly context: ScanContext
  place: Search['place']
  #findings: Finding[] = []
  #seen = new Set<string>()
  /** Subtracted from offsets: where the segment's own bytes begin in the text that is scanned. */
  #offset = 0
  #coded: CodedBody | undefined
  #budget = DECODE_FREE_BYTES
  #steps = 0
  #isJoining = false

  constructor(rules: CompiledRules, context: ScanContext) {
    this.rules = rules
    this.context = context
    const standing = isKnownHost(context.host) ? 'known' : (context.standing ?? 'seen')
    this.place = { kind: 'body', segment: '', host: context.host, direction: context.direction, standing }
  }

  /** @param offset what stands before the segment's own bytes in the text */
  enter({ kind, name }: Segment, offset = 0, coded?: CodedBody): void {
    this.place = { ...this.place, kind, segment: name }
    this.#offset = offset
    this.#coded = coded
    if (this.#seen.size > 0) this.#seen = new Set()
  }

  /** Bytes arrived: they may cost a multiple of themselves. */
  grant(bytes: number): void {
    this.#budget += bytes * DECODE_FACTOR
    this.#steps += bytes
  }

  /** @returns whether `bytes` more may be decoded; where not, that is a finding of its own */
  mayDecode(bytes: number, at: number): boolean {
    if (this.#budget >= bytes) {
      this.#budget -= bytes
      this.#steps += bytes
      return true
    }
    this.#add({ rule: 'scan.decode_budget', severity: 'high', views: [], start: at, end: at })
    return false
  }

  /** Counts bytes that were looked at: the measure of work, independent of any clock. */
  work(steps: number): void {
    this.#steps += steps
  }

  get isJoining(): boolean {
    return this.#isJoining
  }

  get steps(): number {
    return this.#steps
  }

  /** The provider's own credential on its way to the provider, in the part of the request where it takes it. */
  isHome({ homes }: SecretRule): boolean {
    const { host, kind, direction } = this.place
    return direction === 'request' && homes !== undefined && homes.kinds.includes(kind) && homes.hosts.some((home) => host === home || host.endsWith(`.${home}`))
  }

  /** What is reported meanwhile stands in text put together of pieces: only what does so by no chance counts, and only over a seam. */
  joining(scan: () => void): void {
    this.#isJoining = true
    scan()
    this.#isJoining = false
  }

  report({ rule, severity, start, end, reading }: RuleMatch, text: TextWindow): void {
    if (this.#isJoining) {
      this.#reportJoined(rule, severity, [text.originOf(start), text.originOf(end - 1)], end - start)
      return
    }
    const from = Math.max(0, text.originOf(start) - this.#offset)
    const to = Math.max(from, text.originOf(end) - this.#offset)
    this.#add({ rule, severity, views: [...viewsOf(undoneRound(text, start, end)), ...(reading === undefined ? [] : [reading])], start: from, end: to })
  }

  #reportJoined(rule: string, severity: Finding['severity'], [first, last]: readonly [number, number], length: number): void {
    const isSeamless = last - first === length - 1
    if (isSeamless || !this.rules.joinable.has(rule)) return
    // A whole one that runs on into the next piece was found where it stands.
    if (this.#seen.has(`${rule} ${first - this.#offset}`)) return
    const [from, to] = [Math.min(first, last), Math.max(first, last) + 1]
    this.#add({ rule, severity, views: ['split'], start: Math.max(0, from - this.#offset), end: Math.max(0, to - this.#offset) })
  }

  /** Tells of a span of the segment that is told by no rule of credentials. */
  addSpan(rule: string, severity: Finding['severity'], start: number, end: number): void {
    this.#add({ rule, severity, views: [], start, end })
  }

  /** @returns what was found since the last call */
  take(): readonly Finding[] {
    const { length } = this.#findings
    if (length === 0) return NONE
    const taken = this.#findings
    this.#findings = []
    return taken
  }

  #add(found: Pick<Finding, 'rule' | 'severity' | 'views' | 'start' | 'end'>): void {
    // The first view that shows a match tells it; `scan.` findings concern the whole segment.
    const key = found.rule.startsWith('scan.') ? found.rule : `${found.rule} ${found.start}`
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    const place = { kind: this.place.kind, segment: this.place.segment }
    const coded = this.#coded
    this.#findings.push(coded === undefined ? { ...found, ...place } : { ...found, ...place, views: [...coded.views, ...found.views], start: 0, end: coded.end })
  }
}

const NONE: readonly Finding[] = []

function viewsOf(bits: number): readonly UndoneName[] {
  return bits === 0 ? [] : UNDONE_NAMES.filter(([, bit]) => (bits & bit) !== 0).map(([name]) => name)
}

/** A match that was not touched itself may owe its boundary to what was undone beside it. */
function undoneRound(text: TextWindow, start: number, end: number): number {
  const within = text.undoneIn(start, end)
  return within === 0 ? text.undoneIn(Math.max(text.floor, start - 1), Math.min(text.end, end + 1)) : within
}
