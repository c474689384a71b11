/**
 * The admin listener: health, metrics, figures, kill switch, reload. Its own HTTP server, apart from agent traffic, on a
 * TCP address (bearer token) and on a UNIX socket of mode 0600 (no token: the file system says who may open it).
 */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { Clock } from '../base/clock.ts'
import { problemAnswer, writeAnswer, type AdminAnswer } from './admin-answer.ts'
import type { AdminCall, AdminRoute } from './admin-call.ts'
import { createOriginCheck, createTokenCheck, isCrossOrigin, type AdminTransport } from './admin-caller.ts'
import { createRefusalAudit } from './admin-refusals.ts'
import { createRoutes } from './admin-routes.ts'
import type { AdminSources } from './admin-sources.ts'
import { routeKey } from './budget-routes.ts'
import { listenOnSocketFile } from './socket-file.ts'

export interface AdminOptions {
  /** TCP address; port 0 takes a free one. Absent: no TCP listener. */
  readonly listen?: { readonly host: string; readonly port: number }
  /** Path of the UNIX socket. Absent: none. */
  readonly socketPath?: string
  /** Absent or empty: the guarded paths are closed on TCP. */
  readonly token?: string
  /** Names that may stand in `Host` besides loopback ones and the address of `listen`. */
  readonly allowedHosts?: readonly string[]
  readonly sources: AdminSources
  readonly clock: Clock
}

export interface Admin {
  /** Opens both listeners, or none. @throws the error of listen(2), or AdminSocketError */
  open(): Promise<AdminAddresses>
  /** Ends idle connections at once and running answers after a short wait. */
  close(): Promise<void>
}

export interface AdminAddresses {
  /** As bound. */
  readonly tcp?: { readonly host: string; readonly port: number }
  readonly socketPath?: string
}

const HEADERS_TIMEOUT_MS = 5000
const REQUEST_TIMEOUT_MS = 10_000
const IDLE_TIMEOUT_MS = 5000
/** A caller that does not take its answer. */
const STALLED_TIMEOUT_MS = 30_000
const TIMEOUT_CHECK_MS = 1000
const MAX_HEADER_BYTES = 8192
const MAX_HEADERS = 64
const MAX_CONNECTIONS = 64
const CLOSE_WAIT_MS = 1000

export function createAdmin(options: AdminOptions): Admin {
  const desk = createDesk(options)
  const servers: Server[] = []
  const closeAll = async (): Promise<void> => {
    await Promise.all(servers.splice(0).map(closeServer))
  }

  return {
    open: async () => {
      try {
        const tcp = options.listen === undefined ? undefined : await openTcp(options.listen, desk, servers)
        if (options.socketPath !== undefined) await openSocket(options.socketPath, desk, servers)
        return { ...(tcp !== undefined && { tcp }), ...(options.socketPath !== undefined && { socketPath: options.socketPath }) }
      } catch (thrown) {
        await closeAll()
        throw thrown
      }
    },
    close: closeAll,
  }
}

async function openTcp(listen: { readonly host: string; readonly port: number }, desk: Desk, servers: Server[]): Promise<{ host: string; port: number }> {
  const server = createAdminServer('tcp', desk)
  servers.push(server)
  server.listen({ host: listen.host, port: listen.port, exclusive: true })
  await once(server, 'listening')
  // From here on an error is one of accept(2), for example no descriptors left: told, and the listener stays.
  server.on('error', desk.failed)
  const { address, port } = server.address() as AddressInfo
  return { host: address, port }
}

async function openSocket(path: string, desk: Desk, servers: Server[]): Promise<void> {
  const server = createAdminServer('socket', desk)
  await listenOnSocketFile(server, path)
  server.on('error', desk.failed)
  servers.push(server)
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeIdleConnections()
  const timer = setTimeout(() => {
    server.closeAllConnections()
  }, CLOSE_WAIT_MS)
  await closed
  clearTimeout(timer)
}

/** What answers requests, whichever way they came. */
interface Desk {
  readonly answer: (call: AdminCall) => Promise<AdminAnswer>
  readonly failed: (thrown: unknown) => void
}

function createAdminServer(via: AdminTransport, desk: Desk): Server {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: IDLE_TIMEOUT_MS,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  })
  server.maxHeadersCount = MAX_HEADERS
  server.maxConnections = MAX_CONNECTIONS
  server.setTimeout(STALLED_TIMEOUT_MS)
  server.on('request', (request, response) => {
    serve({ request, via, remote: request.socket.remoteAddress ?? '' }, response, desk).catch((thrown: unknown) => {
      response.destroy()
      desk.failed(thrown)
    })
  })
  return server
}

async function serve(call: AdminCall, response: ServerResponse, desk: Desk): Promise<void> {
  const answer = await desk.answer(call).catch((thrown: unknown) => {
    // A caller that went away while its body was read is nobody's fault.
    if (!call.request.destroyed || call.request.complete) desk.failed(thrown)
    return problemAnswer(500, 'the companion failed to answer')
  })
  if (!response.destroyed) writeAnswer(response, answer, isRead(call.request) ? 'keep' : 'close')
}

/** Whether every byte of the request has come: a body that nobody read would be taken for the next request's delay. */
function isRead(request: IncomingMessage): boolean {
  const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  return !hasBody || request.readableEnded
}

function createDesk({ token, allowedHosts = [], listen, sources, clock }: AdminOptions): Desk {
  const routes = createRoutes(sources)
  const bearsToken = createTokenCheck(token)
  const checkOrigin = createOriginCheck([...allowedHosts, ...(listen === undefined ? [] : [listen.host])])
  const refusals = createRefusalAudit(sources, clock)

  const turnAway = (call: AdminCall): AdminAnswer | undefined => {
    const { request, via } = call
    if (via === 'socket') return isCrossOrigin(request, '') ? refusals.refuse(call, problemAnswer(403, 'cross-origin requests are not served')) : undefined
    const strange = checkOrigin(request)
    if (strange === 'host') return refusals.refuse(call, problemAnswer(421, 'the Host field names neither loopback nor a configured name'))
    if (strange === 'origin') return refusals.refuse(call, problemAnswer(403, 'cross-origin requests are not served'))
    if (routes.get(routeKey(pathOf(request)))?.access === 'open' || bearsToken(request)) return undefined
    return refusals.refuse(call, problemAnswer(401, 'expected the admin token', { 'WWW-Authenticate': 'Bearer' }))
  }

  return {
    answer: async (call) => turnAway(call) ?? (await dispatch(call, routes.get(routeKey(pathOf(call.request))))),
    failed: (thrown) => {
      sources.failed(thrown)
    },
  }
}

async function dispatch(call: AdminCall, route: AdminRoute | undefined): Promise<AdminAnswer> {
  if (route === undefined) return problemAnswer(404, 'no such path')
  const handler = route.methods.get(call.request.method ?? '')
  if (handler === undefined) return problemAnswer(405, 'no such method on this path', { Allow: [...route.methods.keys()].join(', ') })
  return handler(call)
}

function pathOf(request: IncomingMessage): string {
  return request.url?.split('?', 1)[0] ?? ''
}
