/** What each key of /fetch, the forward proxy and CONNECT changes for a client. */

import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'

import { startTestCompanion } from '../support/companion.ts'
import { freePort } from '../support/free-port.ts'
import { startOrigin, startRawOrigin } from '../support/origin.ts'
import { askFetch, askProxy } from '../support/outcome-of.ts'
import { sendRaw } from '../support/proxy-client.ts'
import { waitFor } from '../support/wait-for.ts'

const fetchProxy = (keys: string): string => `fetch_proxy: {listen: "127.0.0.1:0", ${keys}}\n`

function connectRequest(port: number): string {
  return `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`
}

interface Tunnel {
  readonly socket: Socket
  /** Errors and closing; empty while the tunnel is open. */
  readonly ended: readonly string[]
}

/** Opens a tunnel. @param everyMs sends a byte so often; 0: stays silent */
async function openTunnel(t: TestContext, port: number, targetPort: number, everyMs: number): Promise<Tunnel> {
  const socket = connect(port, '127.0.0.1')
  const ended: string[] = []
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
  socket.on('error', (error: NodeJS.ErrnoException) => ended.push(error.code ?? ''))
  socket.on('close', () => ended.push('closed'))
  socket.write(connectRequest(targetPort))
  await waitFor(() => answer.startsWith('HTTP/1.1 200 '))
  const chatter = everyMs === 0 ? undefined : setInterval(() => socket.write('.'), everyMs)
  t.after(() => {
    clearInterval(chatter)
    socket.destroy()
  })
  return { socket, ended }
}

/** An origin that takes every byte and says nothing. */
const startSink = (t: TestContext) => startRawOrigin(t, (socket) => socket.resume())

test('config fetch_proxy.enabled: false refuses /fetch and leaves the forward proxy', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: fetchProxy('enabled: true') })
  assert.equal(await askFetch(companion.port, origin.url), '200')
  companion.reload(fetchProxy('enabled: false'))
  assert.equal(await askFetch(companion.port, origin.url), 'surface_disabled')
  assert.equal(await askProxy(companion.port, origin.url), '200')
})

test('config fetch_proxy.listen: the companion listens there and not elsewhere', async (t) => {
  const origin = await startOrigin(t)
  const [port, other] = [await freePort(), await freePort()]
  const companion = await startTestCompanion(t, { allowLoopback: true, config: `fetch_proxy: {listen: "127.0.0.1:${port}"}\n` })
  assert.equal(companion.port, port)
  assert.equal(await askProxy(port, origin.url), '200')
  await assert.rejects(askProxy(other, origin.url), { code: 'ECONNREFUSED' })
  const { messages } = companion.reload(`fetch_proxy: {listen: "127.0.0.1:${other}"}\n`)
  assert.match(messages.join(), /fetch_proxy\.listen/)
  assert.equal(await askProxy(port, origin.url), '200')
})

test('config fetch_proxy.timeout_seconds: an origin that is slower, redirects included, gives 504; the forward proxy waits', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    const hop = Number(request.url?.slice(1))
    setTimeout(() => {
      if (hop > 0) response.writeHead(302, { location: `/${hop - 1}` }).end()
      else response.end('here')
    }, 150)
  })
  const companion = await startTestCompanion(t, { allowLoopback: true, config: fetchProxy('timeout_seconds: 400ms') })
  assert.equal(await askFetch(companion.port, `${origin.url}/0`), '200')
  const startedMs = performance.now()
  assert.equal(await askFetch(companion.port, `${origin.url}/5`), 'upstream_timeout')
  assert.ok(performance.now() - startedMs < 850, 'each hop had its own time')
  assert.equal(await askProxy(companion.port, `${origin.url}/0`), '200')

  companion.reload(fetchProxy('timeout_seconds: 50ms'))
  assert.equal(await askFetch(companion.port, `${origin.url}/0`), 'upstream_timeout')
  assert.equal(await askProxy(companion.port, `${origin.url}/0`), '200')
  companion.reload(fetchProxy('timeout_seconds: 30'))
  assert.equal(await askFetch(companion.port, `${origin.url}/5`), '200')
})

