/** Scans whole requests, and messages that arrive in pieces. */

import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'

import type { Finding } from '../model/finding.ts'
import type { DlpPolicy } from '../model/policy.ts'
import { headerTokens, type RawHeaders } from '../model/raw-headers.ts'
import type { MessageScan, ScanContext, Segment } from './layer.ts'
import { scanSegment } from './scan-segment.ts'

export interface WholeMessage {
  /** The target as the caller wrote it. */
  readonly url: string
  /** As they leave. */
  readonly headers: RawHeaders
  readonly body: Buffer
}

const URL_SEGMENT: Segment = { kind: 'url', name: '' }
const BODY_SEGMENT: Segment = { kind: 'body', name: '' }
/** Longest stretch that is looked at again when more bytes come: no rule reaches further. */
const CARRY_BYTES = 8192
const MAX_DECODED_BYTES = 64 * 1024 * 1024
const MAX_RATIO = 200
const RATIO_FREE_BYTES = 1024 * 1024
const DECODERS: ReadonlyMap<string, (bytes: Buffer, options: { maxOutputLength: number }) => Buffer> = new Map([
  ['gzip', gunzipSync],
  ['x-gzip', gunzipSync],
  ['deflate', inflateSync],
  ['br', brotliDecompressSync],
])

/** @returns every finding, none hiding another: URL, each header line, body; a coding that cannot be read is one too */
export function scanWhole(context: ScanContext, { url, headers, body }: WholeMessage): readonly Finding[] {
  const findings = [...scanSegment(Buffer.from(url, 'latin1'), URL_SEGMENT, context).findings]
  for (let i = 0; i < headers.length; i += 2) {
    const segment: Segment = { kind: 'header', name: (headers[i] ?? '').toLowerCase() }
    findings.push(...scanSegment(Buffer.from(headers[i + 1] ?? '', 'latin1'), segment, context).findings)
  }
  if (body.length > 0) findings.push(...scanBody(context, headers, body))
  return findings
}

function scanBody(context: ScanContext, headers: RawHeaders, body: Buffer): readonly Finding[] {
  const codings = headerTokens(headers, 'content-encoding').filter((coding) => coding !== 'identity')
  const decoded = codings.reduceRight<Buffer | undefined>(decodeBody, body)
  if (decoded === undefined) return [{ rule: 'scan.unreadable_encoding', severity: 'critical', kind: 'body', segment: '', views: [], start: 0, end: body.length }]
  const { findings } = scanSegment(decoded, BODY_SEGMENT, context)
  if (codings.length === 0) return findings
  return findings.map((finding) => ({ ...finding, views: [...codings, ...finding.views], start: 0, end: body.length }))
}

function decodeBody(bytes: Buffer | undefined, coding: string): Buffer | undefined {
  const decode = DECODERS.get(coding)
  if (bytes === undefined || decode === undefined) return undefined
  try {
    const maxOutputLength = Math.min(MAX_DECODED_BYTES, Math.max(RATIO_FREE_BYTES, bytes.length * MAX_RATIO))
    return decode(bytes, { maxOutputLength })
  } catch {
    return undefined
  }
}

/** @returns a scan whose findings do not depend on how the bytes are cut, within stretches of 8 KiB */
export function openScan(context: ScanContext): MessageScan {
  let current: Segment | undefined
  let known: Buffer = Buffer.alloc(0)
  let knownAt = 0
  let heldBack = 0
  let reported = new Set<string>()

  const endSegment = (): readonly Finding[] => {
    current = undefined
    known = Buffer.alloc(0)
    knownAt = 0
    heldBack = 0
    reported = new Set()
    return []
  }
  return {
    write: (segment, chunk) => {
      if (current !== segment) endSegment()
      current = segment
      known = known.length === 0 ? chunk : Buffer.concat([known, chunk])
      const { findings, openFrom } = scanSegment(known, segment, context)
      heldBack = Math.min(known.length - openFrom, CARRY_BYTES)
      const fresh = findings
        .map((finding) => ({ ...finding, start: finding.start + knownAt, end: finding.end + knownAt }))
        .filter(({ rule, start }) => !reported.has(`${rule} ${start}`))
      for (const { rule, start } of fresh) reported.add(`${rule} ${start}`)
      const cut = Math.max(0, known.length - CARRY_BYTES)
      known = Buffer.from(known.subarray(cut))
      knownAt += cut
      return fresh
    },
    endSegment,
    end: endSegment,
    get heldBack() {
      return heldBack
    },
  }
}

const CLAIM: Segment = { kind: 'header', name: '' }
const BUILT_IN: DlpPolicy = { includeDefaults: true, patterns: [], responseAction: 'allow' }

/** @returns the text with every credential in it replaced: for what a caller wrote and a receipt or log will show */
export function hideCredentials(text: string): string {
  const { findings } = scanSegment(Buffer.from(text, 'latin1'), CLAIM, { direction: 'request', dlp: BUILT_IN, host: '', scheme: 'http' })
  return hideFindings(text, findings, 'header')
}

/** @returns the text with each finding's span replaced by its rule: what receipts and logs may show */
export function hideFindings(text: string, findings: readonly Finding[], kind: Finding['kind']): string {
  const spans = findings.filter((finding) => finding.kind === kind).sort((a, b) => a.start - b.start)
  let shown = ''
  let at = 0
  for (const { rule, start, end } of spans) {
    if (end <= at) continue
    shown += `${text.slice(at, Math.max(at, start))}[redacted:${rule}]`
    at = end
  }
  return shown + text.slice(at)
}
