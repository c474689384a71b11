/** Identity from real sockets: loopback addresses as callers, a dual-stack listener, a proxy with PROXY v2 headers. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type Server } from 'node:http'
import { connect, createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'

import { createIdentityResolver, type IdentityResolver } from '../../src/identity/index.ts'
import { readProxyHeader } from '../../src/ingress/read-proxy-header.ts'
import type { Connection } from '../../src/model/agent.ts'
import { identityRules } from '../support/identity-rules.ts'
import { skipFor } from '../support/missed.ts'

const RULES = { networks: { '127.0.0.2/32': 'a', '127.0.0.3/32': 'b', '10.1.0.0/16': 'c' }, unmatched: 'deny' } as const

/** An HTTP server that answers every request with the profile of its caller, or the reason of the refusal. */
function answeringServer(resolver: IdentityResolver, connections: WeakMap<object, Connection>): Server {
  return createHttpServer((request, response) => {
    const connection = connections.get(request.socket)
    assert.ok(connection)
    const { agent, denial } = resolver.resolve(connection, request.rawHeaders)
    response.end(denial?.reason ?? `${agent.profile} ${agent.address}`)
  })
}

/** @returns a listener that reads a PROXY header where one is expected, and then speaks HTTP */
async function listen(t: TestContext, resolver: IdentityResolver, host: string): Promise<number> {
  const connections = new WeakMap<object, Connection>()
  const http = answeringServer(resolver, connections)
  const accept = async (socket: Socket) => {
    const captured = { listener: 'test', peerAddress: socket.remoteAddress ?? '', peerPort: socket.remotePort ?? 0 }
    const header = resolver.expectsProxyHeader(captured.peerAddress) ? await readProxyHeader(socket, 5_000) : undefined
    if (header?.kind === 'refused') return
    const proxied = header === undefined ? {} : { proxied: header.kind === 'client' ? header.address : 'unresolved' }
    connections.set(socket, { ...captured, ...proxied })
    http.emit('connection', socket)
  }
  const server: NetServer = createServer({ allowHalfOpen: true }, (socket) => void accept(socket))
  server.listen(0, host)
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

interface Call {
  readonly port: number
  readonly from?: string
  readonly proxyHeader?: Buffer
  readonly headers?: string
}

/** @returns the body of the answer; '' where the connection was dropped */
async function call({ port, from = '127.0.0.1', proxyHeader = Buffer.alloc(0), headers = '' }: Call): Promise<string> {
  const client = connect({ port, host: '127.0.0.1', localAddress: from })
  const chunks: Buffer[] = []
  client.on('data', (chunk: Buffer) => chunks.push(chunk))
  // A dropped connection is told by the empty answer.
  client.on('error', () => undefined)
  const closed = once(client, 'close')
  client.write(Buffer.concat([proxyHeader, Buffer.from(`GET / HTTP/1.1\r\nHost: a.example\r\n${headers}Connection: close\r\n\r\n`)]))
  await closed
  return Buffer.concat(chunks).toString().split('\r\n\r\n')[1]?.replace(/^[0-9a-f]+\r\n|\r\n0$/g, '') ?? ''
}

function clientHeader(sourceHex: string): Buffer {
  return Buffer.from(`0d0a0d0a000d0a515549540a2111000c${sourceHex}7f0000019c4022b8`, 'hex')
}

const LOCAL_HEADER = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')

function hasLoopbackNetwork(t: TestContext): boolean {
  if (process.platform === 'linux') return true
  skipFor(t, 'a loopback network of more than one address')
  return false
}

test('two callers at one listener are told apart by their addresses, in both kinds of listener', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const resolver = createIdentityResolver(identityRules(RULES))
  for (const host of ['127.0.0.1', '::']) {
    const port = await listen(t, resolver, host)
    const headers = 'X-Pipelock-Agent: b\r\nX-Forwarded-For: 127.0.0.3\r\nForwarded: for=127.0.0.3\r\n'
    assert.equal(await call({ port, from: '127.0.0.2', headers }), 'a 127.0.0.2', host)
    assert.equal(await call({ port, from: '127.0.0.3' }), 'b 127.0.0.3', host)
    assert.equal(await call({ port, from: '127.0.0.4', headers }), 'identity_unresolved', host)
  }
})

test('a header field names the client only when the trusted proxy sends it', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const resolver = createIdentityResolver(identityRules({ ...RULES, trustedProxies: ['127.0.0.9/32'], forwarded: 'x-forwarded-for' }))
  const port = await listen(t, resolver, '127.0.0.1')
  const headers = 'X-Forwarded-For: 127.0.0.3\r\nx-forwarded-for: 10.1.0.7\r\n'
  assert.equal(await call({ port, from: '127.0.0.9', headers }), 'c 10.1.0.7')
  assert.equal(await call({ port, from: '127.0.0.2', headers }), 'a 127.0.0.2')
  assert.equal(await call({ port, from: '127.0.0.9' }), 'identity_unresolved')
})

test('a PROXY header names the client only when the trusted proxy sends it', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const resolver = createIdentityResolver(identityRules({ ...RULES, trustedProxies: ['127.0.0.9/32'], forwarded: 'proxy_v2' }))
  const port = await listen(t, resolver, '::')
  const proxyHeader = clientHeader('0a010007')
  assert.equal(await call({ port, from: '127.0.0.9', proxyHeader }), 'c 10.1.0.7')
  assert.equal(await call({ port, from: '127.0.0.9', proxyHeader: LOCAL_HEADER }), 'identity_unresolved')
  assert.equal(await call({ port, from: '127.0.0.9' }), '', 'the trusted proxy without a header')
  assert.equal(await call({ port, from: '127.0.0.2' }), 'a 127.0.0.2')
  assert.equal(await call({ port, from: '127.0.0.2', proxyHeader }), '', 'another caller with a header')
})
