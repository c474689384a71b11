/** The bytes of an answer on their way out, with the credentials that its profile says replaced by placeholders. Decides nothing. */

import type { ResponseHead } from '../model/exchange.ts'
import type { Finding } from '../model/finding.ts'
import { headerTokens, headerValue, withoutHeaders } from '../model/raw-headers.ts'
import { escapeOfType, StreamSplicer } from '../redact/index.ts'
import type { Passage } from './passage.ts'
import { responseAction } from './response-action.ts'

/** What is said of the bytes of a body, and is not true of other bytes. */
const SAID_OF_BODY = new Set(['content-length', 'content-digest', 'repr-digest', 'digest', 'content-md5', 'etag', 'accept-ranges'])
/** Name under which the receipt of the outcome counts what was replaced. */
const PROFILE_NAME = 'response'

export class ResponseRewrite {
  readonly #passage: Passage
  #splicer: StreamSplicer | undefined

  constructor(passage: Passage) {
    this.#passage = passage
  }

  /** A body that is no text, or is behind a content coding, is not rewritten. */
  begin({ headers }: ResponseHead): void {
    const isPlain = headerTokens(headers, 'content-encoding').every((coding) => coding === 'identity')
    const escape = isPlain && responseAction(this.#passage) === 'rewrite' ? escapeOfType(headerValue(headers, 'content-type') ?? '') : undefined
    this.#splicer = escape === undefined ? undefined : new StreamSplicer(escape)
  }

  shape(head: ResponseHead): ResponseHead {
    if (this.#splicer === undefined || head.framing === 'none') return head
    return { ...head, framing: head.framing === 'length' ? 'chunked' : head.framing, headers: withoutHeaders(head.headers, SAID_OF_BODY) }
  }

  /** @returns whether all of them will be replaced; one of the head never is */
  take(findings: readonly Finding[], pending: Buffer, offset: number): boolean {
    const splicer = this.#splicer
    if (splicer === undefined || findings.some(({ kind }) => kind !== 'body')) return false
    if (splicer.add(findings, pending, offset) !== undefined) return false
    const { placeholders } = splicer
    this.#passage.responseRedaction = { profile: PROFILE_NAME, total: placeholders.total, byClass: placeholders.byClass }
    return true
  }

  release(pending: Buffer, offset: number, until: number): { readonly bytes: Buffer; readonly next: number } {
    return this.#splicer?.release(pending, offset, until) ?? { bytes: pending.subarray(0, until - offset), next: until }
  }
}
