/** Makes an Exchange out of a node:http request whose target was read. */

import type { IncomingMessage, ServerResponse } from 'node:http'

import { uuidV7 } from '../base/uuid.ts'
import type { Exchange, Surface, Target } from '../model/exchange.ts'
import { headerValues } from '../model/raw-headers.ts'
import { hasBody, readBody } from './read-body.ts'
import type { SurfaceRequest } from './surface.ts'

export interface ExchangeParts {
  readonly surface: Surface
  readonly target: Target
  /** Claims beside those of `X-Pipelock-Agent`. */
  readonly claims?: readonly string[]
}

export function buildExchange(request: IncomingMessage, response: ServerResponse, parts: ExchangeParts, { context, connection }: SurfaceRequest): Exchange {
  const nowMs = context.services.clock.nowMs()
  return {
    id: uuidV7(nowMs),
    surface: parts.surface,
    receivedAtMs: nowMs,
    connection,
    head: { method: request.method ?? '', target: parts.target, headers: request.rawHeaders, hasBody: hasBody(request) },
    claimed: [...headerValues(request.rawHeaders, 'x-pipelock-agent'), ...(parts.claims ?? [])],
    readBody: (limits) => readBody(request, response, limits),
    onGone: (listener) => {
      callWhenGone(response, listener)
    },
  }
}

/**
 * One listener at a time: the last one given is the one that is called. A property, not a WeakMap: with a WeakMap ended
 * exchanges were seen to outlive their scavenges.
 */
const GONE_LISTENER = Symbol('gone listener')

interface WatchedResponse extends ServerResponse {
  [GONE_LISTENER]?: () => void
}

function callWhenGone(response: WatchedResponse, listener: () => void): void {
  if (response.destroyed || response.closed) {
    if (!response.writableFinished) listener()
    return
  }
  const isFirst = response[GONE_LISTENER] === undefined
  response[GONE_LISTENER] = listener
  if (!isFirst) return
  response.once('close', () => {
    if (!response.writableFinished) response[GONE_LISTENER]?.()
  })
}
