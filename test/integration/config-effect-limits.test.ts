/** What each key under limits changes for a client: one within the limit passes, one beyond is refused. */

import assert from 'node:assert/strict'
import http from 'node:http'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'

import { startTestCompanion } from '../support/companion.ts'
import { freePort } from '../support/free-port.ts'
import { startOrigin } from '../support/origin.ts'
import { askProxy } from '../support/outcome-of.ts'
import { sendRaw } from '../support/proxy-client.ts'
import { waitFor } from '../support/wait-for.ts'

const post = (bytes: number) => ({ method: 'POST', body: 'x'.repeat(bytes) })

test('config limits.max_body_bytes: a body of one byte more gets 413 and does not arrive', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'limits: {max_body_bytes: 1KiB}\n' })
  assert.equal(await askProxy(companion.port, origin.url, post(1024)), '200')
  assert.equal(await askProxy(companion.port, origin.url, post(1025)), 'body_too_large')
  assert.equal(origin.seen.length, 1)
  companion.reload('limits: {max_body_bytes: 1025B}\n')
  assert.equal(await askProxy(companion.port, origin.url, post(1025)), '200')
})

test('config limits.max_held_bytes: a body that no longer fits beside another gets 503, and passes when that one is gone', async (t) => {
  const origin = await startOrigin(t)
  const held = (bytes: number): string => `limits: {max_held_bytes: ${bytes}B, max_body_bytes: 1000B, max_held_response_bytes: 100B}\n`
  const companion = await startTestCompanion(t, { allowLoopback: true, config: held(1000) })
  const slow = connect(companion.port, '127.0.0.1')
  t.after(() => slow.destroy())
  slow.write(`POST ${origin.url}/ HTTP/1.1\r\nHost: x.test\r\nContent-Length: 601\r\n\r\n${'x'.repeat(600)}`)
  await waitFor(async () => (await companion.metrics()).includes('chaperone_held_bytes 600'))
  assert.equal(await askProxy(companion.port, origin.url, post(400)), '200')
  assert.equal(await askProxy(companion.port, origin.url, post(500)), 'held_bytes_exhausted')

  companion.reload(held(2000))
  assert.equal(await askProxy(companion.port, origin.url, post(500)), '200')
  companion.reload(held(1000))
  slow.destroy()
  await waitFor(async () => (await askProxy(companion.port, origin.url, post(500))) === '200')
})

test('config limits.max_held_response_bytes: a longer answer arrives before it is complete, a shorter one does not', async (t) => {
  let release: () => void = () => undefined
  const origin = await startOrigin(t, (_request, response) => {
    response.write('x'.repeat(2000))
    release = () => response.end('end')
  })
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'limits: {max_held_response_bytes: 1000B}\n' })
  const firstBytes = (): { arrived: () => boolean; complete: Promise<number> } => {
    let received = 0
    const complete = new Promise<number>((resolve, reject) => {
      const request = http.get({ host: '127.0.0.1', port: companion.port, path: origin.url, agent: false }, (response) => {
        response.on('data', (chunk: Buffer) => (received += chunk.length))
        response.on('end', () => { resolve(received) })
      })
      request.on('error', reject)
    })
    return { arrived: () => received > 0, complete }
  }
  const streamed = firstBytes()
  await waitFor(streamed.arrived)
  release()
  assert.equal(await streamed.complete, 2003)

  companion.reload('limits: {max_held_response_bytes: 1MiB}\n')
  const held = firstBytes()
  await waitFor(() => origin.seen.length === 2)
  await new Promise((resolve) => setTimeout(resolve, 150))
  assert.equal(held.arrived(), false)
  release()
  assert.equal(await held.complete, 2003)
})

test('config limits.max_header_bytes: a longer header section gets 431', async (t) => {
  const origin = await startOrigin(t)
  const small = await startTestCompanion(t, { allowLoopback: true, config: 'limits: {max_header_bytes: 1KiB}\n' })
  const usual = await startTestCompanion(t, { allowLoopback: true })
  const long = { headers: { 'x-long': 'x'.repeat(1024) } }
  assert.equal(await askProxy(small.port, origin.url, { headers: { 'x-short': 'x'.repeat(512) } }), '200')
  assert.equal(await askProxy(small.port, origin.url, long), 'headers_too_large')
  assert.equal(await askProxy(usual.port, origin.url, long), '200')
  assert.match(small.reload('limits: {max_header_bytes: 2KiB}\n').messages.join(), /limits\.max_header_bytes/)
})

test('config limits.max_headers: one field more gets 431', async (t) => {
  const origin = await startOrigin(t)
  const few = await startTestCompanion(t, { allowLoopback: true, config: 'limits: {max_headers: 10}\n' })
  const usual = await startTestCompanion(t, { allowLoopback: true })
  const request = (fields: number): string => {
    const lines = Array.from({ length: fields - 2 }, (_each, at) => `X-Field-${at}: 1\r\n`)
    return `GET ${origin.url}/ HTTP/1.1\r\nHost: x.test\r\nConnection: close\r\n${lines.join('')}\r\n`
  }
  assert.match((await sendRaw(few.port, request(10))).text, /^HTTP\/1\.1 200 /)
  assert.match((await sendRaw(few.port, request(11))).text, /^HTTP\/1\.1 431 .*headers_too_large/s)
  assert.match((await sendRaw(usual.port, request(11))).text, /^HTTP\/1\.1 200 /)
})

/** Opens connections that say nothing. */
async function openIdle(t: TestContext, port: number, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1'))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
  return sockets
}

test('config limits.max_connections: one connection more is closed, whichever listener it comes to', async (t) => {
  const origin = await startOrigin(t)
  const own = await freePort()
  const companion = await startTestCompanion(t, { allowLoopback: true, config: `limits: {max_connections: 3}\nagents: {a: {listeners: ["127.0.0.1:${own}"]}}\n` })
  const [first] = await openIdle(t, companion.port, 1)
  await openIdle(t, own, 1)
  assert.equal(await askProxy(companion.port, origin.url), '200')
  assert.equal(await askProxy(own, origin.url), '200')

  await openIdle(t, own, 1)
  for (const port of [companion.port, own]) await assert.rejects(askProxy(port, origin.url), { code: 'ECONNRESET' })
  first?.destroy()
  await waitFor(() => askProxy(companion.port, origin.url).then((outcome) => outcome === '200', () => false))
})

test('config limits.max_connections_per_profile: one connection more of a profile gets 503, another profile has its own places', async (t) => {
  const origin = await startOrigin(t)
  const own = await freePort()
  const text = (limit: number): string => `limits: {max_connections_per_profile: ${limit}}\nagents: {a: {listeners: ["127.0.0.1:${own}"]}}\n`
  const companion = await startTestCompanion(t, { allowLoopback: true, config: text(1) })
  await openIdle(t, companion.port, 1)
  assert.equal(await askProxy(companion.port, origin.url), 'connection_limit')
  assert.equal(await askProxy(own, origin.url), '200')
  companion.reload(text(2))
  assert.equal(await askProxy(companion.port, origin.url), '200')
  companion.reload(text(0))
  await openIdle(t, companion.port, 5)
  assert.equal(await askProxy(companion.port, origin.url), '200')
})
