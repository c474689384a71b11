/** The scan of an answer: clears it chunk by chunk. With a profile that lets credentials be read, it only counts as cleared. */

import type { Cleared } from '../model/cleared.ts'
import type { Denial } from '../model/denial.ts'
import type { ResponseHead } from '../model/exchange.ts'
import type { Finding } from '../model/finding.ts'
import { headerTokens, headerValue, withoutHeaders } from '../model/raw-headers.ts'
import { escapeOfType, StreamSplicer } from '../redact/index.ts'
import { openScan, type MessageScan, type Segment } from '../scan/index.ts'
import { isEnforcing } from './enforcing.ts'
import { noteSeverity, type Passage } from './passage.ts'

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

export function createResponseScreen(passage: Passage): ResponseScreen {
  const { responseAction } = passage.profile.dlp
  if (responseAction === 'allow') return OPEN_SCREEN
  return responseAction === 'redact' ? new RedactingScreen(passage) : new ScanningScreen(passage, responseAction)
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

/** What is said of the bytes of a body, and is not true of other bytes. */
const SAID_OF_BODY = new Set(['content-length', 'content-digest', 'repr-digest', 'digest', 'content-md5', 'etag', 'accept-ranges'])

const BODY: Segment = { kind: 'body', name: '' }

/** Scans head and body with state carried across chunks, and holds back what an unfinished match may still claim. */
class ScanningScreen implements ResponseScreen {
  readonly #passage: Passage
  readonly #action: 'warn' | 'block'
  #scan: MessageScan | undefined
  #pending: Buffer = EMPTY

  constructor(passage: Passage, action: 'warn' | 'block') {
    this.#passage = passage
    this.#action = action
  }

  head(head: ResponseHead): Denial | undefined {
    this.#scan = openResponseScan(this.#passage)
    return this.#judge(scanHead(this.#scan, head))
  }

  shape(head: ResponseHead): ResponseHead {
    return head
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

  #judge(findings: readonly Finding[]): Denial | undefined {
    return judge(findings, this.#passage, this.#action)
  }
}

function openResponseScan({ profile, exchange }: Passage): MessageScan {
  const { host, scheme } = exchange.head.target
  return openScan({ direction: 'response', dlp: profile.dlp, host, scheme })
}

function scanHead(scan: MessageScan, { headers }: ResponseHead): Finding[] {
  const found: Finding[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const field: Segment = { kind: 'header', name: (headers[i] ?? '').toLowerCase() }
    found.push(...scan.write(field, Buffer.from(headers[i + 1] ?? '', 'latin1')), ...scan.endSegment())
  }
  return found
}

function judge(findings: readonly Finding[], passage: Passage, action: 'warn' | 'block'): Denial | undefined {
  if (findings.length === 0) return undefined
  noteSeverity(passage, findings)
  const rules = [...new Set(findings.map(({ rule }) => rule))]
  if (action === 'block' && isEnforcing(passage.profile)) return { reason: 'response_secret', detail: rules.join(' ') }
  for (const rule of rules) if (!passage.warnings.includes(rule)) passage.warnings.push(rule)
  return undefined
}

/** Replaces what it finds in a body of text; what stands elsewhere, or cannot be replaced, refuses the answer. */
class RedactingScreen implements ResponseScreen {
  readonly #passage: Passage
  #scan: MessageScan | undefined
  #splicer: StreamSplicer | undefined
  #pending: Buffer = EMPTY
  /** Of the first byte of what is pending, in the body. */
  #offset = 0

  constructor(passage: Passage) {
    this.#passage = passage
  }

  head(head: ResponseHead): Denial | undefined {
    const scan = openResponseScan(this.#passage)
    this.#scan = scan
    const isPlain = headerTokens(head.headers, 'content-encoding').every((coding) => coding === 'identity')
    const escape = isPlain ? escapeOfType(headerValue(head.headers, 'content-type') ?? '') : undefined
    this.#splicer = escape === undefined ? undefined : new StreamSplicer(escape)
    return this.#refuse(scanHead(scan, head))
  }

  shape(head: ResponseHead): ResponseHead {
    if (this.#splicer === undefined || head.framing === 'none') return head
    return { ...head, framing: head.framing === 'length' ? 'chunked' : head.framing, headers: withoutHeaders(head.headers, SAID_OF_BODY) }
  }

  push(chunk: Buffer): Cleared<Buffer> | Denial {
    const scan = this.#scan
    if (scan === undefined) return { reason: 'internal_error', detail: 'a body before its head' }
    const findings = scan.write(BODY, chunk)
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    return this.#release(findings, scan.heldBack)
  }

  finish(): Cleared<Buffer> | Denial {
    return this.#release([...(this.#scan?.endSegment() ?? []), ...(this.#scan?.end() ?? [])], 0)
  }

  #release(findings: readonly Finding[], heldBack: number): Cleared<Buffer> | Denial {
    const splicer = this.#splicer
    const until = Math.max(this.#offset, this.#offset + this.#pending.length - heldBack)
    const unsafe = splicer?.add(findings, this.#pending, this.#offset)
    if (splicer === undefined || unsafe !== undefined) {
      // A profile that only watches gets the rest as it came.
      this.#splicer = undefined
      return this.#refuse(findings) ?? this.#pass(until)
    }
    if (findings.length > 0) this.#note(findings, splicer)
    const { bytes, next } = splicer.release(this.#pending, this.#offset, until)
    this.#advance(next)
    return bytes as Cleared<Buffer>
  }

  #pass(until: number): Cleared<Buffer> {
    const bytes = this.#pending.subarray(0, until - this.#offset)
    this.#advance(until)
    return bytes as Cleared<Buffer>
  }

  #advance(next: number): void {
    this.#pending = this.#pending.subarray(next - this.#offset)
    this.#offset = next
  }

  #note(findings: readonly Finding[], { placeholders }: StreamSplicer): void {
    noteSeverity(this.#passage, findings)
    this.#passage.responseRedaction = { profile: 'response', total: placeholders.total, byClass: placeholders.byClass }
  }

  #refuse(findings: readonly Finding[]): Denial | undefined {
    return judge(findings, this.#passage, 'block')
  }
}
