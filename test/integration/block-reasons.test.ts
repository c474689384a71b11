/**
 * Every block reason, provoked through live listeners: what the caller is told, that nothing reached the origin where the
 * request was refused, and what is left in chain and counters. Beside every refusal a neighbouring request passes.
 */

/* eslint-disable max-lines -- a table: one provocation for each ending of each reason */

import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { SYSTEM_CLOCK } from '../../src/base/clock.ts'
import { openLedger } from '../../src/budget/index.ts'
import { BLOCK_REASONS, type BlockReason } from '../../src/model/block-reason.ts'
import { startTestCompanion, sumOf, type ReceiptView, type TestCompanion } from '../support/companion.ts'
import { startChanged, startOnFaultyDisk } from '../support/companion-with-services.ts'
import { freePort } from '../support/free-port.ts'
import { startOrigin, startRawOrigin, type Answer } from '../support/origin.ts'
import { sendRaw } from '../support/proxy-client.ts'
import { askRaw as ask, lastMessage, LONG_ENOUGH_MS, rawMessage as message, type RawMessage } from '../support/raw-message.ts'
import type { DiskFaults } from '../support/recorder-rig.ts'
import { startRedis } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/**
 * How an exchange can end with a reason.
 *
 * - counted: it never became an exchange; told, counted by cause, not receipted
 * - refused: before anything left; told, one receipt without a phase
 * - untold: refused likewise, when the caller was gone
 * - unrecorded: refused because it cannot be recorded; told, no receipt
 * - failed: after its intent and before its answer; told in place of the answer, an intent and an outcome
 * - cut: inside its answer, which ends unmistakably broken; an intent and an outcome
 */
type Ending = 'counted' | 'refused' | 'untold' | 'unrecorded' | 'failed' | 'cut'

/** Which endings each reason can have. Each of them is provoked below. */
const ENDINGS: Readonly<Record<BlockReason, readonly Ending[]>> = {
  malformed_request: ['counted'],
  headers_too_large: ['counted'],
  request_timeout: ['counted', 'refused'],
  body_too_large: ['refused'],
  body_incomplete: ['refused', 'untold'],
  client_gone: ['cut'],
  expectation_unsupported: ['counted'],
  held_bytes_exhausted: ['refused'],
  connection_limit: ['counted', 'refused'],
  draining: ['counted', 'failed'],
  identity_unresolved: ['refused'],
  identity_conflict: ['refused'],
  kill_switch: ['refused', 'failed', 'cut'],
  method_not_allowed: ['refused'],
  scheme_not_allowed: ['counted'],
  surface_disabled: ['refused'],
  url_too_long: ['refused'],
  host_blocked: ['refused'],
  host_not_allowed: ['refused'],
  rate_limited: ['refused'],
  data_rate_limited: ['refused'],
  protected_target: ['refused'],
  loop: ['refused'],
  dlp_secret: ['refused'],
  redaction_unsafe: ['refused'],
  dns_failed: ['refused'],
  ssrf_address: ['refused'],
  budget_requests: ['refused'],
  budget_bytes: ['refused', 'failed', 'cut'],
  budget_destinations: ['refused'],
  budget_fan_out: ['refused'],
  budget_retries_endpoint: ['refused'],
  budget_concurrency: ['refused'],
  budget_wall_clock: ['refused'],
  budget_frozen: ['refused', 'failed', 'cut'],
  budget_capacity: ['refused'],
  budget_state_unreadable: ['refused'],
  budget_state_unwritable: ['refused'],
  budget_store_lost: ['refused'],
  budget_store_unreachable: ['refused'],
  receipt_unwritable: ['unrecorded'],
  recorder_busy: ['unrecorded'],
  internal_error: ['refused'],
  upstream_unreachable: ['failed'],
  upstream_tls: ['failed'],
  upstream_timeout: ['failed', 'cut'],
  upstream_malformed: ['failed'],
  upstream_truncated: ['failed', 'cut'],
  response_too_large: ['failed'],
  response_secret: ['failed', 'cut'],
}

/** A place where something was provoked, and what it left behind. */
interface Scene {
  readonly receipts: () => Promise<ReceiptView[]>
  /** Absent where the admin listener has ended with the companion. */
  readonly metrics?: () => Promise<string>
}

interface Provoked {
  readonly scene: Scene
  /** All that the caller was sent, latin-1; the refusal is its last message. */
  readonly text: string
  /** Requests that reached the origin beyond those that were to pass. */
  readonly strays: number
  /** Answers of neighbouring requests that had to pass. */
  readonly passed?: readonly string[]
}

