/** CONNECT surface: an authority-form request in, a tunnel out. Decides nothing. */

import type { IncomingMessage } from 'node:http'
import type net from 'node:net'

import { uuidV7 } from '../base/uuid.ts'
import type { Exchange, Refusal, Reply, Target, TunnelSocket } from '../model/exchange.ts'
import { headerValues } from '../model/raw-headers.ts'
import { handleExchange } from '../pipeline/index.ts'
import { parseAuthorityTarget } from './parse-target.ts'
import { refuseBytes, writeRefusal } from './refuse-message.ts'
import type { SurfaceRequest } from './surface.ts'

const EMPTY = Buffer.alloc(0)
const ESTABLISHED = 'HTTP/1.1 200 Connection Established\r\n\r\n'

/** @param head bytes that followed the request head: the caller did not wait for the answer, and they belong to the tunnel */
export async function serveConnect(request: IncomingMessage, socket: net.Socket, head: Buffer, surface: SurfaceRequest): Promise<void> {
  socket.on('error', () => undefined)
  const target = parseAuthorityTarget(request.url ?? '')
  if ('reason' in target) {
    refuseBytes(socket, target, surface.context)
    return
  }
  await handleExchange(connectExchange(request, socket, target, surface), new ConnectReply(socket, head, surface), surface.context.services)
}

function connectExchange(request: IncomingMessage, socket: net.Socket, target: Target, { context, connection }: SurfaceRequest): Exchange {
  const nowMs = context.services.clock.nowMs()
  return {
    id: uuidV7(nowMs),
    surface: 'connect',
    receivedAtMs: nowMs,
    connection,
    // A CONNECT has no body (RFC 9110 §9.3.6): what follows its head is the tunnel's.
    head: { method: 'CONNECT', target, headers: request.rawHeaders, hasBody: false },
    claimed: headerValues(request.rawHeaders, 'x-pipelock-agent'),
    readBody: () => Promise.resolve(EMPTY),
    onGone: (listener) => {
      if (socket.destroyed) listener()
      else socket.once('close', listener)
    },
  }
}

/** Only a tunnel or a refusal can be the answer to CONNECT. */
class ConnectReply implements Reply {
  readonly #socket: net.Socket
  readonly #head: Buffer
  readonly #companionId: string

  constructor(socket: net.Socket, head: Buffer, { context }: SurfaceRequest) {
    this.#socket = socket
    this.#head = head
    this.#companionId = context.companionId
  }

  openTunnel(): TunnelSocket {
    this.#socket.setTimeout(0)
    this.#socket.setNoDelay(true)
    this.#socket.write(ESTABLISHED)
    return { socket: this.#socket, head: this.#head }
  }

  refuse(refusal: Refusal): void {
    writeRefusal(this.#socket, refusal, this.#companionId)
  }

  abort(): void {
    this.#socket.resetAndDestroy()
  }

  inform(): void {
    // A tunnel has no interim answers.
  }

  start(): void {
    this.#socket.resetAndDestroy()
  }

  write(): undefined {
    return undefined
  }

  end(): Promise<void> {
    return Promise.resolve()
  }
}
