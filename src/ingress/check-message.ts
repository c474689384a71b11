/**
 * What the HTTP parser lets pass and a proxy must not: messages that two parties may read differently (request smuggling),
 * and forms that this companion does not take. Looks at the head only.
 */

import type { IncomingMessage } from 'node:http'

import type { Denial } from '../model/denial.ts'
import { headerTokens, headerValues, type RawHeaders } from '../model/raw-headers.ts'

const DECIMAL = /^[0-9]{1,15}$/
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** NUL, CR and LF end or split a field; obs-fold never reaches us. */
 
const UNSAFE_VALUE = /[\u0000-\u0008\u000a-\u001f\u007f]/

/** @returns why the message is refused, or `undefined` */
export function checkMessage(request: IncomingMessage, maxHeaders: number): Denial | undefined {
  const headers = request.rawHeaders
  if (headers.length / 2 > maxHeaders) return { reason: 'headers_too_large', detail: `more than ${maxHeaders} header fields` }
  return checkFields(headers) ?? checkHost(request) ?? checkFraming(request) ?? checkExpectation(request)
}

function checkFields(headers: RawHeaders): Denial | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (!FIELD_NAME.test(headers[i] ?? '')) return malformed('a header name is not a token')
    if (UNSAFE_VALUE.test(headers[i + 1] ?? '')) return malformed('a header value has control characters')
  }
  return undefined
}

/** RFC 9112 §3.2: exactly one Host field line in HTTP/1.1, at most one in HTTP/1.0. */
function checkHost(request: IncomingMessage): Denial | undefined {
  const count = headerValues(request.rawHeaders, 'host').length
  if (count > 1) return malformed('more than one Host field')
  if (count === 0 && request.httpVersion !== '1.0') return malformed('no Host field')
  return undefined
}

function checkFraming(request: IncomingMessage): Denial | undefined {
  const { rawHeaders } = request
  const lengths = headerValues(rawHeaders, 'content-length')
  const hasCoding = headerValues(rawHeaders, 'transfer-encoding').length > 0
  if (lengths.length > 1) return malformed('more than one Content-Length')
  if (lengths[0] !== undefined && !DECIMAL.test(lengths[0])) return malformed('Content-Length is not a decimal number')
  if (!hasCoding) return undefined

  const codings = headerTokens(rawHeaders, 'transfer-encoding')
  if (lengths.length > 0) return malformed('both Content-Length and Transfer-Encoding')
  if (request.httpVersion === '1.0') return malformed('Transfer-Encoding in HTTP/1.0')
  if (codings.length !== 1 || codings[0] !== 'chunked') return malformed('a transfer coding other than chunked')
  return undefined
}

function checkExpectation(request: IncomingMessage): Denial | undefined {
  const expectations = headerTokens(request.rawHeaders, 'expect')
  if (expectations.length === 0 || (expectations.length === 1 && expectations[0] === '100-continue')) return undefined
  return { reason: 'expectation_unsupported', detail: 'expected 100-continue' }
}

function malformed(detail: string): Denial {
  return { reason: 'malformed_request', detail }
}