/** @returns nothing where this machine lacks what it takes: the test was skipped then */
type Provoke = (t: TestContext) => Promise<Provoked | undefined>

const provocations = new Map<string, Provoke>()

function when(reason: BlockReason, ending: Ending, provoke: Provoke): void {
  assert.ok(!provocations.has(`${reason} ${ending}`), `${reason} ${ending} stands twice`)
  provocations.set(`${reason} ${ending}`, provoke)
}

/** A companion and an origin. `provoke` says what is asked in which order; requests to paths under /pass must reach the origin, all others must not. */
async function stage(t: TestContext, config: string, answer?: Answer): Promise<{ companion: TestCompanion; url: string; paths: () => string[] }> {
  const origin = await startOrigin(t, answer)
  const companion = await startTestCompanion(t, { allowLoopback: true, config })
  return { companion, url: origin.url, paths: () => origin.seen.map(({ url }) => url) }
}

function sceneOf(companion: TestCompanion): Scene {
  return { receipts: () => companion.exchangeReceipts(), metrics: () => companion.metrics() }
}

const strays = (paths: readonly string[]): number => paths.filter((path) => !path.startsWith('/pass')).length

/** The plain form: one request that must be refused, one beside it that must pass. */
function asks(config: string, refused: (url: string, companion: TestCompanion) => [url: string, sent?: RawMessage], passing: RawMessage = {}): Provoke {
  return async (t) => {
    const { companion, url, paths } = await stage(t, config)
    const passed = await ask(companion.port, `${url}/pass`, passing)
    const text = await ask(companion.port, ...refused(url, companion))
    return { scene: sceneOf(companion), text, strays: strays(paths()), passed: [passed] }
  }
}

const BLOCKS = (host: string): string => `fetch_proxy: {listen: "127.0.0.1:0", monitoring: {blocklist: [${host}]}}\n`

when('malformed_request', 'counted', asks('', (url) => [`${url}/x#fragment`]))
when('headers_too_large', 'counted', asks('limits: {max_headers: 8}\n', (url) => [url, { fields: 'X-A: b\r\n'.repeat(7) }], { fields: 'X-A: b\r\n'.repeat(6) }))
when('expectation_unsupported', 'counted', asks('', (url) => [url, { fields: 'Expect: a-miracle\r\n' }]))
when('scheme_not_allowed', 'counted', asks('', () => ['ftp://127.0.0.1/']))
when('body_too_large', 'refused', asks('limits: {max_body_bytes: 10B}\n', (url) => [url, { method: 'POST', body: 'x'.repeat(11) }], { method: 'POST', body: 'x'.repeat(10) }))
when('method_not_allowed', 'refused', asks('', (url) => [url, { method: 'PROPFIND' }]))
when('surface_disabled', 'refused', async (t) => {
  const { companion, url, paths } = await stage(t, 'forward_proxy: {enabled: false}\n')
  const passed = await ask(companion.port, `/fetch?url=${encodeURIComponent(`${url}/pass`)}`)
  return { scene: sceneOf(companion), text: await ask(companion.port, url), strays: strays(paths()), passed: [passed] }
})
when('url_too_long', 'refused', asks('fetch_proxy: {listen: "127.0.0.1:0", monitoring: {max_url_length: 60}}\n', (url) => [`${url}/${'x'.repeat(60)}`]))
when('host_blocked', 'refused', asks(BLOCKS('blocked.test'), () => ['http://blocked.test/']))
when('host_not_allowed', 'refused', asks('mode: strict\napi_allowlist: [127.0.0.1]\n', () => ['http://127.0.0.2/']))
when('rate_limited', 'refused', asks('rate_limit: {max_requests_per_minute: 1}\n', (url) => [url]))
when('data_rate_limited', 'refused', asks('rate_limit: {max_data_per_minute: 100}\n', (url) => [url], { method: 'POST', body: 'x'.repeat(100) }))
when('protected_target', 'refused', asks('', (_url, { adminPort }) => [`http://127.0.0.1:${adminPort}/metrics`]))
when('dns_failed', 'refused', asks('', () => ['http://nobody.invalid/']))
when('ssrf_address', 'refused', asks('', () => ['http://10.0.0.1/']))
when('loop', 'refused', async (t) => {
  const { companion, url, paths } = await stage(t, BLOCKS('blocked.test'))
  const name = /Chaperone-Refused-By: "([^"]+)"/.exec(await ask(companion.port, 'http://blocked.test/'))?.[1] ?? ''
  const passed = await ask(companion.port, `${url}/pass`, { fields: `Via: 1.1 other-${name}\r\n` })
  const text = await ask(companion.port, url, { fields: `Via: 1.0 first, 1.1 ${name}\r\n` })
  return { scene: sceneOf(companion), text, strays: strays(paths()), passed: [passed] }
})

