/** The CONNECT surface: opaque tunnels that are counted, limited and cut. */

import assert from 'node:assert/strict'
import net from 'node:net'
import { test, type TestContext } from 'node:test'

import { startTestCompanion } from '../support/companion.ts'
import { startRawOrigin } from '../support/origin.ts'
import { sendRaw } from '../support/proxy-client.ts'
import { waitFor } from '../support/wait-for.ts'

async function echoOrigin(t: TestContext) {
  return startRawOrigin(t, (socket) => {
    socket.on('data', (chunk: Buffer) => socket.write(chunk))
    socket.on('end', () => socket.end())
  })
}

function openTunnel(port: number, target: string, early = ''): Promise<{ socket: net.Socket; head: string }> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', reject)
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n${early}`)
    socket.once('data', (chunk: Buffer) => {
      socket.removeAllListeners('error')
      resolve({ socket, head: chunk.toString() })
    })
  })
}

test('a tunnel carries bytes both ways, data sent with its head included, and both ends of it are counted', async (t) => {
  const origin = await echoOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const answer = await sendRaw(companion.port, `CONNECT 127.0.0.1:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\nearly bytes`, { halfClose: true })
  assert.equal(answer.text, 'HTTP/1.1 200 Connection Established\r\n\r\nearly bytes')
  assert.equal(answer.closedBy, 'end')
  await waitFor(async () => (await companion.exchangeReceipts()).length === 2)
  const [intent, outcome] = await companion.exchangeReceipts()
  assert.equal(intent?.transport, 'connect')
  assert.equal(intent.target, `127.0.0.1:${origin.port}`)
  assert.equal(outcome?.pattern, 'status=200 bytes_up=11 bytes_down=11 reason=completed')
})

test('half-close passes through: the answer still comes after the client has ended', async (t) => {
  const origin = await startRawOrigin(t, (socket) => {
    socket.on('end', () => setTimeout(() => socket.end('after the end'), 50))
    socket.resume()
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const { socket } = await openTunnel(companion.port, `127.0.0.1:${origin.port}`)
  socket.end('request')
  const text = await new Promise<string>((resolve) => {
    let all = ''
    socket.on('data', (chunk: Buffer) => (all += chunk.toString()))
    socket.on('end', () => {
      resolve(all)
    })
  })
  assert.equal(text, 'after the end')
})

test('a tunnel to a dead port, an internal address or a blocked host is refused with its reason', async (t) => {
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'fetch_proxy: {listen: "127.0.0.1:0", monitoring: {blocklist: ["*.blocked.test"]}}\n' })
  for (const [target, status, reason] of [
    ['127.0.0.1:1', 502, 'upstream_unreachable'],
    ['10.0.0.1:443', 403, 'ssrf_address'],
    ['[::ffff:10.0.0.1]:443', 403, 'ssrf_address'],
    ['a.blocked.test:443', 403, 'host_blocked'],
  ] as const) {
    const answer = await sendRaw(companion.port, `CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
    assert.match(answer.text, new RegExp(`^HTTP/1\\.1 ${status} `), target)
    assert.match(answer.text, new RegExp(`X-Pipelock-Block-Reason: ${reason}\r\n`), target)
  }
})

test('the companion itself is never a destination, whatever the lists say', async (t) => {
  const companion = await startTestCompanion(t, { config: 'ssrf: {ip_allowlist: [127.0.0.0/8]}\ntrusted_domains: [localhost]\n' })
  for (const target of [`127.0.0.1:${companion.adminPort}`, `localhost:${companion.adminPort}`, `127.0.0.1:${companion.port}`, `[::ffff:127.0.0.1]:${companion.adminPort}`, `0.0.0.0:${companion.adminPort}`]) {
    const tunnel = await sendRaw(companion.port, `CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
    assert.match(tunnel.text, /X-Pipelock-Block-Reason: (protected_target|ssrf_address)\r\n/, target)
    const message = await sendRaw(companion.port, `GET http://${target}/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    assert.match(message.text, /X-Pipelock-Block-Reason: (protected_target|ssrf_address)\r\n/, target)
  }
})

test('the kill switch cuts an open tunnel within a second, by a reset, and the outcome says so', async (t) => {
  const origin = await echoOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const { socket } = await openTunnel(companion.port, `127.0.0.1:${origin.port}`)
  const closed = new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? '')
    })
    socket.on('end', () => {
      resolve('clean end')
    })
  })
  const startedMs = performance.now()
  const answer = await companion.admin('/api/v1/killswitch', { method: 'POST', body: '{"active": true}' })
  assert.equal(answer.status, 200)
  assert.equal(await closed, 'ECONNRESET')
  assert.ok(performance.now() - startedMs < 1000)
  const refused = await sendRaw(companion.port, `CONNECT 127.0.0.1:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\n`)
  assert.match(refused.text, /^HTTP\/1\.1 503 [^]*X-Pipelock-Block-Reason: kill_switch\r\n/)
  const receipts = await companion.exchangeReceipts()
  assert.match(receipts.find(({ decision_phase }) => decision_phase === 'outcome')?.pattern ?? '', /reason=kill_switch$/)
  await companion.admin('/api/v1/killswitch', { method: 'POST', body: '{"active": false}' })
  const again = await openTunnel(companion.port, `127.0.0.1:${origin.port}`)
  assert.match(again.head, /^HTTP\/1\.1 200 /)
  again.socket.destroy()
})

test('an idle tunnel is ended after its idle time-out', async (t) => {
  const origin = await echoOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'forward_proxy: {idle_timeout_seconds: 1}\n' })
  const { socket } = await openTunnel(companion.port, `127.0.0.1:${origin.port}`)
  const startedMs = performance.now()
  await new Promise((resolve) => socket.on('error', resolve).on('end', resolve))
  assert.ok(performance.now() - startedMs >= 900)
  await waitFor(async () => ((await companion.exchangeReceipts()).at(-1)?.pattern ?? '').endsWith("reason=upstream_timeout"))
})

test('an upstream reset reaches the client as a reset', async (t) => {
  const origin = await startRawOrigin(t, (socket) => socket.once('data', () => socket.resetAndDestroy()))
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const { socket } = await openTunnel(companion.port, `127.0.0.1:${origin.port}`)
  socket.write('x')
  const ended = await new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? '')
    })
    socket.on('end', () => {
      resolve('clean end')
    })
  })
  assert.equal(ended, 'ECONNRESET')
})
