/** A real HTTP origin that counts what reaches it, and answers as the test says. */

import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import net from 'node:net'
import type { TestContext } from 'node:test'

export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

export interface Origin {
  readonly port: number
  readonly url: string
  /** Every request whose head arrived, in order; the body filled in when it is complete. */
  readonly seen: readonly SeenRequest[]
  /** TCP connections that were accepted. */
  readonly connections: () => number
}

export type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void

const HELLO: Answer = (_request, response) => {
  response.end('hello\n')
}

export async function startOrigin(test: TestContext, answer: Answer = HELLO, host = '127.0.0.1'): Promise<Origin> {
  const seen: SeenRequest[] = []
  let connections = 0
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      seen.push({ method: request.method ?? '', url: request.url ?? '', rawHeaders: request.rawHeaders, body })
      answer(request, response, body)
    })
    request.on('error', () => undefined)
  })
  server.on('connection', () => connections++)
  const port = await listenOn(server, host)
  test.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port, url: `http://${host}:${port}`, seen, connections: () => connections }
}

export interface RawOrigin {
  readonly port: number
  readonly url: string
  /** Everything each connection sent, latin-1. */
  readonly received: readonly string[]
}

/** An origin that speaks bytes: `serve` gets each socket. */
export async function startRawOrigin(test: TestContext, serve: (socket: net.Socket) => void): Promise<RawOrigin> {
  const received: string[] = []
  const sockets = new Set<net.Socket>()
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const at = received.push('') - 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      received[at] = (received[at] ?? '') + chunk.toString('latin1')
    })
    serve(socket)
  })
  const port = await listenOn(server, '127.0.0.1')
  test.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port, url: `http://127.0.0.1:${port}`, received }
}

function listenOn(server: net.Server, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, host, () => {
      resolve((server.address() as net.AddressInfo).port)
    })
  })
}
