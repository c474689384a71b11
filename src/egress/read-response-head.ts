/** Reads the head of an upstream answer: end-to-end fields, and how its body is framed (RFC 9112 §6.3). */

import type { Denial } from '../model/denial.ts'
import type { ResponseHead } from '../model/exchange.ts'
import { headerTokens, headerValues, withoutHeaders, type RawHeaders } from '../model/raw-headers.ts'
import { hopByHopNames } from './hop-headers.ts'

const CONTENT_LENGTH: ReadonlySet<string> = new Set(['content-length'])

/** @returns the denial `upstream_malformed` where the body's length is ambiguous, or the protocol is switched unasked */
export function readResponseHead(method: string, status: number, statusText: string, headers: RawHeaders): ResponseHead | Denial {
  if (status === 101) return { reason: 'upstream_malformed', detail: 'protocol switched without an upgrade' }

  const codings = headerTokens(headers, 'transfer-encoding')
  if (codings.length > 1 || (codings[0] ?? 'chunked') !== 'chunked') {
    return { reason: 'upstream_malformed', detail: 'transfer coding other than chunked' }
  }
  const lengths = new Set(headerValues(headers, 'content-length'))
  if (lengths.size > 1) return { reason: 'upstream_malformed', detail: 'more than one Content-Length' }

  const isChunked = codings.length === 1
  // RFC 9112 §6.3: Transfer-Encoding overrides Content-Length, which must then not be forwarded.
  const kept = withoutHeaders(headers, hopByHopNames(headers), isChunked ? CONTENT_LENGTH : undefined)
  return { status, statusText, headers: kept, framing: framingOf(method, status, isChunked, lengths.size === 1) }
}

function framingOf(method: string, status: number, isChunked: boolean, hasLength: boolean): ResponseHead['framing'] {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 'none'
  if (isChunked) return 'chunked'
  return hasLength ? 'length' : 'close'
}
