/**
 * One port for agents: forward proxy, CONNECT and /fetch share it, told apart by the form of the request target. Node's
 * strict HTTP parser reads; what it lets pass and a proxy must not, check-message.ts refuses.
 */

import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import net from 'node:net'
import type { Duplex } from 'node:stream'

import type { Connection } from '../model/agent.ts'
import type { Denial } from '../model/denial.ts'
import { checkMessage } from './check-message.ts'
import { serveConnect } from './connect-proxy.ts'
import { FETCH_PATH, serveFetch } from './fetch-endpoint.ts'
import { serveForward } from './forward-proxy.ts'
import { cutBody } from './read-body.ts'
import { refuseBytes, refuseMessage } from './refuse-message.ts'
import type { SurfaceContext, SurfaceRequest } from './surface.ts'

export interface ListenerLimits {
  readonly maxHeaderBytes: number
  readonly maxHeaders: number
  /** TCP connections of this listener together. */
  readonly maxConnections: number
  readonly requestHeadMs: number
  readonly keepAliveMs: number
}

export interface ListenerOptions {
  /** The listener's name in identity rules: its canonical address as configured. */
  readonly address: string
  /** IPv6 without brackets. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly limits: ListenerLimits
  readonly context: SurfaceContext
  /**
   * Looks at a connection before it may speak: reads a PROXY header, and asks whether the profile may have one more.
   *
   * @returns the connection's facts and how to give its place back, or `undefined` where it was closed
   */
  readonly admit: (socket: net.Socket, connection: Connection) => Promise<AdmittedConnection | undefined> | AdmittedConnection | undefined
}

export interface AdmittedConnection {
  readonly connection: Connection
  release(): void
}

export interface Listener {
  readonly address: string
  readonly host: string
  readonly port: number
  /** Takes no new connection and no new request; connections that are idle are closed, what is open on others finishes. */
  stopAccepting(): void
  /** Closes everything, now. */
  close(): Promise<void>
}

const CHECK_INTERVAL_MS = 1000
/** A reset has come back by then from any client on the same network. */
const PROBE_MS = 200
/** From the first byte of a request to its last; between two chunks of a body the shorter request_idle holds. */
const REQUEST_MS = 600_000
/** Requests that a client may send ahead of their answers: what is beyond would take the places of the whole profile from one connection. */
const MAX_PIPELINED = 32

/** @throws {NodeJS.ErrnoException} where the address cannot be bound */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const intake: Intake = { open: new WeakMap(), connections: new WeakMap(), isStopped: false }
  const parser = createParser(options, intake)
  const sockets = new Set<net.Socket>()
  const acceptor = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    void accept(socket, options, intake, parser)
  })
  acceptor.maxConnections = options.limits.maxConnections
  await listen(acceptor, options)
  const { port } = acceptor.address() as net.AddressInfo

  return {
    address: options.address,
    host: options.host,
    port,
    stopAccepting: () => {
      intake.isStopped = true
      acceptor.close()
      parser.closeIdleConnections()
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        if (acceptor.listening) acceptor.close(() => { resolve() })
        else resolve()
      })
      for (const socket of sockets) socket.destroy()
      parser.close()
      await closed
    },
  }
}

async function accept(socket: net.Socket, { address, admit }: ListenerOptions, { connections }: Intake, parser: http.Server): Promise<void> {
  // Captured now: a destroyed socket has no address any more, and identity must never fall back for want of one.
  const facts: Connection = { listener: address, peerAddress: socket.remoteAddress ?? '', peerPort: socket.remotePort ?? 0 }
  const onEarlyError = (): void => undefined
  socket.on('error', onEarlyError)
  const admitted = await admit(socket, facts)
  if (admitted === undefined) return
  socket.once('close', () => {
    admitted.release()
  })
  if (socket.destroyed) {
    admitted.release()
    return
  }
  connections.set(socket, admitted.connection)
  socket.on('end', () => {
    onHalfClose(socket)
  })
  parser.emit('connection', socket)
}

/** The answer that is under way on a connection. */
const CURRENT = new WeakMap<Duplex, ServerResponse>()

/**
 * A client that has sent all it will may still read (RFC 9112 §9.6), and one that has gone looks the same. Before the
 * answer has begun an interim 100 tells them apart: the one that has gone resets. Every client can skip a 100 that it did
 * not ask for (RFC 9110 §15.2.1); Python's http.client takes any other interim status for the answer. Later it is taken for
 * gone.
 */
function onHalfClose(socket: net.Socket): void {
  const response = CURRENT.get(socket)
  if (response === undefined || response.writableEnded) return
  if (response.headersSent) socket.resetAndDestroy()
  else if (response.req.complete && response.req.httpVersion === '1.1') probe(response)
}

/** The first interim answer makes a client that has gone reset; nobody reads from its socket any more, so only the next write tells. */
function probe(response: ServerResponse): void {
  response.writeContinue()
  setTimeout(() => {
    if (!response.headersSent && !response.destroyed) response.writeContinue()
  }, PROBE_MS).unref()
}

