/**
 * Sends one request to an address that was checked, over a pooled HTTP/1.1 connection, exactly once: no retry, no redirect,
 * no proxy of its own. Connections are pooled per (profile, origin, checked address), so that nothing bound to a
 * connection leaks between agents.
 */

import { LRUCache } from 'lru-cache'
import { Pool, type Dispatcher } from 'undici'

import type { IpAddress } from '../base/ip-address.ts'
import type { Cleared } from '../model/cleared.ts'
import type { Denial } from '../model/denial.ts'
import type { OutgoingRequest, ResponseHead, Target } from '../model/exchange.ts'
import type { Timeouts } from '../model/policy.ts'
import { dial, DialError } from './dial.ts'
import { readResponseHead } from './read-response-head.ts'
import type { UpstreamCall, UpstreamFailure, UpstreamSink } from './upstream.ts'

const MAX_POOLS = 1024
const MAX_RESPONSE_HEADER_BYTES = 64 * 1024
/** Shorter than the idle time-out of common servers (5 s and more), so that we rarely send into a closing connection. */
const KEEP_ALIVE_MS = 4000
/** 1xx answers before the head. */
const MAX_INTERIM = 100
/** undici decodes as UTF-8, so that what was latin-1 has become U+FFFD. */
const REASON_PHRASE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/

/** Where a cleared request goes: its addresses were all checked, and are tried in order until one accepts the connection. */
export interface Route {
  readonly profile: string
  readonly addresses: readonly IpAddress[]
  readonly timeouts: Timeouts
  /** Certificate authorities in PEM beside the system's, for https. */
}

export interface Sender {
  send(request: Cleared<OutgoingRequest>, route: Route, sink: UpstreamSink): UpstreamCall
  close(): Promise<void>
}

export function createSender(): Sender {
  const pools = new LRUCache<string, Pool>({
    max: MAX_POOLS,
    // Graceful: calls that are under way end first.
    dispose: (pool) => void pool.close().catch(() => undefined),
  })

  const poolFor = (target: Target, address: IpAddress, route: Route): Pool => {
    const key = `${route.profile} ${target.scheme} ${target.host} ${target.port} ${address.text} ${route.timeouts.connectMs}`
    let pool = pools.get(key)
    if (pool === undefined) {
      pool = createPool(target, address, route.timeouts.connectMs)
      pools.set(key, pool)
    }
    return pool
  }

  return {
    send: (request, route, sink) => {
      const call = new Call(request, route, sink, poolFor)
      call.start()
      return call
    },
    close: async () => {
      const open = [...pools.values()]
      pools.clear()
      await Promise.allSettled(open.map((pool) => pool.destroy()))
    },
  }
}

function createPool(target: Target, address: IpAddress, connectMs: number): Pool {
  const host = target.host.includes(':') ? `[${target.host}]` : target.host
  return new Pool(`${target.scheme}://${host}:${target.port}`, {
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
    connect: (_options, callback) => {
      const tlsName = target.scheme === 'https' ? { tlsName: target.host } : {}
      dial({ address, port: target.port, connectMs, ...tlsName }, (error, socket) => {
        // undici's callback is a union of both outcomes; ours always is one of them.
        if (socket === null) callback(error ?? new DialError('upstream_unreachable', 'no socket'), null)
        else callback(null, socket)
      })
    },
  })
}

type PoolFor = (target: Target, address: IpAddress, route: Route) => Pool

/** One request under way. */
class Call implements UpstreamCall {
  readonly #request: Cleared<OutgoingRequest>
  readonly #route: Route
  readonly #sink: UpstreamSink
  readonly #poolFor: PoolFor
  #attempt = 0
  #controller: Dispatcher.DispatchController | undefined
  #headSeen = false
  #interim = 0
  #over = false

  constructor(request: Cleared<OutgoingRequest>, route: Route, sink: UpstreamSink, poolFor: PoolFor) {
    this.#request = request
    this.#route = route
    this.#sink = sink
    this.#poolFor = poolFor
  }