/** Made anew for every run: the text of an AWS access key id, which no file holds. */
const A_KEY = `AKIA${Array.from({ length: 16 }, () => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(randomInt(32))).join('')}`

when('dlp_secret', 'refused', asks('', (url) => [`${url}/?q=${A_KEY}`], { fields: `X-Note: ${A_KEY.slice(0, -1)}\r\n` }))

const REDACTING = 'redaction: {enabled: true, default_profile: code, profiles: {code: {classes: [credentials]}}}\n'
when('redaction_unsafe', 'refused', async (t) => {
  const { companion, url, paths } = await stage(t, REDACTING)
  const fields = 'Content-Type: application/json\r\n'
  const passed = await ask(companion.port, `${url}/pass`, { method: 'POST', fields, body: `{"k":"${A_KEY}"}` })
  const text = await ask(companion.port, `${url}/`, { method: 'POST', fields, body: `{"${A_KEY}":1}` })
  return { scene: sceneOf(companion), text, strays: strays(paths()), passed: [passed] }
})

when('request_timeout', 'counted', async (t) => {
  const { companion, url, paths } = await stage(t, 'timeouts: {request_head: 500ms}\n')
  const passed = await ask(companion.port, `${url}/pass`)
  const { text } = await sendRaw(companion.port, `GET ${url}/ HTTP/1.1\r\nHost:`, { waitMs: LONG_ENOUGH_MS })
  return { scene: sceneOf(companion), text, strays: strays(paths()), passed: [passed] }
})
when('request_timeout', 'refused', async (t) => {
  const { companion, url, paths } = await stage(t, 'timeouts: {request_idle: 300ms}\n')
  const passed = await ask(companion.port, `${url}/pass`, { method: 'POST', body: 'xxx' })
  const { text } = await sendRaw(companion.port, message(url, { method: 'POST', body: 'xxx' }).slice(0, -1), { waitMs: LONG_ENOUGH_MS })
  return { scene: sceneOf(companion), text, strays: strays(paths()), passed: [passed] }
})
when('body_incomplete', 'refused', async (t) => {
  const { companion, url, paths } = await stage(t, '')
  const passed = await ask(companion.port, `${url}/pass`, { method: 'POST', body: 'xxx' })
  const { text } = await sendRaw(companion.port, message(url, { method: 'POST', body: 'xxx' }).slice(0, -1), { halfClose: true })
  return { scene: sceneOf(companion), text, strays: strays(paths()), passed: [passed] }
})
when('body_incomplete', 'untold', async (t) => {
  const { companion, url, paths } = await stage(t, '')
  const passed = await ask(companion.port, `${url}/pass`, { method: 'POST', body: 'xxx' })
  const socket = net.connect(companion.port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  socket.write(message(url, { method: 'POST', body: 'xxx' }).slice(0, -1))
  await waitFor(async () => (await companion.metrics()).includes('chaperone_held_bytes 2\n'))
  socket.resetAndDestroy()
  await waitFor(async () => (await companion.exchangeReceipts()).length === 3)
  return { scene: sceneOf(companion), text, strays: strays(paths()), passed: [passed] }
})
when('held_bytes_exhausted', 'refused', async (t) => {
  const { companion, url, paths } = await stage(t, 'limits: {max_held_bytes: 1000B, max_body_bytes: 1000B, max_held_response_bytes: 100B}\n')
  const slow = net.connect(companion.port, '127.0.0.1')
  t.after(() => slow.destroy())
  slow.write(message(`${url}/pass`, { method: 'POST', body: 'x'.repeat(600) }).slice(0, -1))
  await waitFor(async () => (await companion.metrics()).includes('chaperone_held_bytes 599'))
  const text = await ask(companion.port, url, { method: 'POST', body: 'x'.repeat(500) })
  const passed = await ask(companion.port, `${url}/pass`, { method: 'POST', body: 'x'.repeat(300) })
  slow.destroy()
  return { scene: sceneOf(companion), text, strays: strays(paths()), passed: [passed] }
})
when('connection_limit', 'counted', async (t) => {
  const { companion, url, paths } = await stage(t, 'limits: {max_connections_per_profile: 1}\n')
  const passed = await ask(companion.port, `${url}/pass`)
  const silent = net.connect(companion.port, '127.0.0.1')
  t.after(() => silent.destroy())
  await once(silent, 'connect')
  return { scene: sceneOf(companion), text: await ask(companion.port, url), strays: strays(paths()), passed: [passed] }
})
when('connection_limit', 'refused', async (t) => {
  const { companion, url, paths } = await stage(t, 'limits: {max_connections_per_profile: 1}\n', (_request, response) => setTimeout(() => response.end(), 300))
  const first = message(`${url}/pass`).replace('Connection: close\r\n', '')
  const { text } = await sendRaw(companion.port, first + message(url), { waitMs: LONG_ENOUGH_MS })
  return { scene: sceneOf(companion), text, strays: strays(paths()), passed: [text] }
})

when('identity_unresolved', 'refused', async (t) => {
  const config = (unmatched: string): string => `identity: {unmatched: ${unmatched}}\nagents: {one: {source_cidrs: [127.0.0.9/32]}}\n`
  const { companion, url, paths } = await stage(t, config('deny'))
  const text = await ask(companion.port, url)
  assert.equal(companion.reload(config('default')).result, 'applied')
  return { scene: sceneOf(companion), text, passed: [await ask(companion.port, `${url}/pass`)], strays: strays(paths()) }
})
when('identity_conflict', 'refused', async (t) => {
  const own = await freePort()
  const config = (network: string): string => `agents:\n  one: {listeners: ["127.0.0.1:${own}"]}\n  two: {source_cidrs: [${network}]}\n`
  const { companion, url, paths } = await stage(t, config('127.0.0.1/32'))
  const text = await ask(own, url)
  assert.equal(companion.reload(config('127.0.0.9/32')).result, 'applied')
  return { scene: sceneOf(companion), text, passed: [await ask(own, `${url}/pass`)], strays: strays(paths()) }
})

async function switchOff(companion: TestCompanion, active: boolean): Promise<void> {
  assert.equal((await companion.admin('/api/v1/killswitch', { method: 'POST', body: JSON.stringify({ active }) })).status, 200)
}

when('kill_switch', 'refused', async (t) => {
  const { companion, url, paths } = await stage(t, '')
  const passed = [await ask(companion.port, `${url}/pass`)]
  await switchOff(companion, true)
  const text = await ask(companion.port, url)
  await switchOff(companion, false)
  passed.push(await ask(companion.port, `${url}/pass`))
  return { scene: sceneOf(companion), text, strays: strays(paths()), passed }
})

/** Lets the origin begin as told, then does what ends the exchange while its answer is awaited. */
function whileOpen(config: string, begin: Answer, end: (companion: TestCompanion) => Promise<void>): Provoke {
  return async (t) => {
    const { companion, url, paths } = await stage(t, config, (request, response, body) => {
      if (request.url === '/pass') response.end('passed')
      else begin(request, response, body)
    })
    const scene = sceneOf(companion)
    const passed = await ask(companion.port, `${url}/pass`)
    const answer = ask(companion.port, `${url}/open`)
    await waitFor(() => paths().includes('/open'))
    await delay(200)
    await end(companion)
    return { scene, text: await answer, strays: 0, passed: [passed] }
  }
}

const STREAM = { 'content-type': 'text/event-stream' }
const beginStream: Answer = (_request, response) => response.writeHead(200, STREAM).write('data: one\n\n')
const say = (status: number, body: string, headers = {}): Answer => (_request, response) => response.writeHead(status, headers).end(body)

when('kill_switch', 'failed', whileOpen('', () => undefined, (companion) => switchOff(companion, true)))
when('kill_switch', 'cut', whileOpen('', beginStream, (companion) => switchOff(companion, true)))
when('response_secret', 'failed', whileOpen('dlp: {response_action: block}\n', say(200, `{"key": "${A_KEY}"}`), () => Promise.resolve()))
when('response_secret', 'cut', whileOpen('dlp: {response_action: block}\n', (_request, response) => {
  response.writeHead(200, STREAM).write(`data: ${'calm '.repeat(4000)}\n\n`)
  setTimeout(() => response.write(`data: ${A_KEY}\n\n`), 300)
}, () => Promise.resolve()))
when('upstream_timeout', 'failed', whileOpen('timeouts: {response_head: 500ms}\n', () => undefined, () => Promise.resolve()))
when('upstream_timeout', 'cut', whileOpen('timeouts: {response_idle: 500ms}\n', beginStream, () => Promise.resolve()))
when('upstream_truncated', 'failed', whileOpen('', (_request, response) => response.writeHead(200, { 'content-length': 100 }).write('short', () => response.destroy()), () => Promise.resolve()))
when('upstream_truncated', 'cut', whileOpen('', (_request, response) => {
  response.writeHead(200, STREAM).write('data: one\n\n')
  setTimeout(() => response.destroy(), 300)
}, () => Promise.resolve()))

when('response_too_large', 'failed', async (t) => {
  const size = 10 * 1024 * 1024
  const { companion, url } = await stage(t, '', (request, response) => response.end(Buffer.alloc(request.url === '/pass' ? size : size + 1, 'a')))
  const askJson = (path: string): Promise<string> => ask(companion.port, `/fetch?format=json&url=${encodeURIComponent(`${url}${path}`)}`)
  const passed = await askJson('/pass')
  return { scene: sceneOf(companion), text: await askJson('/over'), strays: 0, passed: [passed] }
})

when('draining', 'counted', async (t) => {
  let release = (): void => undefined
  const { companion, url, paths } = await stage(t, '', (_request, response) => {
    release = () => response.end('passed')
  })
  const socket = net.connect(companion.port, '127.0.0.1')
  t.after(() => socket.destroy())
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  socket.write(message(`${url}/pass`).replace('Connection: close\r\n', ''))
  await waitFor(() => paths().length === 1)
  const stopped = companion.stop()
  socket.write(message(url))
  await delay(200)
  const metrics = await companion.metrics()
  release()
  await stopped
  await waitFor(() => socket.closed)
  return { scene: { ...sceneOf(companion), metrics: () => Promise.resolve(metrics) }, text, strays: strays(paths()), passed: [text] }
})
when('draining', 'failed', async (t) => {
  const { companion, url, paths } = await stage(t, 'timeouts: {drain: 1s}\n', (request, response) => {
    if (request.url === '/pass') response.end('passed')
  })
  const passed = await ask(companion.port, `${url}/pass`)
  const answer = ask(companion.port, `${url}/open`)
  await waitFor(() => paths().includes('/open'))
  await companion.stop()
  return { scene: { receipts: () => companion.exchangeReceipts() }, text: await answer, strays: 0, passed: [passed] }
})
when('client_gone', 'cut', async (t) => {
  const { companion, url } = await stage(t, 'timeouts: {response_idle: 500ms}\n', say(200, 'x'.repeat(50_000_000)))
  const socket = net.connect(companion.port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.pause()
  socket.write(message(url))
  await waitFor(async () => (await companion.exchangeReceipts()).length === 2)
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += text.length < 1000 ? chunk.toString('latin1') : ''))
  socket.resume()
  await waitFor(() => socket.closed)
  return { scene: sceneOf(companion), text: text.slice(0, 500), strays: 0 }
})

