/** PROXY protocol version 2 over real sockets, in whole, in pieces, and malformed. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import fc from 'fast-check'

import { readProxyHeader, type ProxyHeader } from './read-proxy-header.ts'

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const PATIENCE_MS = 5_000

function headerOf(command: number, form: number, rest: Buffer, announcedBytes = rest.length): Buffer {
  const fixed = Buffer.alloc(4)
  fixed.writeUInt8(command, 0)
  fixed.writeUInt8(form, 1)
  fixed.writeUInt16BE(announcedBytes, 2)
  return Buffer.concat([SIGNATURE, fixed, rest])
}

const IPV4 = Buffer.from('0a0100070a0200091f9022b8', 'hex')
const IPV6 = Buffer.concat([Buffer.from('fd000042000000000000000000000007', 'hex'), Buffer.from('fd000042000000000000000000000001', 'hex'), Buffer.from('1f9022b8', 'hex')])
const MAPPED = Buffer.concat([Buffer.from('00000000000000000000ffff0a010007', 'hex'), IPV6.subarray(16)])
const CLIENT = { kind: 'client', address: '10.1.0.7', port: 0x1f90 } as const

interface Reading {
  readonly header: ProxyHeader
  /** What an application reads from the socket afterwards, up to the end. */
  readonly rest: Buffer
  readonly isDestroyed: boolean
}

/** @param drive writes to the connection and ends it */
async function read(drive: (socket: Socket) => Promise<void> | void, timeoutMs = PATIENCE_MS): Promise<Reading> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.setNoDelay(true)
  client.on('error', () => undefined)
  try {
    const [socket] = await accepted
    const reading = readProxyHeader(socket, timeoutMs)
    const driving = Promise.resolve(drive(client))
    const header = await reading
    const isDestroyed = socket.destroyed
    const chunks: Buffer[] = []
    if (!isDestroyed) for await (const chunk of socket) chunks.push(chunk as Buffer)
    await driving
    return { header, rest: Buffer.concat(chunks), isDestroyed }
  } finally {
    client.destroy()
    server.close()
  }
}

const send = (...pieces: Buffer[]) => (socket: Socket) => {
  for (const piece of pieces) socket.write(piece)
  socket.end()
}

async function refusalOf(bytes: Buffer): Promise<string> {
  const { header, isDestroyed } = await read(send(bytes))
  assert.equal(header.kind, 'refused', bytes.toString('latin1'))
  assert.ok(isDestroyed)
  return 'detail' in header ? header.detail : ''
}

test('a client of either family is read with its port', async () => {
  assert.deepEqual((await read(send(headerOf(0x21, 0x11, IPV4)))).header, CLIENT)
  assert.deepEqual((await read(send(headerOf(0x21, 0x21, IPV6)))).header, { kind: 'client', address: 'fd00:42::7', port: 0x1f90 })
})

test('a mapped client is the IPv4 client', async () => {
  assert.deepEqual((await read(send(headerOf(0x21, 0x21, MAPPED)))).header, CLIENT)
})

test('TLVs after the addresses are skipped, up to the largest header', async () => {
  const largest = Buffer.concat([IPV4, Buffer.alloc(536 - IPV4.length, 0x2a)])
  const { header, rest } = await read(send(headerOf(0x21, 0x11, largest), Buffer.from('data')))
  assert.deepEqual(header, CLIENT)
  assert.equal(rest.toString(), 'data')
})

test('what follows the header is left to the application, a second header included', async () => {
  const one = headerOf(0x21, 0x11, IPV4)
  const { header, rest } = await read(send(Buffer.concat([one, one, Buffer.from('GET / HTTP/1.1\r\n')])))
  assert.deepEqual(header, CLIENT)
  assert.deepEqual(rest, Buffer.concat([one, Buffer.from('GET / HTTP/1.1\r\n')]))
})

test('a header that arrives byte by byte is read like one that arrives whole', async () => {
  const { header, rest } = await read(async (socket) => {
    for (const byte of Buffer.concat([headerOf(0x21, 0x11, IPV4), Buffer.from('rest')])) {
      socket.write(Buffer.from([byte]))
      await delay(1)
    }
    socket.end()
  })
  assert.deepEqual(header, CLIENT)
  assert.equal(rest.toString(), 'rest')
})

test('LOCAL is a call of the proxy itself, whatever else it says', async () => {
  for (const [form, bytes] of [[0x00, Buffer.alloc(0)], [0x11, IPV4], [0x00, Buffer.alloc(20)], [0xff, IPV4]] as const) {
    const { header, rest } = await read(send(headerOf(0x20, form, bytes), Buffer.from('x')))
    assert.deepEqual(header, { kind: 'local' })
    assert.equal(rest.toString(), 'x')
  }
})

test('a client without an Internet address of a stream is unresolved', async () => {
  const unix = Buffer.alloc(216)
  const forms: [number, Buffer][] = [
    [0x00, Buffer.alloc(0)], [0x00, IPV4], [0x01, IPV4], [0x02, IPV4], [0x10, IPV4], [0x12, IPV4],
    [0x20, IPV6], [0x22, IPV6], [0x30, unix], [0x31, unix], [0x32, unix],
  ]
  for (const [form, bytes] of forms) {
    const { header, rest } = await read(send(headerOf(0x21, form, bytes), Buffer.from('x')))
    assert.deepEqual(header, { kind: 'unresolved' }, form.toString(16))
    assert.equal(rest.toString(), 'x')
  }
})