test('config fetch_proxy.redirect_limit: the redirect beyond is given to the caller, not followed', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    const hop = Number(request.url?.slice(1))
    if (hop > 0) response.writeHead(302, { location: `/${hop - 1}` }).end()
    else response.end('here')
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  for (const [limit, outcome, asked] of [[0, '302', 1], [2, '302', 3], [3, '200', 4]] as const) {
    companion.reload(fetchProxy(`redirect_limit: ${limit}`))
    const before = origin.seen.length
    assert.equal(await askFetch(companion.port, `${origin.url}/3`), outcome, `limit ${limit}`)
    assert.equal(origin.seen.length - before, asked, `limit ${limit}`)
  }
})

test('config fetch_proxy.monitoring.max_url_length: a URL of one character more gets 414', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const url = `${origin.url}/${'a'.repeat(40)}`
  assert.equal(await askProxy(companion.port, `${url}a`), '200')
  companion.reload(fetchProxy(`monitoring: {max_url_length: ${url.length}}`))
  for (const ask of [askProxy, askFetch]) {
    assert.equal(await ask(companion.port, url), '200')
    assert.equal(await ask(companion.port, `${url}a`), 'url_too_long')
  }
})

test('config fetch_proxy.monitoring.blocklist: a host on it is refused in every mode, on every surface', async (t) => {
  const [listed, other] = [await startOrigin(t), await startOrigin(t)]
  const blocked = fetchProxy(`monitoring: {blocklist: ["127.0.0.1:${listed.port}"]}`)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  assert.equal(await askProxy(companion.port, listed.url), '200')
  for (const mode of ['balanced', 'strict']) {
    companion.reload(`${blocked}mode: ${mode}\napi_allowlist: [127.0.0.1]\n`)
    assert.equal(await askProxy(companion.port, listed.url), 'host_blocked', mode)
    assert.equal(await askFetch(companion.port, listed.url), 'host_blocked', mode)
    assert.match((await sendRaw(companion.port, connectRequest(listed.port))).text, /^HTTP\/1\.1 403 .*host_blocked/s)
    assert.equal(await askProxy(companion.port, other.url), '200', mode)
  }
})

test('config forward_proxy.enabled: false refuses absolute-form requests and CONNECT, and leaves /fetch', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'forward_proxy: {enabled: true}\n' })
  const connectAnswer = async (): Promise<string> => (await sendRaw(companion.port, connectRequest(origin.port), { waitMs: 200 })).text
  assert.equal(await askProxy(companion.port, origin.url), '200')
  assert.match(await connectAnswer(), /^HTTP\/1\.1 200 /)

  companion.reload('forward_proxy: {enabled: false}\n')
  assert.equal(await askProxy(companion.port, origin.url), 'surface_disabled')
  assert.match(await connectAnswer(), /^HTTP\/1\.1 403 .*surface_disabled/s)
  assert.equal(await askFetch(companion.port, origin.url), '200')
})

test('config forward_proxy.max_tunnel_seconds: an older tunnel is reset although it is busy; 0 leaves it open', async (t) => {
  const origin = await startSink(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'forward_proxy: {max_tunnel_seconds: 0}\n' })
  const unlimited = await openTunnel(t, companion.port, origin.port, 50)
  companion.reload('forward_proxy: {max_tunnel_seconds: 300ms}\n')
  const limited = await openTunnel(t, companion.port, origin.port, 50)
  const startedMs = performance.now()
  await waitFor(() => limited.ended.length > 0, 2500)
  assert.ok(performance.now() - startedMs > 200)
  assert.ok(limited.ended[0] === 'ECONNRESET' || limited.ended[0] === 'EPIPE', limited.ended[0])
  assert.deepEqual(unlimited.ended, [])
})

test('config forward_proxy.idle_timeout_seconds: a silent tunnel is reset, a busy one stays', async (t) => {
  const origin = await startSink(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'forward_proxy: {idle_timeout_seconds: 5m}\n' })
  const patient = await openTunnel(t, companion.port, origin.port, 0)
  companion.reload('forward_proxy: {idle_timeout_seconds: 300ms}\n')
  const [silent, busy] = [await openTunnel(t, companion.port, origin.port, 0), await openTunnel(t, companion.port, origin.port, 50)]
  await waitFor(() => silent.ended.length > 0, 2500)
  assert.equal(silent.ended[0], 'ECONNRESET')
  assert.deepEqual([...busy.ended, ...patient.ended], [])
})