const BUDGET = (keys: string): string => `budget: {${keys}}\n`
const BYTES = BUDGET('bytes: {limit: 1000B, window: 1m}')

when('budget_requests', 'refused', asks(BUDGET('requests: {limit: 1, window: 1m}'), (url) => [url]))
when('budget_destinations', 'refused', asks(BUDGET('destinations: {limit: 1, window: 1m}'), () => ['http://127.0.0.2/']))
when('budget_fan_out', 'refused', asks(BUDGET('fan_out: {limit: 1}'), () => ['http://127.0.0.2/']))
when('budget_bytes', 'refused', asks(BYTES, (url) => [url, { method: 'POST', body: 'x'.repeat(1000) }]))
when('budget_bytes', 'failed', whileOpen(BYTES, say(200, 'x'.repeat(2000)), () => Promise.resolve()))
when('budget_bytes', 'cut', whileOpen(BYTES, (_request, response) => response.writeHead(200, STREAM).write('x'.repeat(2000)), () => Promise.resolve()))
when('budget_retries_endpoint', 'refused', async (t) => {
  const { companion, url } = await stage(t, BUDGET('retries_per_endpoint: {limit: 0}'), (request, response) => response.writeHead(request.url === '/pass' ? 200 : 503).end())
  const passed = await ask(companion.port, `${url}/pass`)
  assert.match(await ask(companion.port, `${url}/once?/pass`), /^HTTP\/1\.1 503 /)
  return { scene: sceneOf(companion), text: await ask(companion.port, `${url}/once`), strays: 0, passed: [passed] }
})
when('budget_concurrency', 'refused', async (t) => {
  const { companion, url, paths } = await stage(t, BUDGET('concurrent_requests: 1'), (_request, response) => setTimeout(() => response.end(), 300))
  const first = message(`${url}/pass`).replace('Connection: close\r\n', '')
  const { text } = await sendRaw(companion.port, first + message(url), { waitMs: LONG_ENOUGH_MS })
  return { scene: sceneOf(companion), text, strays: strays(paths()), passed: [text] }
})
when('budget_wall_clock', 'refused', async (t) => {
  const { companion, url, paths } = await stage(t, BUDGET('wall_clock: {limit: 1s}'))
  const passed = await ask(companion.port, `${url}/pass`)
  await delay(1100)
  return { scene: sceneOf(companion), text: await ask(companion.port, url), strays: strays(paths()), passed: [passed] }
})

