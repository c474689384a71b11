/** The scan of an answer: clears it chunk by chunk. With a profile that lets credentials be read, it only counts as cleared. */

import type { Clock } from '../base/clock.ts'
import type { Cleared } from '../model/cleared.ts'
import type { Denial } from '../model/denial.ts'
import type { ResponseHead } from '../model/exchange.ts'
import type { Finding } from '../model/finding.ts'
import { openScan, type MessageScan, type Segment } from '../scan/index.ts'
import { isEnforcing } from './enforcing.ts'
import { withoutSuppressed } from './suppress-findings.ts'
import { noteSeverity, type Passage } from './passage.ts'

export interface ResponseScreen {
  /** @returns why the answer is refused because of its head */
  head(head: ResponseHead): Denial | undefined
  /** @returns what may go on to the caller now (may be empty: the rest is held back until it is decided), or the refusal */
  push(chunk: Buffer): Cleared<Buffer> | Denial
  /** @returns what was held back, or the refusal */
  finish(): Cleared<Buffer> | Denial
}

const EMPTY = Buffer.alloc(0)

export function createResponseScreen(passage: Passage, clock: Clock): ResponseScreen {
  const { responseAction } = passage.profile.dlp
  return responseAction === 'allow' ? OPEN_SCREEN : new ScanningScreen(passage, responseAction, clock)
}

const OPEN_SCREEN: ResponseScreen = {
  head: () => undefined,
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
  readonly #action: 'warn' | 'block'
  readonly #clock: Clock
  #scan: MessageScan | undefined
  #pending: Buffer = EMPTY

  constructor(passage: Passage, action: 'warn' | 'block', clock: Clock) {
    this.#passage = passage
    this.#clock = clock
    this.#action = action
  }

  head(head: ResponseHead): Denial | undefined {
    const { profile, exchange } = this.#passage
    const { host, scheme } = exchange.head.target
    this.#scan = openScan({ direction: 'response', dlp: profile.dlp, host, scheme })
    const found: Finding[] = []
    for (let i = 0; i < head.headers.length; i += 2) {
      const field: Segment = { kind: 'header', name: (head.headers[i] ?? '').toLowerCase() }
      found.push(...this.#scan.write(field, Buffer.from(head.headers[i + 1] ?? '', 'latin1')), ...this.#scan.endSegment())
    }
    return this.#judge(found)
  }

  push(chunk: Buffer): Cleared<Buffer> | Denial {
    const scan = this.#scan
    if (scan === undefined) return { reason: 'internal_error', detail: 'a body before its head' }
    const denial = this.#judge(scan.write(BODY, chunk))
    if (denial !== undefined) return denial
    const known = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    const free = Math.max(0, known.length - scan.heldBack)
    this.#pending = known.subarray(free)
    return known.subarray(0, free) as Cleared<Buffer>
  }

  finish(): Cleared<Buffer> | Denial {
    const denial = this.#judge([...(this.#scan?.endSegment() ?? []), ...(this.#scan?.end() ?? [])])
    if (denial !== undefined) return denial
    const rest = this.#pending
    this.#pending = EMPTY
    return rest as Cleared<Buffer>
  }

  #judge(found: readonly Finding[]): Denial | undefined {
    const { profile, exchange } = this.#passage
    const findings = withoutSuppressed(found, profile.suppress, { target: exchange.head.target, nowMs: this.#clock.nowMs() })
    if (findings.length === 0) return undefined
    noteSeverity(this.#passage, findings)
    const rules = [...new Set(findings.map(({ rule }) => rule))]
    if (this.#action === 'block' && isEnforcing(profile)) return { reason: 'response_secret', detail: rules.join(' ') }
    for (const rule of rules) if (!this.#passage.warnings.includes(rule)) this.#passage.warnings.push(rule)
    return undefined
  }
}
