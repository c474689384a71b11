/** What each key of a budget changes: of the top level for everyone, of a profile for its own callers alone. Counted at the origin. */

import assert from 'node:assert/strict'
import http from 'node:http'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { freePort } from '../support/free-port.ts'
import { startOrigin, type Answer, type Origin } from '../support/origin.ts'
import { askProxy } from '../support/outcome-of.ts'
import { sendRaw, throughProxy } from '../support/proxy-client.ts'
import { waitFor } from '../support/wait-for.ts'

interface Scene {
  readonly companion: TestCompanion
  readonly origin: Origin
  /** Port of the callers to whom the budget applies. */
  readonly port: number
  /** Port of everyone else. */
  readonly others: number
  /** Asks for `path` of the origin. */
  readonly ask: (path?: string) => Promise<string>
  readonly budget: (keys: string) => void
}

/** At the top level everyone is held to it; a profile `free` shows that another can be lifted. */
async function top(t: TestContext, keys: string, answer?: Answer): Promise<Scene> {
  return start(t, (own, budget) => `budget: {${budget}}\nagents: {free: {listeners: ["127.0.0.1:${own}"], budget: ${LIFTED}}}\n`, keys, { answer, isTop: true })
}

async function profile(t: TestContext, keys: string, answer?: Answer): Promise<Scene> {
  return start(t, (own, budget) => `agents: {a: {listeners: ["127.0.0.1:${own}"], budget: {${budget}}}}\n`, keys, { answer, isTop: false })
}

const LIFTED = '{max_requests_per_session: 0, max_bytes_per_session: 0, max_unique_domains_per_session: 0, fan_out: {limit: unlimited}, retries_per_endpoint: {limit: unlimited}, concurrent_requests: 0, parallel_targets: 0, wall_clock: {limit: unlimited}, dow_action: block, warn_at: []}'

async function start(t: TestContext, text: (own: number, budget: string) => string, keys: string, { answer, isTop }: { answer: Answer | undefined; isTop: boolean }): Promise<Scene> {
  const own = await freePort()
  const origin = await startOrigin(t, answer)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: text(own, keys) })
  const [port, others] = isTop ? [companion.port, own] : [own, companion.port]
  return {
    companion,
    origin,
    port,
    others,
    ask: (path = '/') => askProxy(port, origin.url + path),
    budget: (next) => {
      assert.equal(companion.reload(text(own, next)).result, 'applied')
    },
  }
}

/** The others are not held to it, and use nothing of it. */
async function othersPass({ others, origin }: Scene, path = '/'): Promise<void> {
  for (let n = 0; n < 3; n++) assert.equal(await askProxy(others, origin.url + path), '200')
}

const outcomes = async (ask: () => Promise<string>, count: number): Promise<string[]> => {
  const all: string[] = []
  for (let n = 0; n < count; n++) all.push(await ask())
  return all
}

async function requestsEffect(scene: Scene, raised: string): Promise<void> {
  const { ask, budget, origin } = scene
  assert.deepEqual(await outcomes(ask, 3), ['200', '200', 'budget_requests'])
  await othersPass(scene)
  assert.equal(origin.seen.length, 5)
  budget(raised)
  assert.deepEqual(await outcomes(ask, 2), ['200', 'budget_requests'])
}

test('config budget.max_requests_per_session: the request over it is refused, and a higher one lets one more pass', async (t) => {
  await requestsEffect(await top(t, 'max_requests_per_session: 2'), 'max_requests_per_session: 3')
})
test('config agents.<name>.budget.max_requests_per_session: it holds for the profile alone', async (t) => {
  await requestsEffect(await profile(t, 'max_requests_per_session: 2'), 'max_requests_per_session: 3')
})
test('config budget.requests: its limit refuses, and its window lets pass again', async (t) => {
  await requestsEffect(await top(t, 'requests: {limit: 2, window: 1h}'), 'requests: {limit: 3, window: 1h}')
})
test('config agents.<name>.budget.requests: it holds for the profile alone, and its window slides', async (t) => {
  const scene = await profile(t, 'requests: {limit: 2, window: 1s}')
  assert.deepEqual(await outcomes(scene.ask, 3), ['200', '200', 'budget_requests'])
  await othersPass(scene)
  await waitFor(async () => (await scene.ask()) === '200')
})