async function freeze(companion: TestCompanion, frozen: boolean): Promise<void> {
  assert.equal((await companion.admin('/api/v1/budgets/_default/freeze', { method: 'POST', body: JSON.stringify({ frozen }) })).status, 200)
}

when('budget_frozen', 'refused', async (t) => {
  const { companion, url, paths } = await stage(t, '')
  await freeze(companion, true)
  const text = await ask(companion.port, url)
  await freeze(companion, false)
  return { scene: sceneOf(companion), text, strays: strays(paths()), passed: [await ask(companion.port, `${url}/pass`)] }
})
when('budget_frozen', 'failed', whileOpen('', () => undefined, (companion) => freeze(companion, true)))
when('budget_frozen', 'cut', whileOpen('', beginStream, (companion) => freeze(companion, true)))
when('budget_capacity', 'refused', async (t) => {
  const origin = await startOrigin(t)
  const ledger = await openLedger({ kind: 'memory', clock: SYSTEM_CLOCK, maxSubjects: 1 })
  const scene = await startChanged(t, (services) => ({ ...services, budgets: { ...services.budgets, ledger } }), 'agents: {a: {source_cidrs: [127.0.0.9/32], budget: {concurrent_requests: 9}}}\nbudget: {requests: {limit: 9}}\n')
  const passed = await ask(scene.port, `${origin.url}/pass`)
  const { text } = await sendRaw(scene.port, message(origin.url), { from: '127.0.0.9', waitMs: LONG_ENOUGH_MS })
  return { scene, text, strays: strays(origin.seen.map(({ url }) => url)), passed: [passed] }
})
when('budget_state_unreadable', 'refused', async (t) => {
  const stateDir = temporaryFolder(t)
  mkdirSync(join(stateDir, 'budget'), { mode: 0o700 })
  writeFileSync(join(stateDir, 'budget', 'journal-00000001.log'), 'not a journal')
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, stateDir, config: BUDGET('requests: {limit: 9}') })
  const text = await ask(companion.port, origin.url)
  assert.equal((await companion.admin('/api/v1/budget-store/adopt', { method: 'POST', body: '{}' })).status, 200)
  return { scene: sceneOf(companion), text, strays: strays(origin.seen.map(({ url }) => url)), passed: [await ask(companion.port, `${origin.url}/pass`)] }
})

