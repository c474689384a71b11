/** Budgets through live companions: counted at the origin, under concurrency, across reloads and restarts, told truly. */

import assert from 'node:assert/strict'
import http from 'node:http'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { processFolder, startCompanionProcess } from '../support/companion-process.ts'
import { sendLoad } from '../support/load.ts'
import { skipFor } from '../support/missed.ts'
import { startOrigin, type Answer } from '../support/origin.ts'
import { A_CREDENTIAL, askFetch, askProxy } from '../support/outcome-of.ts'
import { sendRaw, throughProxy } from '../support/proxy-client.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const REQUESTS = (limit: number, window = '1h'): string => `budget: {requests: {limit: ${limit}, window: ${window}}}\n`

function hasLoopbackNetwork(t: TestContext): boolean {
  if (process.platform === 'linux') return true
  skipFor(t, 'a loopback network of more than one address')
  return false
}

async function show(companion: TestCompanion, agent = '_default'): Promise<{ frozen: boolean; open: number; axes: Record<string, { used: number; limit: number }> }> {
  const { text } = await companion.admin(`/api/v1/budgets/${agent}`)
  const { agents } = JSON.parse(text) as { agents: [{ frozen: boolean; open: number; axes: { axis: string; used: number; limit: number }[] }] }
  const [{ axes, ...rest }] = agents
  return { ...rest, axes: Object.fromEntries(axes.map(({ axis, used, limit }) => [axis, { used, limit }])) }
}

async function post(companion: TestCompanion, path: string, order: object): Promise<number> {
  return (await companion.admin(`/api/v1/${path}`, { method: 'POST', body: JSON.stringify(order) })).status
}

test('two hundred concurrent requests at a limit of fifty: fifty reach the origin, on every surface together', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: REQUESTS(50) })
  const tunnel = (): Promise<string> => sendRaw(companion.port, `CONNECT 127.0.0.1:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\n`, { waitMs: 500 }).then(({ text }) => (text.startsWith('HTTP/1.1 200') ? '200' : 'budget_requests'))
  const all = await Promise.all(Array.from({ length: 200 }, (_, n) => (n % 3 === 0 ? askProxy(companion.port, origin.url) : n % 3 === 1 ? askFetch(companion.port, origin.url) : tunnel())))
  assert.deepEqual([all.filter((told) => told === '200').length, all.filter((told) => told === 'budget_requests').length], [50, 150])
  assert.equal(origin.connections() <= 50, true)
  const receipts = await companion.exchangeReceipts()
  assert.equal(receipts.filter(({ decision_phase: phase }) => phase === 'intent').length, 50)
  assert.deepEqual((await show(companion)).axes['requests'], { used: 50, limit: 50 })
})

test('the window slides: when the oldest request leaves exactly one more passes', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: REQUESTS(3, '3s') })
  const ask = (): Promise<string> => askProxy(companion.port, origin.url)
  assert.equal(await ask(), '200')
  await delay(1200)
  assert.deepEqual([await ask(), await ask(), await ask()], ['200', '200', 'budget_requests'])
  await waitFor(async () => (await ask()) === '200')
  assert.equal(await ask(), 'budget_requests')
  assert.equal(origin.seen.length, 4)
})

test('Retry-After is true: a second before it is over the request is refused, at its end it passes', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: REQUESTS(1, '4s') })
  assert.equal(await askProxy(companion.port, origin.url), '200')
  const refused = await throughProxy(companion.port, origin.url)
  const { axis, resets_at: resetsAt } = JSON.parse(refused.text) as { axis: string; resets_at: string }
  const seconds = Number(refused.headers['retry-after'])
  assert.deepEqual([axis, refused.headers['ratelimit-policy'], refused.headers['cache-control']], ['requests', '"requests";q=1;w=4', 'no-store'])
  assert.equal(refused.headers['ratelimit'], `"requests";r=0;t=${seconds}`)
  assert.ok(Math.abs(Date.parse(resetsAt) - Date.now() - seconds * 1000) < 1500)
  await delay(seconds * 1000 - 1200)
  assert.equal(await askProxy(companion.port, origin.url), 'budget_requests')
  await delay(1250)
  assert.equal(await askProxy(companion.port, origin.url), '200')
})

test('a reload keeps what was spent: a lower limit refuses at once, a higher one lets pass', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: REQUESTS(5) })
  const ask = (): Promise<string> => askProxy(companion.port, origin.url)
  assert.deepEqual([await ask(), await ask(), await ask()], ['200', '200', '200'])
  companion.reload(REQUESTS(2))
  assert.equal(await ask(), 'budget_requests')
  companion.reload(REQUESTS(4))
  assert.deepEqual([await ask(), await ask()], ['200', 'budget_requests'])
  assert.equal(companion.reload('budget: {requests: {limit: 0}}\n').result, 'rejected')
  assert.equal(await ask(), 'budget_requests')
})