const tenBytes: Answer = (_request, response) => response.end('0123456789')
const post = { method: 'POST', body: 'x'.repeat(20) }

async function bytesEffect(scene: Scene): Promise<void> {
  assert.deepEqual(await outcomes(() => askProxy(scene.port, scene.origin.url, post), 2), ['200', 'budget_bytes'])
  await othersPass(scene)
  assert.equal(scene.origin.seen.length, 4)
}
async function responseBytesEffect(scene: Scene): Promise<void> {
  assert.deepEqual(await outcomes(() => askProxy(scene.port, scene.origin.url, post), 4), ['200', '200', '200', 'budget_bytes'])
  await othersPass(scene)
  assert.equal(scene.origin.seen.length, 6)
}

test('config budget.bytes: bodies of both directions use it up', async (t) => {
  await bytesEffect(await top(t, 'bytes: {limit: 40B}', tenBytes))
})
test('config agents.<name>.budget.bytes: it holds for the profile alone, and count: response leaves request bodies out', async (t) => {
  await bytesEffect(await profile(t, 'bytes: {limit: 40B}', tenBytes))
  await responseBytesEffect(await profile(t, 'bytes: {limit: 30B, count: response}', tenBytes))
})
test('config budget.max_bytes_per_session: answers use it up, request bodies do not', async (t) => {
  await responseBytesEffect(await top(t, 'max_bytes_per_session: 30', tenBytes))
})
test('config agents.<name>.budget.max_bytes_per_session: it holds for the profile alone', async (t) => {
  await responseBytesEffect(await profile(t, 'max_bytes_per_session: 30', tenBytes))
})

async function destinationsEffect(scene: Scene, isByOrigin = false): Promise<void> {
  const { port, origin, ask } = scene
  assert.equal(await ask(), '200')
  assert.equal(await askProxy(port, 'http://127.0.0.2:1/'), 'budget_destinations')
  assert.equal(await askProxy(port, 'http://127.0.0.1:1/'), isByOrigin ? 'budget_destinations' : 'upstream_unreachable')
  assert.equal(await ask('/again'), '200')
  assert.equal(origin.seen.length, 2)
  await othersPass(scene)
}

test('config budget.max_unique_domains_per_session: one host more is refused, a known one passes', async (t) => {
  await destinationsEffect(await top(t, 'max_unique_domains_per_session: 1'))
})
test('config agents.<name>.budget.max_unique_domains_per_session: it holds for the profile alone', async (t) => {
  await destinationsEffect(await profile(t, 'max_unique_domains_per_session: 1'))
})
test('config budget.destinations: by host as by default, by origin where it says so', async (t) => {
  await destinationsEffect(await top(t, 'destinations: {limit: 1}'))
  await destinationsEffect(await top(t, 'destinations: {limit: 1, granularity: origin}'), true)
})
test('config agents.<name>.budget.destinations: it holds for the profile alone', async (t) => {
  await destinationsEffect(await profile(t, 'destinations: {limit: 1, granularity: origin}'), true)
})

/** A window in minutes is long: what can be seen at once is that the wait told is the window, and that 0 tells none. */
async function windowEffect(scene: Scene): Promise<void> {
  const { port, origin, budget } = scene
  const retryAfter = async (): Promise<number> => Number((await throughProxy(port, origin.url)).headers['retry-after'])
  assert.equal(await scene.ask(), '200')
  const told = await retryAfter()
  assert.ok(told > 100 && told <= 122, `${told}`)
  budget('max_requests_per_session: 1, window_minutes: 0')
  assert.ok(Number.isNaN(await retryAfter()))
}

test('config budget.window_minutes: the wait that is told is the window, and none where it never resets', async (t) => {
  await windowEffect(await top(t, 'max_requests_per_session: 1, window_minutes: 2'))
})
test('config agents.<name>.budget.window_minutes: it holds for the profile alone', async (t) => {
  const scene = await profile(t, 'max_requests_per_session: 1, window_minutes: 2')
  await windowEffect(scene)
  await othersPass(scene)
})