/** Limits for all but one caller, whose requests need no ledger. */
const ALL_BUT_ONE = 'agents: {free: {source_cidrs: [127.0.0.9/32], budget: {requests: {limit: unlimited}}}}\nbudget: {requests: {limit: 9}}\n'

async function askFree(port: number, url: string): Promise<string> {
  return (await sendRaw(port, message(`${url}/pass`), { from: '127.0.0.9', waitMs: LONG_ENOUGH_MS })).text
}

when('budget_state_unwritable', 'refused', async (t) => {
  const origin = await startOrigin(t)
  const isFull = (): Promise<never> => Promise.reject(Object.assign(new TypeError('no space'), { code: 'ENOSPC' }))
  const done = (): Promise<void> => Promise.resolve()
  const files = { read: () => Promise.resolve({ mark: undefined, journals: new Map<number, Buffer>() }), create: isFull, removeBut: done, writeMark: isFull, setAside: done, close: done }
  const ledger = await openLedger({ kind: 'journal', clock: SYSTEM_CLOCK, dir: temporaryFolder(t), files })
  const scene = await startChanged(t, (services) => ({ ...services, budgets: { ...services.budgets, ledger } }), ALL_BUT_ONE)
  return { scene, text: await ask(scene.port, origin.url), strays: strays(origin.seen.map(({ url }) => url)), passed: [await askFree(scene.port, origin.url)] }
})
when('budget_store_unreachable', 'refused', async (t) => {
  const { companion, url, paths } = await stage(t, `state: redis://127.0.0.1:${await freePort()}\n${ALL_BUT_ONE}`)
  return { scene: sceneOf(companion), text: await ask(companion.port, url), strays: strays(paths()), passed: [await askFree(companion.port, url)] }
})
when('budget_store_lost', 'refused', async (t) => {
  const redis = await startRedis(t)
  if (redis === undefined) return undefined
  const { companion, url, paths } = await stage(t, `state: ${JSON.stringify(redis.url)}\n${ALL_BUT_ONE}`)
  const passed = await ask(companion.port, `${url}/pass`)
  await redis.kill()
  await redis.start()
  await waitFor(async () => (await companion.admin('/readyz')).text.includes('store_lost'), 10_000)
  return { scene: sceneOf(companion), text: await ask(companion.port, url), strays: strays(paths()), passed: [passed, await askFree(companion.port, url)] }
})

