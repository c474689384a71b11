/** The cheap refusals through a live companion: modes, host lists, rates and connection limits, each per profile. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { startTestCompanion, sumOf, type TestCompanion } from '../support/companion.ts'
import { skipFor } from '../support/missed.ts'
import { startOrigin } from '../support/origin.ts'
import { sendRaw, throughProxy, type ProxyAnswer } from '../support/proxy-client.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const STRICT = '127.0.1.1'
const BALANCED = '127.0.1.2'
const AUDIT = '127.0.1.3'
const LENIENT = '127.0.1.4'
const LISTED = 'listed.test'
const OTHER = 'other.test'
const BAD = 'bad.test'
/** Put together here: a credential-looking text in a source file would alarm the scanners of whoever keeps it. */
const SECRET = ['AKIA', 'Z3MHQ5PLR7NTKV2W'].join('')

function hasLoopbackNetwork(t: TestContext): boolean {
  if (process.platform === 'linux') return true
  skipFor(t, 'a loopback network of more than one address')
  return false
}

async function startWithNames(t: TestContext, config: string, names: readonly string[] = [LISTED, OTHER, BAD]): Promise<TestCompanion> {
  const hosts = join(temporaryFolder(t), 'hosts')
  writeFileSync(hosts, `127.0.0.1 ${names.join(' ')}\n`)
  return startTestCompanion(t, { allowLoopback: true, config: `dns: {hosts_file: ${JSON.stringify(hosts)}}\n${config}` })
}

function outcomeOf({ status, headers }: Pick<ProxyAnswer, 'status' | 'headers'>): string {
  const reason = headers['x-pipelock-block-reason']
  return typeof reason === 'string' ? `${status} ${reason}` : String(status)
}

test('strict, balanced, audit and enforce: false, side by side', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const origin = await startOrigin(t)
  const lists = `api_allowlist: [${LISTED}], blocklist: [${BAD}]`
  const companion = await startWithNames(t, `agents:
  strict: {source_cidrs: [${STRICT}/32], mode: strict, ${lists}}
  balanced: {source_cidrs: [${BALANCED}/32], mode: balanced, ${lists}}
  audit: {source_cidrs: [${AUDIT}/32], mode: audit, ${lists}}
  lenient: {source_cidrs: [${LENIENT}/32], mode: strict, enforce: false, ${lists}}
`)
  const urls = [...[LISTED, OTHER, BAD].map((name) => `http://${name}:${origin.port}/`), `http://${LISTED}:${origin.port}/?key=${SECRET}`, 'http://169.254.169.254/']
  const outcomes: Record<string, string[]> = {}
  for (const from of [STRICT, BALANCED, AUDIT, LENIENT]) {
    outcomes[from] = []
    for (const url of urls) outcomes[from].push(outcomeOf(await throughProxy(companion.port, url, { from })))
  }
  assert.deepEqual(outcomes, {
    [STRICT]: ['200', '403 host_not_allowed', '403 host_blocked', '403 dlp_secret', '403 host_not_allowed'],
    [BALANCED]: ['200', '200', '403 host_blocked', '403 dlp_secret', '403 ssrf_address'],
    [AUDIT]: ['200', '200', '200', '200', '403 ssrf_address'],
    [LENIENT]: ['200', '200', '200', '200', '403 ssrf_address'],
  })
  assert.equal(origin.seen.length, 1 + 2 + 4 + 4)
})

test('what only warns is told in receipt, log and metrics, without the text that matched', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startWithNames(t, `mode: audit\nfetch_proxy: {listen: "127.0.0.1:0", monitoring: {blocklist: [${BAD}]}}\n`)
  assert.equal((await throughProxy(companion.port, `http://${BAD}:${origin.port}/?key=${SECRET}`)).status, 200)
  assert.equal((await throughProxy(companion.port, `http://${LISTED}:${origin.port}/`)).status, 200)
  const [intent, outcome, clean] = await companion.exchangeReceipts()
  assert.deepEqual([intent?.verdict, outcome?.verdict, clean?.verdict], ['warn', 'warn', 'allow'])
  assert.match(intent?.pattern ?? '', /^host_blocked dlp\./)
  const [event] = companion.events().filter(({ verdict }) => verdict === 'warn')
  assert.deepEqual((event?.['warnings'] as string[]).slice(0, 1), ['host_blocked'])
  assert.equal(sumOf(await companion.metrics(), 'chaperone_requests_total', 'verdict="warn"'), 1)
  assert.doesNotMatch(JSON.stringify([await companion.exchangeReceipts(), companion.events()]), new RegExp(SECRET))
  assert.match(origin.seen[0]?.url ?? '', new RegExp(SECRET))
})