async function warnEffect(scene: Scene): Promise<void> {
  const { ask, companion, origin, budget } = scene
  assert.deepEqual(await outcomes(ask, 3), ['200', '200', '200'])
  assert.equal(origin.seen.length, 3)
  const told = (): Record<string, unknown>[] => companion.events().filter(({ event }) => event === 'denial_of_wallet')
  await waitFor(() => told().length >= 2)
  assert.deepEqual(told().map(({ action, axis, first_crossing: first }) => [action, axis, first]), [['warn', 'requests', true], ['warn', 'requests', false]])
  const warned = (await companion.exchangeReceipts()).filter(({ decision_phase: phase }) => phase === 'intent')
  assert.deepEqual(warned.map(({ verdict, layer, pattern }) => [verdict, layer, pattern]), [['allow', 'policy', undefined], ['warn', 'budget', 'budget_requests'], ['warn', 'budget', 'budget_requests']])
  budget('max_requests_per_session: 1, dow_action: block')
  assert.equal(await ask(), 'budget_requests')
}

test('config budget.dow_action: warn lets pass and tells, block refuses', async (t) => {
  await warnEffect(await top(t, 'max_requests_per_session: 1, dow_action: warn'))
})
test('config agents.<name>.budget.dow_action: it holds for the profile alone', async (t) => {
  await warnEffect(await profile(t, 'max_requests_per_session: 1, dow_action: warn'))
})

async function fanOutEffect(scene: Scene): Promise<void> {
  const { port, origin, ask } = scene
  assert.equal(await ask(), '200')
  assert.equal(await askProxy(port, `http://127.0.0.2:${origin.port}/`), 'budget_fan_out')
  assert.equal(await ask('/other'), '200')
  await othersPass(scene)
}

test('config budget.fan_out: one origin more is refused until the window is over', async (t) => {
  const scene = await top(t, 'fan_out: {limit: 1, window: 1s}')
  await fanOutEffect(scene)
  await waitFor(async () => (await askProxy(scene.port, 'http://127.0.0.2:1/')) === 'upstream_unreachable')
})
test('config agents.<name>.budget.fan_out: it holds for the profile alone, and by endpoint where it says so', async (t) => {
  await fanOutEffect(await profile(t, 'fan_out: {limit: 1}'))
  const { ask } = await profile(t, 'fan_out: {limit: 1, granularity: endpoint}')
  assert.deepEqual([await ask('/a'), await ask('/b'), await ask('/a?q')], ['200', 'budget_fan_out', '200'])
})

const slow: Answer = (_request, response) => setTimeout(() => response.end('done'), 300)

test('config budget.concurrent_requests: one more than open is refused, and passes when one has ended', async (t) => {
  const { ask, others, origin } = await top(t, 'concurrent_requests: 2', slow)
  assert.deepEqual((await Promise.all([ask(), ask(), ask()])).sort(), ['200', '200', 'budget_concurrency'])
  assert.deepEqual(await Promise.all([1, 2, 3].map(() => askProxy(others, origin.url))), ['200', '200', '200'])
  assert.equal(await ask(), '200')
})
test('config agents.<name>.budget.concurrent_requests: it holds for the profile alone', async (t) => {
  const { ask, others, origin } = await profile(t, 'concurrent_requests: 1', slow)
  assert.deepEqual((await Promise.all([ask(), ask()])).sort(), ['200', 'budget_concurrency'])
  assert.deepEqual(await Promise.all([1, 2, 3].map(() => askProxy(others, origin.url))), ['200', '200', '200'])
})