test('a restart keeps what was spent, and what was frozen', async (t) => {
  const origin = await startOrigin(t)
  const stateDir = temporaryFolder(t)
  const first = await startTestCompanion(t, { allowLoopback: true, stateDir, config: REQUESTS(5) })
  for (let n = 0; n < 3; n++) assert.equal(await askProxy(first.port, origin.url), '200')
  await first.stop()
  const second = await startTestCompanion(t, { allowLoopback: true, stateDir, config: REQUESTS(5) })
  const ask = (): Promise<string> => askProxy(second.port, origin.url)
  assert.deepEqual([await ask(), await ask(), await ask()], ['200', '200', 'budget_requests'])
  assert.equal(await post(second, 'budgets/_default/freeze', { frozen: true }), 200)
  await second.stop()
  const third = await startTestCompanion(t, { allowLoopback: true, stateDir, config: '' })
  assert.equal(await askProxy(third.port, origin.url), 'budget_frozen')
})

test('a process that is killed never spends more than the limit with the one that follows it', async (t) => {
  const origin = await startOrigin(t)
  const folder = processFolder(t)
  for (let round = 0; round < 3; round++) {
    const companion = await startCompanionProcess(t, folder, { config: REQUESTS(120) })
    await sendLoad(companion.port, origin.url, { total: 60, connections: 8, stop: () => origin.seen.length >= (round + 1) * 35 })
    await companion.kill('SIGKILL')
  }
  assert.ok(origin.seen.length <= 120 && origin.seen.length >= 60, `${origin.seen.length}`)
})

test('destinations are one however they are spelled, and each hop of a redirect counts', async (t) => {
  const target = await startOrigin(t)
  const origin = await startOrigin(t, (_request, response) => response.writeHead(302, { location: `http://127.0.0.2:${target.port}/` }).end())
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'budget: {destinations: {limit: 1}}\n' })
  for (const host of ['127.0.0.1', '127.1', '0x7f000001', '2130706433', '[::ffff:127.0.0.1]']) assert.equal(await askProxy(companion.port, `http://${host}:${origin.port}/`), '302', host)
  assert.equal(await askFetch(companion.port, origin.url), 'budget_destinations')
  assert.equal(target.seen.length, 0)
  assert.equal(origin.seen.length, 6)
  companion.reload('budget: {destinations: {limit: 2}}\n')
  assert.equal(await askFetch(companion.port, origin.url), 'upstream_unreachable')
})

const STATUSES: Answer = (request, response) => {
  const [, status = '200', retryAfter] = /^\/([0-9]{3})(?:-([0-9]+))?/.exec(request.url ?? '') ?? []
  response.writeHead(Number(status), retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end()
}

test('a success clears the count of an endpoint, a query is no other endpoint, and our own refusals are no failures', async (t) => {
  let isWell = false
  const origin = await startOrigin(t, (_request, response) => response.writeHead(isWell ? 200 : 503).end())
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'budget: {retries_per_endpoint: {limit: 1}}\n' })
  const ask = (path: string, method = 'GET'): Promise<string> => askProxy(companion.port, origin.url + path, { method })
  assert.equal(await askProxy(companion.port, `${origin.url}/a`, { headers: { 'x-note': A_CREDENTIAL } }), 'dlp_secret')
  assert.deepEqual([await ask('/a'), await ask('/a?again'), await ask('/%61/./')], ['503', '503', '503'])
  assert.deepEqual([await ask('/a?more'), await ask('/x/../a'), await ask('/a', 'POST'), await ask('/b')], ['budget_retries_endpoint', 'budget_retries_endpoint', '503', '503'])
  isWell = true
  assert.equal(await ask('/b'), '200')
  isWell = false
  assert.deepEqual([await ask('/b'), await ask('/b'), await ask('/b')], ['503', '503', 'budget_retries_endpoint'])
})

test('an origin that asks to wait is left alone until then, also where retries are left', async (t) => {
  const origin = await startOrigin(t, STATUSES)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'budget: {retries_per_endpoint: {limit: 5}}\n' })
  assert.equal(await askProxy(companion.port, `${origin.url}/503-2`), '503')
  const refused = await throughProxy(companion.port, `${origin.url}/503-2`)
  assert.deepEqual([refused.status, refused.headers['x-pipelock-block-reason'], refused.headers['retry-after']], [429, 'budget_retries_endpoint', '2'])
  await delay(2050)
  assert.equal(await askProxy(companion.port, `${origin.url}/503-2`), '503')
  assert.equal(origin.seen.length, 2)
})