test('host lists hold names below, ports and addresses, and the block list wins', async (t) => {
  const origin = await startOrigin(t)
  const names = ['a.test', 'deep.a.test', 'xa.test', 'b.test', 'c.test']
  const companion = await startWithNames(t, `mode: strict
api_allowlist: ["*.a.test", "b.test:${origin.port}", c.test, 127.0.0.1]
fetch_proxy: {listen: "127.0.0.1:0", monitoring: {blocklist: [c.test]}}
`, names)
  const ask = async (name: string, port = origin.port): Promise<string> => outcomeOf(await throughProxy(companion.port, `http://${name}:${port}/`))
  assert.deepEqual(await Promise.all([ask('deep.a.test'), ask('DEEP.A.TEST.'), ask('b.test'), ask('127.0.0.1')]), ['200', '200', '200', '200'])
  assert.deepEqual(await Promise.all([ask('a.test'), ask('xa.test'), ask('b.test', 1), ask('127.0.0.2')]), Array.from({ length: 4 }, () => '403 host_not_allowed'))
  assert.equal(await ask('c.test'), '403 host_blocked')
})

const RATES = `agents:
  few: {source_cidrs: [${STRICT}/32], rate_limit: {max_requests_per_minute: 5}}
  many: {source_cidrs: [${BALANCED}/32, ${AUDIT}/32], rate_limit: {max_requests_per_minute: 50}}
  bytes: {source_cidrs: [${LENIENT}/32], rate_limit: {max_data_per_minute: 1000}}
`

test('two profiles have five and fifty requests a minute, and neither takes from the other', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: RATES })
  const ask = (from: string): Promise<ProxyAnswer> => throughProxy(companion.port, origin.url, { from })
  const few = await Promise.all(Array.from({ length: 12 }, () => ask(STRICT)))
  assert.equal(few.filter(({ status }) => status === 200).length, 5)
  // Two addresses of one profile share its limit.
  const many = await Promise.all(Array.from({ length: 60 }, (_, n) => ask(n % 2 === 0 ? BALANCED : AUDIT)))
  assert.equal(many.filter(({ status }) => status === 200).length, 50)
  assert.equal((await ask('127.0.1.99')).status, 200)
  assert.equal(origin.seen.length, 56)

  const refused = few.filter(({ status }) => status !== 200)
  for (const answer of refused) {
    assert.equal(outcomeOf(answer), '429 rate_limited')
    const seconds = Number(answer.headers['retry-after'])
    assert.ok(Number.isInteger(seconds) && seconds >= 59 && seconds <= 60, `Retry-After ${seconds}`)
    assert.match(String(answer.headers['chaperone-refused-by']), /^"chaperone-[0-9a-f]{8}"$/)
    const problem = JSON.parse(answer.text) as Record<string, unknown>
    assert.deepEqual([problem['status'], problem['agent'], problem['blocked'], problem['block_reason']], [429, 'few', true, 'rate_limited'])
  }
  const receipts = (await companion.exchangeReceipts()).filter(({ pattern }) => pattern === 'rate_limited')
  assert.equal(receipts.length, 7 + 10)
})

test('Retry-After falls with time, and a reload that raises the limit lets pass at once', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: RATES })
  const ask = (): Promise<ProxyAnswer> => throughProxy(companion.port, origin.url, { from: STRICT })
  for (let n = 0; n < 5; n++) assert.equal((await ask()).status, 200)
  const first = Number((await ask()).headers['retry-after'])
  await delay(2100)
  const second = Number((await ask()).headers['retry-after'])
  assert.ok(first - second >= 2 && first - second <= 3, `${first}, then ${second}`)

  assert.equal(companion.reload(RATES.replace('max_requests_per_minute: 5}', 'max_requests_per_minute: 7}')).result, 'applied')
  assert.deepEqual([(await ask()).status, (await ask()).status, (await ask()).status], [200, 200, 429])
})

test('bytes of both directions count, and the request after the limit is refused until a minute has passed', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const origin = await startOrigin(t, (_request, response) => response.end(Buffer.alloc(600)))
  const companion = await startTestCompanion(t, { allowLoopback: true, config: RATES })
  const ask = (from: string): Promise<ProxyAnswer> => throughProxy(companion.port, origin.url, { from, method: 'POST', body: Buffer.alloc(500) })
  assert.equal((await ask(LENIENT)).status, 200)
  const refused = await ask(LENIENT)
  assert.equal(outcomeOf(refused), '429 data_rate_limited')
  assert.ok(Number(refused.headers['retry-after']) >= 59)
  assert.equal((await ask(BALANCED)).status, 200)
  assert.equal(origin.seen.length, 2)
})