/** An origin that speaks bytes, at the address that is asked for after a request that passes elsewhere. */
function asksRaw(serve: (socket: net.Socket) => void, scheme = 'http'): Provoke {
  return async (t) => {
    const { companion, url } = await stage(t, '')
    const raw = await startRawOrigin(t, serve)
    const passed = await ask(companion.port, `${url}/pass`)
    return { scene: sceneOf(companion), text: await ask(companion.port, `${scheme}://127.0.0.1:${raw.port}/`), strays: 0, passed: [passed] }
  }
}

when('upstream_unreachable', 'failed', asksRaw((socket) => socket.resetAndDestroy()))
when('upstream_malformed', 'failed', asksRaw((socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH\r\n'))))
when('upstream_tls', 'failed', asksRaw((socket) => socket.once('data', () => socket.end('no TLS here\r\n')), 'https'))

when('internal_error', 'refused', async (t) => {
  const origin = await startOrigin(t)
  const scene = await startChanged(t, (services) => ({
    ...services,
    resolver: {
      ...services.resolver,
      resolve: (host, port, rules) => {
        if (host === 'broken.test') throw new TypeError('a stage that crashes')
        return services.resolver.resolve(host, port, rules)
      },
    },
  }))
  const passed = await ask(scene.port, `${origin.url}/pass`)
  const text = await ask(scene.port, `http://broken.test:${origin.port}/`)
  return { scene, text, strays: strays(origin.seen.map(({ url }) => url)), passed: [passed] }
})

when('receipt_unwritable', 'unrecorded', async (t) => {
  const origin = await startOrigin(t)
  const faults: DiskFaults = { retriedSyncs: 0 }
  const scene = await startOnFaultyDisk(t, faults)
  Object.assign(faults, { sync: { code: 'EIO' }, create: { code: 'EIO' } })
  const text = await ask(scene.port, origin.url)
  const [before, metrics] = [strays(origin.seen.map(({ url }) => url)), await scene.metrics()]
  Object.assign(faults, { sync: undefined, create: undefined })
  let passed = ''
  await waitFor(async () => (passed = await ask(scene.port, `${origin.url}/pass`)).startsWith('HTTP/1.1 200 '))
  return { scene: { ...scene, metrics: () => Promise.resolve(metrics) }, text, strays: before, passed: [passed] }
})
when('recorder_busy', 'unrecorded', async (t) => {
  const origin = await startOrigin(t)
  let release = (): void => undefined
  const faults: DiskFaults = { retriedSyncs: 0 }
  const scene = await startOnFaultyDisk(t, faults, 1)
  faults.stall = new Promise<void>((resolve) => (release = resolve))
  const waiting = ask(scene.port, `${origin.url}/pass`)
  await delay(200)
  const text = await ask(scene.port, origin.url)
  assert.match(text, /\r\nRetry-After: 1\r\n/)
  faults.stall = undefined
  release()
  return { scene, text, passed: [await waiting], strays: strays(origin.seen.map(({ url }) => url)) }
})

/** @returns the action id the caller was told; '' where it never became an exchange */
function checkRefusal(reason: BlockReason, text: string): string {
  const { httpStatus, severity, retry, stage: layer, summary } = BLOCK_REASONS[reason]
  const { status, headers, body } = lastMessage(text)
  const names = ['x-pipelock-block-reason', 'x-pipelock-block-reason-version', 'x-pipelock-block-reason-severity', 'x-pipelock-block-reason-retry', 'x-pipelock-block-reason-layer', 'cache-control', 'content-type']
  // Only the JSON form of /fetch holds its answer to a length, and it tells refusals in its own form.
  const isJsonForm = reason === 'response_too_large'
  const type = isJsonForm ? 'application/json' : 'application/problem+json'
  assert.deepEqual([status, ...names.map((name) => headers[name])], [httpStatus, reason, '1', severity, retry, layer, 'no-store', type])
  assert.match(headers['chaperone-refused-by'] ?? '', /^"chaperone-[0-9a-f]{8}"$/)
  const problem = JSON.parse(body) as Record<string, unknown>
  const [toldStatus, toldSummary] = isJsonForm ? [problem['status_code'], problem['hint']] : [problem['status'], problem['title']]
  assert.deepEqual([toldStatus, problem['block_reason'], problem['blocked'], toldSummary], [httpStatus, reason, true, summary])
  return String(problem['action_id'])
}

function checkSingle(reason: BlockReason, receipts: readonly ReceiptView[]): void {
  const told = receipts.map(({ decision_phase, verdict, layer, pattern }) => [decision_phase, verdict, layer, pattern])
  assert.deepEqual(told, [[undefined, 'block', BLOCK_REASONS[reason].stage, reason]])
}

function checkPair(reason: BlockReason, receipts: readonly ReceiptView[]): void {
  const [intent, outcome, ...rest] = receipts
  assert.deepEqual(rest, [])
  assert.deepEqual([intent?.decision_phase, outcome?.decision_phase], ['intent', 'outcome'])
  assert.equal(intent?.action_id, outcome?.action_id)
  assert.ok(outcome?.pattern?.endsWith(` reason=${reason}`), outcome?.pattern)
  assert.equal(outcome?.verdict, BLOCK_REASONS[reason].stage === 'forward' ? 'allow' : 'block')
}

const CHECKS: Readonly<Record<Ending, (reason: BlockReason, provoked: Provoked, receipts: readonly ReceiptView[]) => void>> = {
  counted: (reason, { text }, receipts) => {
    assert.equal(checkRefusal(reason, text), '')
    assert.deepEqual(receipts, [])
  },
  refused: (reason, { text }, receipts) => {
    assert.equal(receipts[0]?.action_id, checkRefusal(reason, text))
    checkSingle(reason, receipts)
  },
  untold: (reason, { text }, receipts) => {
    assert.equal(text, '')
    checkSingle(reason, receipts)
  },
  unrecorded: (reason, { text }, receipts) => {
    assert.notEqual(checkRefusal(reason, text), '')
    assert.deepEqual(receipts, [])
  },
  failed: (reason, { text }, receipts) => {
    const actionId = checkRefusal(reason, text)
    checkPair(reason, receipts)
    assert.equal(receipts[0]?.action_id, actionId)
  },
  cut: (reason, { text }, receipts) => {
    assert.match(text, /^HTTP\/1\.1 200 /)
    assert.doesNotMatch(text, /\r\n0\r\n\r\n$/, 'a cut answer must not end like a complete one')
    checkPair(reason, receipts)
  },
}

/** Requests that were to pass, and what a scene needs besides, are told by their targets. */
const isProvoked = ({ target, transport }: ReceiptView): boolean => !target.includes('/pass') && transport !== 'admin'

async function checkCounters(reason: BlockReason, ending: Ending, { metrics }: Scene): Promise<void> {
  if (metrics === undefined) return
  const text = await metrics()
  const isOurs = ending !== 'counted' && BLOCK_REASONS[reason].stage !== 'forward'
  assert.equal(sumOf(text, 'chaperone_blocked_total', `reason="${reason}"`), isOurs ? 1 : 0)
  assert.equal(sumOf(text, 'chaperone_refused_before_exchange_total', `cause="${reason}"`), ending === 'counted' ? 1 : 0)
}

test('every reason is on the list, and every ending on it is provoked', () => {
  assert.deepEqual(Object.keys(ENDINGS).sort(), Object.keys(BLOCK_REASONS).sort())
  const listed = Object.entries(ENDINGS).flatMap(([reason, endings]) => endings.map((ending) => `${reason} ${ending}`))
  assert.deepEqual([...provocations.keys()].sort(), listed.sort())
})

for (const [reason, endings] of Object.entries(ENDINGS) as [BlockReason, readonly Ending[]][]) {
  for (const ending of endings) {
    test(`${reason} is told and recorded: ${ending}`, async (t) => {
      const provoked = await provocations.get(`${reason} ${ending}`)!(t)
      if (provoked === undefined) return
      for (const text of provoked.passed ?? []) assert.match(text, /^HTTP\/1\.1 200 /, 'a neighbouring request passes')
      assert.equal(provoked.strays, 0, 'requests that reached the origin and should not have')
      // The outcome is appended when the exchange ends, and its caller does not wait for the disk.
      await waitFor(async () => (await provoked.scene.receipts()).every(({ action_id, decision_phase }, _at, all) => decision_phase !== 'intent' || all.some((other) => other.action_id === action_id && other.decision_phase === 'outcome')))
      const all = await provoked.scene.receipts()
      const receipts = reason === 'loop' ? all.filter(({ pattern }) => pattern !== 'host_blocked') : all
      CHECKS[ending](reason, provoked, receipts.filter(isProvoked))
      await checkCounters(reason, ending, provoked.scene)
      assert.ok(!provoked.text.includes(A_KEY) && !JSON.stringify(all).includes(A_KEY), 'the credential itself is nowhere')
    })
  }
}
