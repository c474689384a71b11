/** Scans messages that arrive in pieces: whatever their cuts, the findings are those of the whole. */

import type { Finding } from '../model/finding.ts'
import { decodeBody } from './decode-body.ts'
import { compileRules } from './engine/compile-rules.ts'
import { Hunt } from './engine/hunt.ts'
import { ViewScan } from './engine/view-scan.ts'
import type { MessageScan, ScanContext, Segment } from './layer.ts'

/** A body behind a content coding is held until it is whole, up to this. */
const MAX_CODED_BYTES = 16 * 1024 * 1024
const NONE: readonly Finding[] = []

export function openScan(context: ScanContext): MessageScan {
  return new OpenScan(context)
}

class OpenScan implements MessageScan {
  readonly #hunt: Hunt
  readonly #scan = new ViewScan(0)
  #current: Segment | undefined
  #heldBack = 0
  /** Values of Content-Encoding, as header fields for the decoder. */
  readonly #codings: string[] = []
  /** The body behind its coding, or `over` where it is more than is held. */
  #coded: Buffer[] | 'over' | undefined
  #codedBytes = 0

  constructor(context: ScanContext) {
    this.#hunt = new Hunt(compileRules(context.dlp), context)
  }

  get heldBack(): number {
    return this.#heldBack
  }

  write(segment: Segment, chunk: Buffer): readonly Finding[] {
    const earlier = this.#current === segment ? NONE : this.endSegment()
    if (this.#current === undefined) this.#begin(segment)
    if (segment.kind === 'header' && segment.name === 'content-encoding') this.#codings.push('Content-Encoding', chunk.toString('latin1'))
    const found = this.#coded === undefined ? this.#look(chunk) : this.#keep(this.#coded, chunk)
    return earlier.length === 0 ? found : [...earlier, ...found]
  }

  endSegment(): readonly Finding[] {
    if (this.#current === undefined) return NONE
    if (this.#coded !== undefined && this.#coded !== 'over') this.#lookInto(Buffer.concat(this.#coded))
    else if (this.#coded === undefined) this.#scan.advance('complete')
    this.#current = undefined
    this.#coded = undefined
    this.#heldBack = 0
    return this.#hunt.take()
  }

  end(): readonly Finding[] {
    return this.endSegment()
  }

  #begin(segment: Segment): void {
    this.#current = segment
    this.#hunt.enter(segment)
    this.#scan.begin(this.#hunt)
    const isCoded = segment.kind === 'body' && decodeBody(this.#codings, EMPTY).codings.length > 0
    this.#coded = isCoded ? [] : undefined
    this.#codedBytes = 0
  }

  #look(chunk: Buffer): readonly Finding[] {
    this.#hunt.grant(chunk.length)
    this.#scan.text.append(chunk)
    this.#scan.advance('open')
    this.#heldBack = this.#scan.text.end - this.#scan.openOrigin()
    this.#scan.forget()
    return this.#hunt.take()
  }

  /** All of it waits: nothing of a coded body can be told from a part. */
  #keep(coded: Buffer[] | 'over', chunk: Buffer): readonly Finding[] {
    this.#codedBytes += chunk.length
    this.#heldBack = this.#codedBytes
    if (coded === 'over') return NONE
    if (this.#codedBytes <= MAX_CODED_BYTES) {
      coded.push(Buffer.from(chunk))
      return NONE
    }
    this.#coded = 'over'
    this.#hunt.addSpan('scan.unreadable_encoding', 'critical', 0, this.#codedBytes)
    return this.#hunt.take()
  }

  #lookInto(body: Buffer): void {
    const { codings, bytes } = decodeBody(this.#codings, body)
    if (body.length === 0) return
    if (bytes === undefined) {
      this.#hunt.addSpan('scan.unreadable_encoding', 'critical', 0, body.length)
      return
    }
    if (this.#current !== undefined) this.#hunt.enter(this.#current, 0, { views: codings, end: body.length })
    this.#hunt.grant(bytes.length)
    this.#scan.text.append(bytes)
    this.#scan.advance('complete')
  }
}

const EMPTY = Buffer.alloc(0)