async function parallelEffect(scene: Scene): Promise<void> {
  const first = scene.ask()
  await waitFor(() => scene.origin.seen.length === 1)
  assert.equal(await askProxy(scene.port, 'http://127.0.0.2:1/'), 'budget_fan_out')
  assert.equal(await askProxy(scene.others, 'http://127.0.0.2:1/'), 'upstream_unreachable')
  assert.equal(await first, '200')
  assert.equal(await askProxy(scene.port, 'http://127.0.0.2:1/'), 'upstream_unreachable')
}
test('config budget.parallel_targets: another origin is refused while one is open', async (t) => {
  await parallelEffect(await top(t, 'parallel_targets: 1', slow))
})
test('config agents.<name>.budget.parallel_targets: it holds for the profile alone', async (t) => {
  await parallelEffect(await profile(t, 'parallel_targets: 1', slow))
})

const byPath: Answer = (request, response) => response.writeHead(Number(/^\/([0-9]{3})/.exec(request.url ?? '')?.[1] ?? 200)).end()

async function retriesEffect(scene: Scene): Promise<void> {
  const { ask } = scene
  const asked = async (path: string): Promise<string[]> => outcomes(() => ask(path), 3)
  assert.deepEqual(await asked('/503'), ['503', '503', 'budget_retries_endpoint'])
  assert.deepEqual(await asked('/404'), ['404', '404', '404'])
  assert.deepEqual(await asked('/401'), ['401', '401', 'budget_retries_endpoint'])
  assert.deepEqual(await outcomes(() => askProxy(scene.others, `${scene.origin.url}/503`), 4), ['503', '503', '503', '503'])
}
test('config budget.retries_per_endpoint: attempts after a failure are counted, others are not', async (t) => {
  await retriesEffect(await top(t, 'retries_per_endpoint: {limit: 1}', byPath))
})
test('config agents.<name>.budget.retries_per_endpoint: it holds for the profile alone; statuses, auth failures and ids are its own', async (t) => {
  await retriesEffect(await profile(t, 'retries_per_endpoint: {limit: 1}', byPath))
  const { ask } = await profile(t, 'retries_per_endpoint: {limit: 0, statuses: [404], count_auth_failures: false, path: ids}', byPath)
  assert.deepEqual([await ask('/503'), await ask('/503'), await ask('/401'), await ask('/401')], ['503', '503', '401', '401'])
  assert.deepEqual([await ask('/404/items/12'), await ask('/404/items/13'), await ask('/404/items/x')], ['404', 'budget_retries_endpoint', '404'])
})

async function wallClockEffect(scene: Scene): Promise<void> {
  assert.equal(await scene.ask(), '200')
  await delay(1100)
  assert.equal(await scene.ask(), 'budget_wall_clock')
  await othersPass(scene)
  await waitFor(async () => {
    await delay(1000)
    return (await scene.ask()) === '200'
  }, 100)
}
test('config budget.wall_clock: a session ends after its time, and begins anew after a rest', async (t) => {
  await wallClockEffect(await top(t, 'wall_clock: {limit: 1s, idle: 2s}'))
})
test('config agents.<name>.budget.wall_clock: it holds for the profile alone', async (t) => {
  await wallClockEffect(await profile(t, 'wall_clock: {limit: 1s, idle: 2s}'))
})

async function thresholdsEffect(scene: Scene, agent: string): Promise<void> {
  const { ask, companion } = scene
  const told = (): unknown[] => companion.events().filter(({ event }) => event === 'budget_threshold').map(({ agent: of, axis, percent }) => [of, axis, percent])
  await ask()
  await delay(1200)
  assert.deepEqual(told(), [])
  await ask()
  await waitFor(() => told().length === 1)
  await ask()
  await ask()
  await waitFor(() => told().length === 2)
  assert.deepEqual(told(), [[agent, 'requests', 50], [agent, 'requests', 100]])
}
test('config budget.warn_at: each share is told when it is reached', async (t) => {
  await thresholdsEffect(await top(t, 'max_requests_per_session: 4, warn_at: [50, 100]'), '_default')
})
test('config agents.<name>.budget.warn_at: it holds for the profile alone', async (t) => {
  await thresholdsEffect(await profile(t, 'max_requests_per_session: 4, warn_at: [100, 50]'), 'a')
})

