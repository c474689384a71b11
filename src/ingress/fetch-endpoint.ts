/**
 * `/fetch?url=URL` surface: relays method, headers and body to URL and answers with the origin's status, headers and body,
 * or with `format=json` as one JSON object. Redirects are followed, each hop as an exchange of its own. Decides nothing.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Denial } from '../model/denial.ts'
import type { Exchange, Reply, Target } from '../model/exchange.ts'
import { handleExchange } from '../pipeline/index.ts'
import { buildExchange } from './build-exchange.ts'
import { HttpReply } from './http-reply.ts'
import { JsonReply } from './json-reply.ts'
import { parseAbsoluteTarget } from './parse-target.ts'
import { RedirectReply, redirected } from './redirect-reply.ts'
import { refuseMessage } from './refuse-message.ts'
import type { SurfaceRequest } from './surface.ts'

export const FETCH_PATH = '/fetch'

interface FetchQuery {
  readonly target: Target
  readonly format: 'raw' | 'json'
  readonly redirect: 'follow' | 'manual'
  readonly claims: readonly string[]
}

export async function serveFetch(request: IncomingMessage, response: ServerResponse, surface: SurfaceRequest): Promise<void> {
  const query = parseFetchQuery(request.url ?? '')
  if ('reason' in query) {
    refuseMessage(request, response, query, surface.context)
    return
  }
  const http = new HttpReply(request, response, surface.context.companionId)
  const first = buildExchange(request, response, { surface: 'fetch', target: query.target, claims: query.claims }, surface)
  const reply = query.format === 'json' ? new JsonReply(response, http, query.target.raw, surface.context.companionId) : http
  await followRedirects(first, reply, query, surface)
}

async function followRedirects(first: Exchange, reply: Reply, query: FetchQuery, { context }: SurfaceRequest): Promise<void> {
  const { services } = context
  const limit = query.redirect === 'follow' ? services.policy().limits.maxRedirects : 0
  let exchange = first
  for (let hop = 0; hop < limit; hop++) {
    const hopReply = new RedirectReply(reply)
    await handleExchange(hopReply.watch(exchange), hopReply, services)
    const next = hopReply.location === undefined ? undefined : redirected(hopReply, services.clock.nowMs())
    if (next === undefined) return
    exchange = next
  }
  await handleExchange(exchange, reply, services)
}

function parseFetchQuery(requestTarget: string): FetchQuery | Denial {
  const parameters = new URLSearchParams(requestTarget.slice(FETCH_PATH.length + 1))
  const urls = parameters.getAll('url')
  if (urls.length !== 1) return { reason: 'malformed_request', detail: 'expected exactly one url parameter' }
  const target = parseAbsoluteTarget(toWireText(urls[0] ?? ''), 'drop')
  if ('reason' in target) return target

  const format = parameters.get('format') ?? 'raw'
  const redirect = parameters.get('redirect') ?? 'follow'
  if (format !== 'raw' && format !== 'json') return { reason: 'malformed_request', detail: 'format: expected raw or json' }
  if (redirect !== 'follow' && redirect !== 'manual') return { reason: 'malformed_request', detail: 'redirect: expected follow or manual' }
  return { target, format, redirect, claims: parameters.getAll('agent') }
}

/** Characters beyond ASCII, and spaces, cannot stand in a request line: they go out as their UTF-8 bytes, percent-encoded. */
export function toWireText(url: string): string {
  // A host keeps its characters: canonicalHost turns them into A-labels.
  const afterScheme = url.indexOf('://') + '://'.length
  const pathAt = url.slice(afterScheme).search(/[/?#]/)
  if (pathAt < 0) return url
  const cut = afterScheme + pathAt
  return url.slice(0, cut) + url.slice(cut).replace(/[^\u0021-\u007e]+/gu, (text) => encodeURIComponent(text.toWellFormed()))
}