/** Whether an answer to an earlier request of the connection is still to be written. */
function isAnswering(socket: Duplex): boolean {
  const response = CURRENT.get(socket)
  return response !== undefined && !response.writableFinished
}

interface Intake {
  /** Requests of each connection that are not answered yet. */
  readonly open: WeakMap<Duplex, number>
  /** By socket: filled when the connection is admitted. */
  readonly connections: WeakMap<Duplex, Connection>
  /** Set once: a client can send on over a connection that a drain leaves open for its running exchange. */
  isStopped: boolean
}

function createParser({ limits, context }: ListenerOptions, intake: Intake): http.Server {
  const server = http.createServer({
    insecureHTTPParser: false,
    requireHostHeader: false,
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.requestHeadMs,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    joinDuplicateHeaders: true,
  })
  // Half-close is ours to judge: see onHalfClose.
  Object.assign(server, { httpAllowHalfOpen: true })
  // The parser never listens itself; this starts the check of its head and request time-outs.
  server.emit('listening')
  // 0: the limit that Node applies drops fields without a word; ours refuses.
  server.maxHeadersCount = 0
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    serve(request, response, intake, context).catch(() => response.destroy())
  }
  server.on('request', onRequest)
  server.on('checkContinue', onRequest)
  server.on('checkExpectation', onRequest)
  server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    takeConnect(request, socket, head, { intake, context })
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    refuseUnparsed(socket, error.code ?? '', context)
  })
  return server
}

function takeConnect(request: IncomingMessage, socket: Duplex, head: Buffer, { intake, context }: { intake: Intake; context: SurfaceContext }): void {
  if (isAnswering(socket)) {
    // An answer is still owed: a tunnel now would carry it, and a refusal would be taken for it.
    context.services.observer.refusedBeforeExchange('malformed_request')
    socket.destroy()
    return
  }
  const taken = takeIn(request, intake, context)
  if ('reason' in taken) {
    refuseBytes(socket, taken, context)
    return
  }
  if (!(socket instanceof net.Socket)) {
    socket.destroy()
    return
  }
  serveConnect(request, socket, head, taken).catch(() => socket.destroy())
}

/** Bytes that the parser does not take. Inside the body of an exchange, that exchange tells of them, once. */
function refuseUnparsed(socket: Duplex, code: string, context: SurfaceContext): void {
  const response = CURRENT.get(socket)
  const isCut = code === 'HPE_INVALID_EOF_STATE' || !/^(HPE|ERR_HTTP)_/.test(code)
  if (response === undefined || response.req.complete) {
    refuseBytes(socket, parserDenial(code), context)
    return
  }
  // Where the next message would begin nobody can tell.
  response.shouldKeepAlive = false
  const wasRead = cutBody(response.req, isCut ? { reason: 'body_incomplete', detail: 'ended within the body' } : parserDenial(code))
  // It was refused before its body: what it was told is on its way.
  if (!wasRead && response.writableEnded && socket instanceof net.Socket) socket.destroySoon()
}

/** @returns who sends the message, or why it is refused before anything else is looked at */
function takeIn(request: IncomingMessage, { connections, isStopped }: Intake, context: SurfaceContext): SurfaceRequest | Denial {
  const connection = connections.get(request.socket)
  if (connection === undefined) return { reason: 'internal_error', detail: 'no connection' }
  if (isStopped) return { reason: 'draining', detail: 'no request is taken any more' }
  return checkMessage(request, context.maxHeaders) ?? { context, connection }
}

async function serve(request: IncomingMessage, response: ServerResponse, intake: Intake, context: SurfaceContext): Promise<void> {
  const taken = takeIn(request, intake, context)
  if ('reason' in taken) {
    refuseMessage(request, response, taken, context)
    return
  }
  CURRENT.set(request.socket, response)
  const open = (intake.open.get(request.socket) ?? 0) + 1
  if (open > MAX_PIPELINED) {
    refuseMessage(request, response, { reason: 'connection_limit', detail: `over ${MAX_PIPELINED} requests open on one connection` }, context)
    return
  }
  intake.open.set(request.socket, open)
  try {
    await serveSurface(request, response, taken)
  } finally {
    intake.open.set(request.socket, (intake.open.get(request.socket) ?? 1) - 1)
  }
}

async function serveSurface(request: IncomingMessage, response: ServerResponse, taken: SurfaceRequest): Promise<void> {
  const url = request.url ?? ''
  if (url === FETCH_PATH || url.startsWith(`${FETCH_PATH}?`)) await serveFetch(request, response, taken)
  else if (url.startsWith('/') || url === '*') refuseMessage(request, response, NOT_A_PROXY_REQUEST, taken.context)
  else await serveForward(request, response, taken)
}

const NOT_A_PROXY_REQUEST: Denial = { reason: 'malformed_request', detail: 'expected an absolute-form target, CONNECT, or /fetch?url=' }

function parserDenial(code: string): Denial {
  if (code === 'HPE_HEADER_OVERFLOW') return { reason: 'headers_too_large', detail: code }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { reason: 'request_timeout', detail: code }
  return { reason: 'malformed_request', detail: code }
}

function listen(server: net.Server, { host, port }: ListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
