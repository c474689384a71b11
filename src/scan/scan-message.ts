/** Scans whole messages. */

import type { Finding } from '../model/finding.ts'
import type { RawHeaders } from '../model/raw-headers.ts'
import { decodeBody } from './decode-body.ts'
import { scanDestination } from './destination/scan-destination.ts'
import { compileRules } from './engine/compile-rules.ts'
import { Hunt } from './engine/hunt.ts'
import { TextWindow } from './engine/text-window.ts'
import { ViewScan } from './engine/view-scan.ts'
import type { ScanContext, Segment } from './layer.ts'
import { visitFields } from './segments/fields.ts'
import { Pieces } from './segments/join-fields.ts'

export interface WholeMessage {
  /** The target as the caller wrote it. */
  readonly url: string
  /** As they leave. */
  readonly headers: RawHeaders
  readonly body: Buffer
}

const URL_SEGMENT: Segment = { kind: 'url', name: '' }
const BODY_SEGMENT: Segment = { kind: 'body', name: '' }
/** A finding over several fields names none of them. */
const SPLIT_HEADERS: Segment = { kind: 'header', name: '' }
const CLAIM: Segment = { kind: 'header', name: '' }
const SEPARATOR = ': '
const FIRST_SCRATCH_BYTES = 65_536

/** Whole messages are scanned one after the other, by one scan and through one buffer. */
const WHOLE = new ViewScan(0)
const JOINED_TEXT = new TextWindow(false)
let scratch = Buffer.alloc(FIRST_SCRATCH_BYTES)

/** @returns every finding, none hiding another: URL, each header line, body; a coding that cannot be read is one too */
export function scanWhole(context: ScanContext, { url, headers, body }: WholeMessage): readonly Finding[] {
  const hunt = new Hunt(compileRules(context.dlp), context)
  scanSpan(hunt, URL_SEGMENT, '', url)
  joinFields(hunt, scratch, url.length)
  scanDestination(hunt, url)
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase()
    scanSpan(hunt, { kind: 'header', name }, name + SEPARATOR, headers[i + 1] ?? '')
  }
  joinHeaders(hunt, headers)
  if (body.length > 0) scanBody(hunt, headers, body)
  return hunt.take()
}

/** @returns what stands in a text that belongs to no message */
export function scanText(context: ScanContext, text: string): readonly Finding[] {
  const hunt = new Hunt(compileRules(context.dlp), context)
  scanSpan(hunt, CLAIM, '', text)
  return hunt.take()
}

/** @param label what names the value in the message: a rule may need it, offsets do not count it */
function scanSpan(hunt: Hunt, segment: Segment, label: string, value: string): void {
  const length = label.length + value.length
  if (length > scratch.length) scratch = Buffer.alloc(2 * length)
  if (label.length > 0) scratch.write(label, 0, 'latin1')
  scratch.write(value, label.length, 'latin1')
  hunt.enter(segment, label.length)
  scanBytes(hunt, scratch, length)
}

function scanBytes(hunt: Hunt, bytes: Buffer, length: number): void {
  hunt.grant(length)
  WHOLE.begin(hunt)
  WHOLE.text.adopt(bytes, 0, length)
  WHOLE.advance('complete')
}

function scanBody(hunt: Hunt, headers: RawHeaders, body: Buffer): void {
  const { codings, bytes } = decodeBody(headers, body)
  hunt.enter(BODY_SEGMENT, 0, codings.length === 0 ? undefined : { views: codings, end: body.length })
  if (bytes === undefined) hunt.addSpan('scan.unreadable_encoding', 'critical', 0, body.length)
  else {
    scanBytes(hunt, bytes, bytes.length)
    joinFields(hunt, bytes, bytes.length)
  }
}

/** What was split over fields, values and names apart. What must not leave may well be read. */
function joinFields(hunt: Hunt, bytes: Buffer, length: number): void {
  if (hunt.context.direction === 'response') return
  const [values, names] = [new Pieces(hunt.rules), new Pieces(hunt.rules)]
  visitFields(bytes, 0, length, (from, to, role) => {
    if (role === 'value') values.add(bytes, from, to)
    else names.add(bytes, from, to)
  })
  JOINED_TEXT.adopt(bytes, 0, length)
  values.scan(hunt, JOINED_TEXT)
  names.scan(hunt, JOINED_TEXT)
}

/** Header values one behind the other: what was split over them has no place in any single one. */
function joinHeaders(hunt: Hunt, headers: RawHeaders): void {
  const pieces = new Pieces(hunt.rules)
  let length = 0
  for (let i = 1; i < headers.length; i += 2) {
    const value = headers[i] ?? ''
    if (length + value.length + 1 > scratch.length) break
    scratch.write(`${value}\n`, length, 'latin1')
    pieces.add(scratch, length, length + value.length)
    length += value.length + 1
  }
  hunt.enter(SPLIT_HEADERS)
  JOINED_TEXT.adopt(scratch, 0, length)
  pieces.scan(hunt, JOINED_TEXT)
}
