/** The scan of an answer: clears it chunk by chunk. With a profile that lets credentials be read, it only counts as cleared. */

import type { Clock } from '../base/clock.ts'
import type { Cleared } from '../model/cleared.ts'
import type { Denial } from '../model/denial.ts'
import type { ResponseHead } from '../model/exchange.ts'
import type { Finding } from '../model/finding.ts'
import { openScan, type MessageScan, type Segment } from '../scan/index.ts'
import { noteSeverity, type Passage } from './passage.ts'
import { responseAction } from './response-action.ts'
import { ResponseRewrite } from './rewrite-response.ts'
import { withoutSuppressed } from './suppress-findings.ts'

export interface ResponseScreen {
  /** @returns why the answer is refused because of its head */
  head(head: ResponseHead): Denial | undefined
  /** @returns the head as it may go on: a body that may be rewritten has no length and no digest yet */
  shape(head: ResponseHead): ResponseHead
  /** @returns what may go on to the caller now (may be empty: the rest is held back until it is decided), or the refusal */
  push(chunk: Buffer): Cleared<Buffer> | Denial
  /** @returns what was held back, or the refusal */
  finish(): Cleared<Buffer> | Denial
}

const EMPTY = Buffer.alloc(0)

export function createResponseScreen(passage: Passage, clock: Clock): ResponseScreen {
  return passage.profile.dlp.responseAction === 'allow' ? OPEN_SCREEN : new ScanningScreen(passage, clock)
}

const OPEN_SCREEN: ResponseScreen = {
  head: () => undefined,
  shape: (head) => head,
  push: (chunk) => chunk as Cleared<Buffer>,
  finish: () => EMPTY as unknown as Cleared<Buffer>,
}

/** Cleared pieces together are cleared. */
export function joinCleared(pieces: readonly Cleared<Buffer>[]): Cleared<Buffer> {
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : (Buffer.concat(pieces) as Buffer as Cleared<Buffer>)
}

const BODY: Segment = { kind: 'body', name: '' }

/** Scans head and body with state carried across chunks, and holds back what an unfinished match may still claim. */
class ScanningScreen implements ResponseScreen {
  readonly #passage: Passage
  readonly #clock: Clock
  readonly #rewrite: ResponseRewrite
  #scan: MessageScan | undefined
  #pending: Buffer = EMPTY
  /** Of the first pending byte, in the body. */
  #offset = 0

  constructor(passage: Passage, clock: Clock) {
    this.#passage = passage
    this.#clock = clock
    this.#rewrite = new ResponseRewrite(passage)
  }

  head(head: ResponseHead): Denial | undefined {
    const { profile, exchange } = this.#passage
    const { host, scheme } = exchange.head.target
    this.#rewrite.begin(head)
    const scan = openScan({ direction: 'response', dlp: profile.dlp, host, scheme })
    this.#scan = scan
    const found: Finding[] = []
    for (let i = 0; i < head.headers.length; i += 2) {
      const field: Segment = { kind: 'header', name: (head.headers[i] ?? '').toLowerCase() }
      found.push(...scan.write(field, Buffer.from(head.headers[i + 1] ?? '', 'latin1')), ...scan.endSegment())
    }
    return this.#judge(found)
  }

  shape(head: ResponseHead): ResponseHead {
    return this.#rewrite.shape(head)
  }

  push(chunk: Buffer): Cleared<Buffer> | Denial {
    const scan = this.#scan
    if (scan === undefined) return { reason: 'internal_error', detail: 'a body before its head' }
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    const denial = this.#judge(scan.write(BODY, chunk))
    return denial ?? this.#release(scan.heldBack)
  }

  finish(): Cleared<Buffer> | Denial {
    const denial = this.#judge([...(this.#scan?.endSegment() ?? []), ...(this.#scan?.end() ?? [])])
    return denial ?? this.#release(0)
  }

  #release(heldBack: number): Cleared<Buffer> {
    const until = Math.max(this.#offset, this.#offset + this.#pending.length - heldBack)
    const { bytes, next } = this.#rewrite.release(this.#pending, this.#offset, until)
    this.#pending = this.#pending.subarray(next - this.#offset)
    this.#offset = next
    return bytes as Cleared<Buffer>
  }

  #judge(found: readonly Finding[]): Denial | undefined {
    const { profile, exchange } = this.#passage
    const findings = withoutSuppressed(found, profile.suppress, { target: exchange.head.target, nowMs: this.#clock.nowMs() })
    if (findings.length === 0) return undefined
    noteSeverity(this.#passage, findings)
    const action = responseAction(this.#passage)
    if (action === 'rewrite' && this.#rewrite.take(findings, this.#pending, this.#offset)) return undefined
    const rules = [...new Set(findings.map(({ rule }) => rule))]
    if (action !== 'warn') return { reason: 'response_secret', detail: rules.join(' ') }
    for (const rule of rules) if (!this.#passage.warnings.includes(rule)) this.#passage.warnings.push(rule)
    return undefined
  }
}
