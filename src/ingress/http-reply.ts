/** The way back to an HTTP/1 client. Implements Reply over a node:http response; decides nothing. */

import type { IncomingMessage, ServerResponse } from 'node:http'

import { BLOCK_REASONS } from '../model/block-reason.ts'
import type { Cleared } from '../model/cleared.ts'
import type { Denial } from '../model/denial.ts'
import type { Refusal, Reply, ResponseHead } from '../model/exchange.ts'
import { headerTokens, headerValue, headerValues } from '../model/raw-headers.ts'
import { refusalMessage } from './write-refusal.ts'

/** After a refusal, what a client may still send of its body before the connection is cut. */
const LINGER_BYTES = 1024 * 1024
const LINGER_MS = 2000
/** How long the last bytes of an aborted answer may take to leave before the connection is reset. */
const ABORT_FLUSH_MS = 500
const MAX_INTERIM_SENT = 16
/** The links that node:http writes as early hints (RFC 8288 §3); for others it throws. */
const LINK = /^(?:<[^>]*>)(?:\s*;\s*[^;"\s]+(?:=(")?[^;"\s]*\1)?)*$/

export class HttpReply implements Reply {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #companionId: string
  #isEventStream = false
  #endsByClose = false
  #interim = 0
  #drained: Promise<void> | undefined

  constructor(request: IncomingMessage, response: ServerResponse, companionId: string) {
    this.#request = request
    this.#response = response
    this.#companionId = companionId
  }

  inform(head: ResponseHead): void {
    if (this.#response.headersSent || this.#request.httpVersion === '1.0') return
    // Beyond these they go nowhere: interim answers know no back-pressure.
    if (this.#interim++ >= MAX_INTERIM_SENT) return
    if (head.status === 102) this.#response.writeProcessing()
    const links = headerValues(head.headers, 'link').filter((link) => LINK.test(link))
    if (head.status === 103 && links.length > 0) this.#response.writeEarlyHints({ link: links })
  }

  start(head: ResponseHead): void {
    const response = this.#response
    const headers = [...head.headers]
    this.#isEventStream = headerTokens(head.headers, 'content-type')[0]?.startsWith('text/event-stream') ?? false
    if (head.framing === 'close' || (head.framing === 'chunked' && this.#request.httpVersion === '1.0')) {
      // The end is told by closing alone, as the origin told it: chunks would claim a completeness nobody saw.
      response.useChunkedEncodingByDefault = false
      headers.push('Connection', 'close')
      this.#endsByClose = true
    }
    response.writeHead(head.status, head.statusText, headers)
    // With a length the head leaves together with the first bytes; a stream may be long in sending any.
    if (head.framing === 'chunked' || head.framing === 'close') response.flushHeaders()
  }

  write(chunk: Cleared<Buffer>): Promise<void> | undefined {
    const response = this.#response
    if (response.write(chunk)) return undefined
    this.#drained ??= new Promise((resolve) => {
      const settle = (): void => {
        this.#drained = undefined
        response.off('drain', settle).off('close', settle)
        resolve()
      }
      response.on('drain', settle).on('close', settle)
    })
    return this.#drained
  }

  end(): Promise<void> {
    return endResponse(this.#response)
  }

  abort(denial: Denial): void {
    const { socket } = this.#response
    if (socket === null || socket.destroyed) return
    if (this.#endsByClose) {
      // HTTP/1.0, or framed by close: a FIN would look complete, only a reset does not.
      socket.resetAndDestroy()
      return
    }
    if (this.#isEventStream) this.#response.write(`\nevent: error\ndata: ${JSON.stringify({ blocked: true, block_reason: denial.reason })}\n\n`)
    // What was written leaves first; the missing last chunk, or the missing bytes of the length, tell the rest.
    // Node 26 collects the chunks of one turn, and would send them when the socket has already ended.
    while (this.#response.writableCorked > 0) this.#response.uncork()
    const timer = setTimeout(() => socket.resetAndDestroy(), ABORT_FLUSH_MS)
    socket.once('close', () => {
      clearTimeout(timer)
    })
    socket.destroySoon()
  }

  refuse(refusal: Refusal): void {
    const { status, headers, body } = refusalMessage(refusal, this.#companionId)
    const response = this.#response
    if (response.headersSent || response.destroyed) return
    const isUnread = !this.#request.complete
    // RFC 9110 §10.1.1: nobody knows whether a client that was not told to continue sends its body.
    const close = isUnread && headerValue(this.#request.rawHeaders, 'expect') !== undefined ? ['Connection', 'close'] : []
    const allow = BLOCK_REASONS[refusal.denial.reason].httpStatus === 405 ? ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'] : []
    response.writeHead(status, [...headers, ...allow, ...close])
    response.end(this.#request.method === 'HEAD' ? undefined : body)
    if (isUnread) linger(this.#request)
  }
}

/** @returns once the last byte was handed over, or the connection is gone */
export function endResponse(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('close', resolve)
    response.end(() => {
      response.off('close', resolve)
      resolve()
    })
  })
}

/** Reads on for a moment: closing while the client still sends would reset the connection and lose the refusal. */
function linger(request: IncomingMessage): void {
  let left = LINGER_BYTES
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS)
  request.on('error', () => undefined)
  request.on('close', () => {
    clearTimeout(timer)
  })
  request.on('end', () => {
    clearTimeout(timer)
  })
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) request.socket.destroy()
  })
  request.resume()
}