  start(): void {
    const { method, target, headers, body } = this.#request
    const { addresses, timeouts } = this.#route
    const address = addresses[this.#attempt]
    if (address === undefined) {
      this.#fail({ reason: 'upstream_unreachable', detail: 'no address' })
      return
    }
    try {
      this.#poolFor(target, address, this.#route).dispatch(
        {
          method,
          path: target.path,
          headers: headers as string[],
          body: body.length === 0 ? null : body,
          headersTimeout: timeouts.responseHeadMs,
          bodyTimeout: timeouts.responseIdleMs,
        },
        this.#handler(method),
      )
    } catch (thrown) {
      // undici throws for arguments it finds invalid: the request cannot be written as valid HTTP.
      this.#fail({ reason: 'malformed_request', detail: codeOf(thrown) })
    }
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  abort(): void {
    if (this.#over) return
    this.#over = true
    this.#controller?.abort(new CallAborted())
  }

  #handler(method: string): Dispatcher.DispatchHandler {
    return {
      onRequestStart: (controller) => {
        this.#controller = controller
        const denial = this.#over ? undefined : this.#sink.onSend()
        if (denial !== undefined) this.#fail(denial)
        if (this.#over) controller.abort(new CallAborted())
      },
      onResponseStart: (controller, status, _headers, statusText) => {
        if (this.#over) return
        const head = readResponseHead(method, status, printableReason(statusText), rawHeadersOf(controller))
        if ('reason' in head) {
          this.#fail(head)
          controller.abort(new CallAborted())
        } else if (status < 200) {
          this.#onInterim(controller, head)
        } else {
          this.#headSeen = true
          this.#sink.onHead(head)
        }
      },
      onResponseData: (_controller, chunk) => {
        if (!this.#over) this.#sink.onData(chunk)
      },
      onResponseEnd: () => {
        if (this.#over) return
        this.#over = true
        this.#sink.onEnd()
      },
      onResponseError: (_controller, error) => {
        this.#onError(error)
      },
    }
  }

  /** Each interim answer starts the wait for the head anew, so without a limit an origin could hold the exchange for ever. */
  #onInterim(controller: Dispatcher.DispatchController, head: ResponseHead): void {
    this.#interim++
    if (this.#interim <= MAX_INTERIM) {
      this.#sink.onInform(head)
      return
    }
    this.#fail({ reason: 'upstream_malformed', detail: `more than ${MAX_INTERIM} interim answers` })
    controller.abort(new CallAborted())
  }

  #onError(error: Error): void {
    if (this.#over) return
    // A connection that never opened carried nothing: the next checked address may be tried, in the same exchange.
    if (error instanceof DialError && this.#attempt + 1 < this.#route.addresses.length) {
      this.#attempt++
      this.start()
      return
    }
    this.#fail(failureOf(error, this.#headSeen))
  }

  #fail(failure: UpstreamFailure | Denial): void {
    if (this.#over) return
    this.#over = true
    this.#sink.onFail(failure)
  }
}

class CallAborted extends Error {
  override readonly name = 'CallAborted'
}

/** @returns the reason phrase where it can be written again (RFC 9112 §4), else none: a client is to ignore it anyway */
function printableReason(text = ''): string {
  return REASON_PHRASE.test(text) ? text : ''
}

/** undici sets `rawHeaders` on the controller, as buffers or text, which its type does not tell. */
function rawHeadersOf(controller: Dispatcher.DispatchController): string[] {
  const { rawHeaders } = controller as { rawHeaders?: readonly (Buffer | string)[] }
  return (rawHeaders ?? []).map((part) => (typeof part === 'string' ? part : part.toString('latin1')))
}

function failureOf(error: Error, headSeen: boolean): UpstreamFailure {
  if (error instanceof DialError) return { reason: error.reason, detail: error.message }
  const code = codeOf(error)
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return { reason: 'upstream_timeout', detail: code }
  if (error.name === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return { reason: code === 'HPE_INVALID_EOF_STATE' ? 'upstream_truncated' : 'upstream_malformed', detail: code }
  }
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return { reason: headSeen ? 'upstream_truncated' : 'upstream_malformed', detail: code }
  return { reason: headSeen ? 'upstream_truncated' : 'upstream_unreachable', detail: code }
}

function codeOf(thrown: unknown): string {
  if (thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string') return thrown.code
  return thrown instanceof Error ? thrown.name : typeof thrown
}
