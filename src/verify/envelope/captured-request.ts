/** A request that was captured as it stood on the wire: head, empty line, body. Read offline; live traffic never comes here. */

import type { InboundRequest } from '../../envelope/read-envelope.ts'

export interface CapturedRequest extends InboundRequest {
  readonly body: Buffer
}

/** A capture that cannot be read: nothing is said about its envelope then. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError'
}

const MAX_HEAD_BYTES = 256 * 1024
const REQUEST_LINE = /^([A-Za-z0-9!#$%&'*+\-.^_`|~]+) (\S+) HTTP\/\d(?:\.\d)?$/
const FIELD_LINE = /^([A-Za-z0-9!#$%&'*+\-.^_`|~]+):[ \t]*(.*?)[ \t]*$/s

/**
 * @param bytes lines that end with CRLF or LF; the body as Content-Length tells it, or all that follows
 * @throws {CaptureError}
 */
export function parseCapture(bytes: Uint8Array): CapturedRequest {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { head, rest } = splitHead(content)
  const [requestLine = '', ...lines] = head.split(/\r?\n/)
  const [, method, requestTarget] = REQUEST_LINE.exec(requestLine) ?? []
  if (method === undefined || requestTarget === undefined) throw new CaptureError('expected a request line: METHOD TARGET HTTP/1.1')
  const headers = lines.flatMap(parseField)
  return { method, requestTarget, headers, body: bodyOf(headers, rest) }
}

function splitHead(content: Buffer): { head: string; rest: Buffer } {
  const [match] = /\r?\n\r?\n/.exec(content.toString('latin1', 0, MAX_HEAD_BYTES)) ?? []
  const end = match === undefined ? -1 : content.indexOf(match, 0, 'latin1')
  if (match === undefined || end === -1) throw new CaptureError('expected a head that ends with an empty line')
  return { head: content.toString('latin1', 0, end), rest: content.subarray(end + match.length) }
}

function parseField(line: string): [string, string] {
  const [, name, value] = FIELD_LINE.exec(line) ?? []
  if (name === undefined || value === undefined) throw new CaptureError('expected each line of the head to be a header field')
  return [name, value]
}

function bodyOf(headers: readonly string[], rest: Buffer): Buffer {
  const values = (name: string): string[] => headers.filter((_text, at) => at % 2 === 1 && headers[at - 1]?.toLowerCase() === name)
  if (values('transfer-encoding').length > 0) throw new CaptureError('expected a body without chunks: capture it decoded, without Transfer-Encoding')
  const lengths = new Set(values('content-length'))
  if (lengths.size > 1) throw new CaptureError('expected one Content-Length')
  const [length] = lengths
  if (length === undefined) return rest
  if (!/^\d{1,15}$/.test(length) || Number(length) > rest.length) throw new CaptureError('expected as many bytes of body as Content-Length says')
  return rest.subarray(0, Number(length))
}