test('the rate of a profile holds on every surface together', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: RATES })
  const authority = `127.0.0.1:${origin.port}`
  const statuses: string[] = []
  for (let n = 0; n < 2; n++) {
    for (const request of [`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n`, `GET /fetch?url=${encodeURIComponent(origin.url)} HTTP/1.1\r\nHost: x\r\n`, `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n`]) {
      const { text } = await sendRaw(companion.port, `${request}Connection: close\r\n\r\n`, { from: STRICT, waitMs: 300 })
      statuses.push(text.slice(9, 12))
    }
  }
  assert.deepEqual(statuses, ['200', '200', '200', '200', '200', '429'])
})

const LIMITED = `agents:
  two: {source_cidrs: [${STRICT}/32], max_connections: 2}
  free: {source_cidrs: [${BALANCED}/32]}
`

/** @returns sockets that are connected and say nothing */
async function openIdle(port: number, from: string, count: number): Promise<net.Socket[]> {
  const sockets = Array.from({ length: count }, () => net.connect({ port, host: '127.0.0.1', localAddress: from }))
  for (const socket of sockets) socket.on('error', () => undefined)
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  return sockets
}

test('a profile that fills its TCP connections leaves those of others free, and gets its own back', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: LIMITED })
  const idle = await openIdle(companion.port, STRICT, 2)
  for (let n = 0; n < 20; n++) assert.equal(outcomeOf(await throughProxy(companion.port, origin.url, { from: STRICT })), '503 connection_limit')
  assert.equal((await throughProxy(companion.port, origin.url, { from: BALANCED })).status, 200)
  assert.equal((await throughProxy(companion.port, origin.url)).status, 200)
  assert.equal(sumOf(await companion.metrics(), 'chaperone_refused_before_exchange_total', 'cause="connection_limit"'), 20)
  for (const socket of idle) socket.destroy()
  await waitFor(async () => (await throughProxy(companion.port, origin.url, { from: STRICT })).status === 200)
})

test('exchanges on one connection are limited too, and each ended one gives its place back', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const waiting: http.ServerResponse[] = []
  const origin = await startOrigin(t, (_request, response) => waiting.push(response))
  const companion = await startTestCompanion(t, { allowLoopback: true, config: LIMITED })
  const request = `GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`
  const socket = net.connect({ port: companion.port, host: '127.0.0.1', localAddress: STRICT })
  let received = ''
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()))
  t.after(() => socket.destroy())
  socket.write(request.repeat(4))
  await waitFor(() => waiting.length === 2)
  await waitFor(async () => (await companion.exchangeReceipts()).filter(({ pattern }) => pattern === 'connection_limit').length === 2)
  assert.equal(sumOf(await companion.metrics(), 'chaperone_open_exchanges', 'agent="two"'), 2)
  for (const response of waiting.splice(0)) response.end('done')
  await waitFor(() => (received.match(/HTTP\/1\.1 /g) ?? []).length === 4)
  assert.deepEqual(received.match(/HTTP\/1\.1 [0-9]+/g), ['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 503', 'HTTP/1.1 503'])

  socket.write(request)
  await waitFor(() => waiting.length === 1)
  waiting[0]?.end('done')
  await waitFor(() => (received.match(/HTTP\/1\.1 200/g) ?? []).length === 3)
})

test('a tunnel counts for as long as it is open', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: LIMITED.replace('max_connections: 2', 'max_connections: 1') })
  const authority = `127.0.0.1:${origin.port}`
  const [tunnel] = await openIdle(companion.port, STRICT, 1)
  tunnel?.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
  await once(tunnel!, 'data')
  assert.equal(sumOf(await companion.metrics(), 'chaperone_tunnels_open', 'agent="two"'), 1)
  assert.equal(outcomeOf(await throughProxy(companion.port, origin.url, { from: STRICT })), '503 connection_limit')
  tunnel?.destroy()
  await waitFor(async () => (await throughProxy(companion.port, origin.url, { from: STRICT })).status === 200)
  await waitFor(async () => sumOf(await companion.metrics(), 'chaperone_tunnels_open', 'agent="two"') === 0)
})

test('the limit of all connections together closes one more', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'limits: {max_connections: 3}\n' })
  const idle = await openIdle(companion.port, BALANCED, 3)
  const { text, closedBy } = await sendRaw(companion.port, `GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, { from: BALANCED })
  assert.equal(text, '')
  assert.notEqual(closedBy, 'timeout')
  for (const socket of idle) socket.destroy()
  await waitFor(async () => (await sendRaw(companion.port, `GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).text.startsWith('HTTP/1.1 200'))
})