test('a header that breaks the rules is refused, and the connection with it', async () => {
  assert.match(await refusalOf(headerOf(0x11, 0x11, IPV4)), /version or command/)
  assert.match(await refusalOf(headerOf(0x22, 0x11, IPV4)), /version or command/)
  assert.match(await refusalOf(headerOf(0x31, 0x11, IPV4)), /version or command/)
  for (const form of [0x13, 0x40, 0x41, 0xff]) assert.match(await refusalOf(headerOf(0x21, form, IPV6)), /family or transport/)
  assert.match(await refusalOf(headerOf(0x21, 0x11, IPV4.subarray(1))), /too short/)
  assert.match(await refusalOf(headerOf(0x21, 0x21, IPV4)), /too short/)
  assert.match(await refusalOf(headerOf(0x21, 0x31, IPV6)), /too short/)
  assert.match(await refusalOf(headerOf(0x21, 0x11, Buffer.alloc(537))), /over 536 bytes/)
  assert.match(await refusalOf(headerOf(0x20, 0x00, Buffer.alloc(0), 65_535)), /over 536 bytes/)
})

test('the text form of version 1 is refused by name, anything else as no header', async () => {
  assert.match(await refusalOf(Buffer.from('PROXY TCP4 10.1.0.7 10.2.0.9 8080 8888\r\nGET / HTTP/1.1\r\n\r\n')), /version 1/)
  assert.match(await refusalOf(Buffer.from('PROXY UNKNOWN\r\n')), /version 1/)
  assert.match(await refusalOf(Buffer.from('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n')), /does not begin/)
  assert.match(await refusalOf(Buffer.from('\x16\x03\x01\x02\x00')), /does not begin/)
})

test('a wrong byte is refused at once, before the rest arrives', async () => {
  const { header } = await read((socket) => { socket.write('G') })
  assert.equal(header.kind, 'refused')
})

test('a header cut short is refused when the connection ends or fails', async () => {
  const header = headerOf(0x21, 0x11, IPV4)
  for (const bytes of [0, 1, 12, 15, 16, header.length - 1]) {
    assert.match(await refusalOf(header.subarray(0, bytes)), /ended before/)
  }
  const { header: reset } = await read((socket) => { socket.write(header.subarray(0, 5), () => socket.resetAndDestroy()) })
  assert.equal(reset.kind, 'refused')
})

test('a header that is late is refused', async () => {
  const { header, isDestroyed } = await read((socket) => { socket.write(headerOf(0x21, 0x11, IPV4).subarray(0, 20)) }, 30)
  assert.deepEqual(header, { kind: 'refused', detail: 'the PROXY header did not arrive in time' })
  assert.ok(isDestroyed)
})

test('a socket that is already gone is refused', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [socket] = (await once(server, 'connection')) as [Socket]
  socket.destroy()
  assert.equal((await readProxyHeader(socket, PATIENCE_MS)).kind, 'refused')
  client.destroy()
  server.close()
})

test('the socket can be given to an HTTP server, which sees the requests and nothing of the header', async () => {
  const http = createHttpServer((request, response) => {
    let length = 0
    request.on('data', (chunk: Buffer) => { length += chunk.length })
    request.on('end', () => response.end(`${request.url ?? ''} ${length};`))
  })
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    void readProxyHeader(socket, PATIENCE_MS).then(({ kind }) => {
      if (kind === 'client') http.emit('connection', socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const request = (path: string, bytes: number, close = '') =>
    Buffer.from(`POST ${path} HTTP/1.1\r\nHost: a\r\n${close}Content-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`)
  const stream = Buffer.concat([headerOf(0x21, 0x11, IPV4), request('/1', 0), request('/2', 200_000), request('/3', 5, 'Connection: close\r\n')])

  const answerTo = async (pieces: Buffer[]): Promise<string> => {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    client.setNoDelay(true)
    const chunks: Buffer[] = []
    client.on('data', (chunk: Buffer) => chunks.push(chunk))
    const closed = once(client, 'close')
    for (const piece of pieces) {
      client.write(piece)
      await delay(1)
    }
    await closed
    return Buffer.concat(chunks).toString()
  }
  try {
    const cuts = [[], [16], [28], [29], [5, 20, 30, 60, 100, 150_000]]
    for (const cut of cuts) {
      const answer = await answerTo([...cut, stream.length].map((end, n) => stream.subarray(cut[n - 1] ?? 0, end)))
      for (const expected of ['/1 0;', '/2 200000;', '/3 5;']) assert.ok(answer.includes(expected), `${String(cut)}: ${answer}`)
    }
  } finally {
    server.close()
  }
})

test('no bytes make the reader do anything but answer', async () => {
  const command = fc.constantFrom(0x20, 0x21, 0x22, 0x11)
  const aHeader = fc.tuple(command, fc.nat(0x33), fc.uint8Array({ maxLength: 300 })).map(([first, form, rest]) => headerOf(first, form, Buffer.from(rest)))
  const anything = fc.oneof(aHeader, fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)))
  await fc.assert(
    fc.asyncProperty(anything, async (bytes) => {
      const { header } = await read(send(bytes), 500)
      assert.ok(['client', 'local', 'unresolved', 'refused'].includes(header.kind))
    }),
    { numRuns: 60 },
  )
})
