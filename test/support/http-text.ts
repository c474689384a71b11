/** HTTP messages as text, for tests: a head, an empty line, a body; lines end with LF or CRLF. */

import type { RequestMessage, ResponseMessage } from '../../src/envelope/http-message.ts'

export interface MessageText {
  readonly start: string
  /** Flat list, as the product has them. */
  readonly headers: string[]
  readonly body: string
}

export function readMessage(text: string): MessageText {
  const [head = '', body = ''] = text.replaceAll('\r\n', '\n').split(/\n\n(.*)/s)
  const [start = '', ...lines] = head.split('\n')
  const headers = lines.flatMap((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  return { start, headers, body }
}

/** @param text with `Host` among its headers */
export function requestFrom(text: string, scheme: 'http' | 'https' = 'https'): RequestMessage {
  const { start, headers } = readMessage(text)
  const [method = '', requestTarget = ''] = start.split(' ')
  const at = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'host')
  return { kind: 'request', method, scheme, authority: headers[at + 1] ?? '', requestTarget, headers }
}

export function responseFrom(text: string, request?: RequestMessage): ResponseMessage {
  const { start, headers } = readMessage(text)
  return { kind: 'response', status: Number(start.split(' ')[1]), headers, ...(request === undefined ? {} : { request }) }
}
