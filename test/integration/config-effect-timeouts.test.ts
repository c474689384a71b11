/** What each time-out changes: a short one ends what a long one, beside it, still waits for. */

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'

import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { startDnsServer } from '../support/dns-server.ts'
import { startOrigin, startRawOrigin } from '../support/origin.ts'
import { askProxy } from '../support/outcome-of.ts'
import { sendRaw, type RawAnswer } from '../support/proxy-client.ts'
import { waitFor } from '../support/wait-for.ts'

const SHORT = '300ms'
/** Longer than the short time-out and the coarse clocks of HTTP client and server together. */
const LONG_ENOUGH_MS = 2000

/** One companion with the short time-out, and one with the default. */
async function startBoth(t: TestContext, key: string, more = ''): Promise<[short: TestCompanion, usual: TestCompanion]> {
  const short = await startTestCompanion(t, { allowLoopback: true, config: `timeouts: {${key}: ${SHORT}}\n${more}` })
  return [short, await startTestCompanion(t, { allowLoopback: true, config: more })]
}

/** @returns `pending` where there is no outcome within `ms` */
function within(outcome: Promise<string>, ms: number): Promise<string> {
  // What is still open at the end of the test ends with its companion.
  outcome.catch(() => undefined)
  return Promise.race([outcome, new Promise<string>((resolve) => setTimeout(() => { resolve('pending') }, ms))])
}

const stateOf = ({ text, closedBy }: RawAnswer): string => (closedBy === 'timeout' ? 'open' : (/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? closedBy))

test('config timeouts.dns: a name server that is slower gives 502, a longer wait its answer', async (t) => {
  const origin = await startOrigin(t)
  const dns = await startDnsServer(t, ({ type }) => ({ records: type === 'A' ? [{ type, value: '127.0.0.1' }] : [], delayMs: 700 }))
  const [short, usual] = await startBoth(t, 'dns', `dns: {servers: ["${dns.address}"]}\n`)
  const url = `http://slow.example:${origin.port}/`
  assert.deepEqual(await Promise.all([askProxy(short.port, url), askProxy(usual.port, url)]), ['dns_failed', '200'])
})

test('config timeouts.connect: an address that does not finish the connection, TLS included, gives 504', async (t) => {
  const silent = await startRawOrigin(t, (socket) => socket.resume())
  const [short, usual] = await startBoth(t, 'connect')
  const url = `https://127.0.0.1:${silent.port}/`
  assert.deepEqual(await Promise.all([askProxy(short.port, url), within(askProxy(usual.port, url), 700)]), ['upstream_timeout', 'pending'])
  usual.reload(`timeouts: {connect: ${SHORT}}\n`)
  assert.equal(await askProxy(usual.port, url), 'upstream_timeout')
})

test('config timeouts.response_head: an origin that is slower gives 504, a longer wait its answer', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    setTimeout(() => response.end('late'), LONG_ENOUGH_MS)
  })
  const [short, usual] = await startBoth(t, 'response_head')
  assert.deepEqual(await Promise.all([askProxy(short.port, origin.url), askProxy(usual.port, origin.url)]), ['upstream_timeout', '200'])
})

test('config timeouts.response_idle: an answer that falls silent is cut, one that goes on slowly is not', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: 0\n\n')
    if (request.url === '/silent') return
    let sent = 0
    const timer = setInterval(() => {
      if (++sent < LONG_ENOUGH_MS / 100) response.write(`data: ${sent}\n\n`)
      else {
        clearInterval(timer)
        response.end()
      }
    }, 100)
  })
  const [short, usual] = await startBoth(t, 'response_idle')
  const outcomes = await Promise.all([
    askProxy(short.port, `${origin.url}/silent`),
    askProxy(short.port, `${origin.url}/slow`),
    within(askProxy(usual.port, `${origin.url}/silent`), LONG_ENOUGH_MS),
  ])
  assert.deepEqual(outcomes, ['200 cut', '200', 'pending'])
  const ends = (await short.exchangeReceipts()).filter(({ decision_phase }) => decision_phase === 'outcome').map(({ pattern = '' }) => pattern.split('reason=')[1])
  assert.deepEqual(ends, ['upstream_timeout', 'completed'])
})

test('config timeouts.request_head: a client that is slower gets 408', async (t) => {
  const [short, usual] = await startBoth(t, 'request_head')
  const head = 'GET http://127.0.0.1/ HTTP/1.1\r\nHost:'
  const answers = await Promise.all([
    sendRaw(short.port, head, { waitMs: LONG_ENOUGH_MS }),
    sendRaw(short.port, [], { waitMs: LONG_ENOUGH_MS }),
    sendRaw(usual.port, head, { waitMs: LONG_ENOUGH_MS }),
  ])
  assert.deepEqual(answers.map(stateOf), ['408', '408', 'open'])
})

test('config timeouts.request_idle: a body that stops gets 408, one that goes on slowly passes', async (t) => {
  const origin = await startOrigin(t)
  const [short, usual] = await startBoth(t, 'request_idle')
  const request = `POST ${origin.url}/ HTTP/1.1\r\nHost: x.test\r\nConnection: close\r\nContent-Length: 8\r\n\r\n`
  const slowly = new Promise<string>((resolve) => {
    const socket = connect(short.port, '127.0.0.1', () => socket.write(request))
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    socket.on('close', () => { resolve(text) })
    let sent = 0
    const timer = setInterval(() => {
      socket.write('x')
      if (++sent === 8) clearInterval(timer)
    }, 100)
  })
  const answers = await Promise.all([sendRaw(short.port, `${request}xxx`), sendRaw(usual.port, `${request}xxx`, { waitMs: 700 })])
  assert.deepEqual(answers.map(stateOf), ['408', 'open'])
  assert.match(await slowly, /^HTTP\/1\.1 200 /)
})

test('config timeouts.keep_alive: an idle connection is closed after that', async (t) => {
  const origin = await startOrigin(t)
  const [short, usual] = await startBoth(t, 'keep_alive')
  const request = `GET ${origin.url}/ HTTP/1.1\r\nHost: x.test\r\n\r\n`
  const answers = await Promise.all([short, usual].map(({ port }) => sendRaw(port, request, { waitMs: LONG_ENOUGH_MS })))
  for (const { text } of answers) assert.match(text, /^HTTP\/1\.1 200 /)
  assert.deepEqual(answers.map(({ closedBy }) => closedBy), ['end', 'timeout'])
})

test('config timeouts.drain: what is still open after that is cut, what ends before is not', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    setTimeout(() => response.end('late'), 1000)
  })
  const [short, usual] = await startBoth(t, 'drain')
  const outcomes = [short, usual].map(({ port }) => askProxy(port, origin.url).catch(() => 'cut'))
  await waitFor(() => origin.seen.length === 2)
  const startedMs = performance.now()
  await short.stop()
  assert.ok(performance.now() - startedMs < 900)
  await usual.stop()
  assert.deepEqual(await Promise.all(outcomes), ['draining', '200'])
})