test('a name that does not resolve and a port that refuses are failures of the endpoint, a tunnel included', async (t) => {
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'budget: {retries_per_endpoint: {limit: 1}}\n' })
  const thrice = async (ask: () => Promise<string>): Promise<string[]> => [await ask(), await ask(), await ask()]
  assert.deepEqual(await thrice(() => askProxy(companion.port, 'http://nobody.invalid/')), ['dns_failed', 'dns_failed', 'budget_retries_endpoint'])
  assert.deepEqual(await thrice(() => askProxy(companion.port, 'http://127.0.0.1:1/')), ['upstream_unreachable', 'upstream_unreachable', 'budget_retries_endpoint'])
  const tunnel = (): Promise<string> => sendRaw(companion.port, 'CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: x\r\n\r\n').then(({ text }) => /Block-Reason: (\w+)/.exec(text)?.[1] ?? text)
  assert.deepEqual(await thrice(tunnel), ['upstream_unreachable', 'upstream_unreachable', 'budget_retries_endpoint'])
})

test('targets of a fan-out leave one by one', async (t) => {
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'budget: {fan_out: {limit: 2, window: 2s, granularity: host}, failed_dials: count}\n' })
  const ask = (n: number): Promise<string> => askProxy(companion.port, `http://127.0.0.${n}:1/`)
  const [passed, refused] = ['upstream_unreachable', 'budget_fan_out']
  assert.equal(await ask(11), passed)
  await delay(1000)
  assert.deepEqual([await ask(12), await ask(13)], [passed, refused])
  await delay(1100)
  assert.deepEqual([await ask(13), await ask(14), await ask(12)], [passed, refused, passed])
})

const TWO = 'agents:\n  a: {source_cidrs: [127.0.1.0/24], budget: {max_requests_per_session: 4}}\n  b: {source_cidrs: [127.0.2.0/24], budget: {max_requests_per_session: 1, dow_action: warn}}\nbudget: {max_requests_per_session: 2}\n'

test('callers of one profile share its limit, profiles never do, and nothing that a caller sends refreshes it', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: TWO })
  const ask = (from: string, headers = {}): Promise<string> => askProxy(companion.port, origin.url, { from, headers })
  assert.deepEqual([await ask('127.0.1.1'), await ask('127.0.1.2'), await ask('127.0.1.1'), await ask('127.0.1.3')], ['200', '200', '200', '200'])
  const forged = { 'x-pipelock-agent': 'b', 'x-session-id': 'new', 'mcp-session-id': 'new', 'x-forwarded-for': '127.0.2.1', forwarded: 'for=127.0.2.1', cookie: 'session=new' }
  assert.deepEqual([await ask('127.0.1.1'), await ask('127.0.1.9', forged), await askFetch(companion.port, `${origin.url}/?agent=b`, { from: '127.0.1.1' })], ['budget_requests', 'budget_requests', 'budget_requests'])
  assert.deepEqual([await ask('127.0.2.1'), await ask('127.0.2.1'), await ask('127.0.2.1')], ['200', '200', '200'])
  assert.deepEqual([await ask('127.0.3.1'), await ask('127.0.3.2'), await ask('127.0.3.1')], ['200', '200', 'budget_requests'])
  assert.equal(origin.seen.length, 4 + 3 + 2)
})

test('what the scanner refuses, and what the kill switch refuses, is not spent', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: REQUESTS(1) })
  assert.equal(await askProxy(companion.port, origin.url, { headers: { 'x-note': A_CREDENTIAL } }), 'dlp_secret')
  await post(companion, 'killswitch', { active: true })
  assert.equal(await askProxy(companion.port, origin.url), 'kill_switch')
  await post(companion, 'killswitch', { active: false })
  assert.deepEqual([await askProxy(companion.port, origin.url), await askProxy(companion.port, origin.url)], ['200', 'budget_requests'])
})

test('a refusal spends nothing on the other axes, and does not prolong itself', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'budget: {requests: {limit: 5}, destinations: {limit: 1}, bytes: {limit: 1000B}}\n' })
  assert.equal(await askProxy(companion.port, origin.url), '200')
  const before = await show(companion)
  for (let n = 0; n < 10; n++) assert.equal(await askProxy(companion.port, 'http://127.0.0.9/'), 'budget_destinations')
  assert.deepEqual((await show(companion)).axes, before.axes)
})