async function detailEffect(scene: Scene): Promise<void> {
  const { port, origin, budget } = scene
  const members = async (): Promise<unknown[]> => {
    const { headers, text } = await throughProxy(port, origin.url)
    const problem = JSON.parse(text) as Record<string, unknown>
    return [problem['axis'], problem['limit'], problem['used'], headers['ratelimit'] !== undefined]
  }
  assert.equal(await scene.ask(), '200')
  assert.deepEqual(await members(), [undefined, undefined, undefined, false])
  budget('max_requests_per_session: 1, detail_level: axis')
  assert.deepEqual(await members(), ['requests', undefined, undefined, false])
  budget('max_requests_per_session: 1, detail_level: full')
  assert.deepEqual(await members(), ['requests', 1, 1, true])
}
test('config budget.detail_level: none, the axis, or the numbers are told', async (t) => {
  await detailEffect(await top(t, 'max_requests_per_session: 1, detail_level: none'))
})
test('config agents.<name>.budget.detail_level: it holds for the profile alone', async (t) => {
  await detailEffect(await profile(t, 'max_requests_per_session: 1, detail_level: none'))
})

async function dialsEffect(scene: Scene, failing: string): Promise<void> {
  assert.deepEqual(await outcomes(() => askProxy(scene.port, 'http://127.0.0.1:1/'), 2), ['upstream_unreachable', failing])
  const { closedBy } = await sendRaw(scene.port, 'CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.equal(closedBy, 'end')
}
test('config budget.failed_dials: refund leaves the limit untouched, count spends it', async (t) => {
  const scene = await top(t, 'max_requests_per_session: 1, failed_dials: refund')
  await dialsEffect(scene, 'upstream_unreachable')
  assert.deepEqual(await outcomes(scene.ask, 2), ['200', 'budget_requests'])
  await dialsEffect(await top(t, 'max_requests_per_session: 1, failed_dials: count'), 'budget_requests')
})
test('config agents.<name>.budget.failed_dials: it holds for the profile alone', async (t) => {
  await dialsEffect(await profile(t, 'max_requests_per_session: 1, failed_dials: count'), 'budget_requests')
})

function refusedAsInexact(companion: TestCompanion, config: string): boolean {
  const { result, messages } = companion.reload(config)
  return result === 'rejected' && messages.every((message) => message.includes('expected what every surface can observe'))
}
test('config budget.require_exact: a limit that tunnels hide in part does not load, and loads without tunnels', async (t) => {
  const companion = await startTestCompanion(t)
  const limit = (exact: boolean): string => `budget: {require_exact: ${exact}, retries_per_endpoint: {limit: 1}}\n`
  assert.ok(refusedAsInexact(companion, limit(true)))
  assert.equal(companion.reload(limit(false)).result, 'applied')
  assert.equal(companion.reload(`${limit(true)}forward_proxy: {connect: false}\n`).result, 'applied')
})
test('config agents.<name>.budget.require_exact: it holds for the profile alone', async (t) => {
  const companion = await startTestCompanion(t)
  const limits = (exact: boolean): string => `agents: {a: {budget: {requests: {limit: 1}, require_exact: ${exact}}}, b: {budget: {requests: {limit: 1}}}}\n`
  assert.ok(refusedAsInexact(companion, limits(true)))
  assert.equal(companion.reload(limits(false)).result, 'applied')
})

test('config forward_proxy.connect: false refuses CONNECT and leaves absolute-form requests', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'forward_proxy: {connect: true}\n' })
  const tunnel = async (): Promise<number> => {
    const request = http.request({ host: '127.0.0.1', port: companion.port, method: 'CONNECT', path: `127.0.0.1:${origin.port}`, agent: false })
    return new Promise((resolve, reject) => {
      request.on('connect', (response, socket) => {
        socket.destroy()
        resolve(response.statusCode ?? 0)
      })
      request.on('error', reject)
      request.end()
    })
  }
  assert.equal(await tunnel(), 200)
  companion.reload('forward_proxy: {connect: false}\n')
  assert.equal(await tunnel(), 403)
  assert.equal(await askProxy(companion.port, origin.url), '200')
})