test('a caller that goes away leaves no reservation behind, at any moment', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/head') response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    if (request.url === '/body') response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n')
  })
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'budget: {concurrent_requests: 2, bytes: {limit: 1MiB}}\n' })
  for (const path of ['/silent', '/head', '/body', '/silent', '/head', '/body']) {
    const request = http.get({ host: '127.0.0.1', port: companion.port, path: origin.url + path, agent: false })
    request.on('error', () => undefined)
    const seen = origin.seen.length
    await waitFor(() => origin.seen.length > seen)
    await delay(30)
    request.destroy()
    await waitFor(async () => (await show(companion)).open === 0)
  }
})

test('a freeze refuses what comes and cuts what runs, for one profile alone, and each act has its receipt', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/open') response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n')
    else response.end('done')
  })
  const companion = await startTestCompanion(t, { allowLoopback: true, config: TWO })
  const open = throughProxy(companion.port, `${origin.url}/open`, { from: '127.0.1.1' })
  await waitFor(() => origin.seen.length === 1)
  await delay(50)
  assert.equal(await post(companion, 'budgets/a/freeze', { frozen: true }), 200)
  assert.equal((await open).isComplete, false)
  assert.equal(await askProxy(companion.port, origin.url, { from: '127.0.1.1' }), 'budget_frozen')
  assert.equal(await askProxy(companion.port, origin.url, { from: '127.0.2.1' }), '200')
  assert.equal((await show(companion, 'a')).frozen, true)
  assert.match(await companion.metrics(), /chaperone_budget_frozen\{agent="a"\} 1/)
  assert.equal(await post(companion, 'budgets/a/freeze', { frozen: false }), 200)
  assert.equal(await askProxy(companion.port, origin.url, { from: '127.0.1.1' }), '200')

  assert.equal(await post(companion, 'budgets/a/grants', { axis: 'requests', amount: 10, ttl_seconds: 60 }), 200)
  assert.equal(await post(companion, 'budgets/a/reset', { axis: 'requests' }), 200)
  assert.equal(await post(companion, 'budgets/nobody/reset', {}), 404)
  assert.equal(await post(companion, 'budgets/a/grants', { axis: 'retries_per_tool', amount: 10, ttl_seconds: 60 }), 404)
  assert.equal(await post(companion, 'budgets/a/grants', { axis: 'requests', amount: 10 }), 400)
  const acts = (await companion.exchangeReceipts()).filter(({ transport }) => transport === 'admin')
  assert.deepEqual(acts.map(({ pattern = '', target, layer, verdict }) => [pattern.split(' ')[0], target, layer, verdict]), ['budget_freeze', 'budget_unfreeze', 'budget_grant', 'budget_reset'].map((act) => [act, 'chaperone://budgets/a', 'budget', 'allow']))
  assert.match(acts[2]?.pattern ?? '', /axis=requests amount=10 ttl_seconds=60 id=[0-9a-f-]{36}$/)
})

test('a grant holds for its time and no longer', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: REQUESTS(1) })
  const ask = (): Promise<string> => askProxy(companion.port, origin.url)
  assert.deepEqual([await ask(), await ask()], ['200', 'budget_requests'])
  assert.equal(await post(companion, 'budgets/_default/grants', { axis: 'requests', amount: 2, ttl_seconds: 2 }), 200)
  assert.deepEqual([await ask()], ['200'])
  await delay(2100)
  assert.equal(await ask(), 'budget_requests')
})

test('refusals that hammer are counted one by one and told up to twenty a second, with what was left out', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: REQUESTS(1) })
  await sendLoad(companion.port, origin.url, { total: 200, connections: 8 })
  assert.equal(origin.seen.length, 1)
  const denied = (): Record<string, unknown>[] => companion.events().filter(({ event }) => event === 'denial_of_wallet')
  const leftOut = (): number => companion.events().filter(({ event, subject }) => event === 'suppressed' && String(subject).startsWith('denial_of_wallet')).reduce((sum, { count }) => sum + Number(count), 0)
  await waitFor(() => denied().length + denied().reduce((sum, { suppressed }) => sum + Number(suppressed), 0) + leftOut() === 199)
  assert.ok(denied().length < 199)
  assert.deepEqual(denied().map(({ first_crossing: first }) => first).slice(0, 2), [true, false])
  assert.match(await companion.metrics(), /chaperone_denial_of_wallet_total\{agent="_default",axis="requests",action="block",transport="forward"\} 199/)
})
