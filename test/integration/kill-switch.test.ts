/**
 * The kill switch of a live companion, from each of its four sources, for everyone and for one agent: what comes is refused,
 * what runs is cut within a second, and no client can take what it got for complete.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { startTestCompanion, sumOf, type TestCompanion } from '../support/companion.ts'
import { processFolder, startCompanionProcess } from '../support/companion-process.ts'
import { skipFor } from '../support/missed.ts'
import { startOrigin, type Origin } from '../support/origin.ts'
import { throughProxy } from '../support/proxy-client.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const A = '127.0.1.1'
const B = '127.0.1.2'
const CUT_WITHIN_MS = 1000
const LARGE_BYTES = 50_000_000

function hasLoopbackNetwork(t: TestContext): boolean {
  if (process.platform === 'linux') return true
  skipFor(t, 'a loopback network of more than one address')
  return false
}

/** `/events`, `/length` and `/chunks` begin and never end by themselves, `/never` does not begin; anything else answers at once. */
function startSlowOrigin(t: TestContext): Promise<Origin> {
  return startOrigin(t, ({ url }, response) => {
    if (url === '/never') return
    if (url !== '/events' && url !== '/length' && url !== '/chunks') {
      response.end('hello\n')
      return
    }
    response.writeHead(200, url === '/events' ? { 'content-type': 'text/event-stream' } : url === '/length' ? { 'content-length': LARGE_BYTES } : {})
    const chunk = url === '/events' ? 'data: tick\n\n' : Buffer.alloc(200_000)
    const timer = setInterval(() => response.write(chunk), 20)
    response.on('close', () => {
      clearInterval(timer)
    })
  })
}

interface Download {
  /** Bytes so far. */
  readonly size: () => number
  readonly text: () => string
  readonly isOver: () => boolean
  readonly isComplete: () => boolean
}

function download(port: number, url: string, from?: string): Promise<Download> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path: url, agent: false, ...(from !== undefined && { localAddress: from }) }, (response) => {
      let text = ''
      let size = 0
      let isOver = false
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (text.length < 100_000) text += chunk.toString('latin1')
        else text = text.slice(0, 100) + chunk.toString('latin1')
      })
      response.on('error', () => undefined)
      response.on('close', () => {
        isOver = true
      })
      resolve({ size: () => size, text: () => text, isOver: () => isOver, isComplete: () => response.complete })
    })
    request.on('error', reject)
    request.end()
  })
}

async function openTunnel(port: number, authority: string, from?: string): Promise<{ readonly socket: net.Socket; readonly ended: () => string }> {
  const socket = net.connect({ port, host: '127.0.0.1', ...(from !== undefined && { localAddress: from }) })
  let ended = ''
  socket.on('error', ({ code }: NodeJS.ErrnoException) => {
    ended = code ?? 'error'
  })
  socket.on('end', () => (ended ||= 'end'))
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 200 /)
  return { socket, ended: () => ended }
}

async function reasonFor(port: number, url: string, from?: string): Promise<unknown> {
  const answer = await throughProxy(port, url, { ...(from !== undefined && { from }) })
  return answer.headers['x-pipelock-block-reason'] ?? answer.status
}

/** Sets the switch and returns how long everything given took to end. */
async function msUntil(act: () => unknown, isOver: () => boolean): Promise<number> {
  const startedMs = performance.now()
  await act()
  await waitFor(isOver)
  return performance.now() - startedMs
}

/** How each source is switched on and off in a running companion. */
interface Lever {
  set(isOn: boolean): unknown
}

async function startWithLevers(t: TestContext): Promise<{ readonly companion: TestCompanion; readonly levers: Readonly<Record<string, Lever>> }> {
  const sentinel = join(temporaryFolder(t), 'stop')
  const config = (isOn: boolean): string => `kill_switch: {enabled: ${isOn}, sentinel_file: ${JSON.stringify(sentinel)}}\n`
  const companion = await startTestCompanion(t, { allowLoopback: true, config: config(false) })
  const setSentinel = (isOn: boolean): void => {
    if (isOn) writeFileSync(sentinel, '')
    else rmSync(sentinel)
  }
  const levers = {
    config: { set: (isOn: boolean) => { assert.equal(companion.reload(config(isOn)).result, 'applied') } },
    signal: { set: () => { companion.companion.toggleKillSwitch() } },
    sentinel: { set: setSentinel },
    admin: { set: async (isOn: boolean) => { assert.equal((await companion.admin('/api/v1/killswitch', { method: 'POST', body: JSON.stringify({ active: isOn }) })).status, 200) } },
  }
  return { companion, levers }
}

for (const source of ['config', 'signal', 'sentinel', 'admin']) {
  test(`${source}: refuses what comes and cuts what runs within a second, so that nobody takes it for complete`, async (t) => {
    const origin = await startSlowOrigin(t)
    const { companion, levers } = await startWithLevers(t)
    const lever = levers[source]!
    assert.equal((await throughProxy(companion.port, origin.url)).status, 200)
    const streams = await Promise.all(['/events', '/length', '/chunks'].map((path) => download(companion.port, origin.url + path)))
    const waiting = throughProxy(companion.port, `${origin.url}/never`)
    const tunnel = await openTunnel(companion.port, `127.0.0.1:${origin.port}`)
    await waitFor(() => streams[0]!.size() > 0 && streams.slice(1).every((stream) => stream.size() > 2_000_000))
    await waitFor(() => origin.seen.some(({ url }) => url === '/never'))

    const tookMs = await msUntil(() => lever.set(true), () => streams.every((stream) => stream.isOver()) && tunnel.ended() !== '')
    assert.ok(tookMs < CUT_WITHIN_MS, `${Math.round(tookMs)} ms`)
    assert.deepEqual(streams.map((stream) => stream.isComplete()), [false, false, false])
    assert.ok(streams[1]!.size() < LARGE_BYTES)
    assert.match(streams[0]!.text(), /\nevent: error\ndata: \{"blocked":true,"block_reason":"kill_switch"\}\n\n$/)
    assert.equal(tunnel.ended(), 'ECONNRESET')
    const refused = await waiting
    assert.deepEqual([refused.status, refused.headers['x-pipelock-block-reason']], [503, 'kill_switch'])

    const reached = origin.connections()
    assert.equal(await reasonFor(companion.port, origin.url), 'kill_switch')
    assert.equal(await reasonFor(companion.port, `http://127.0.0.1:${companion.port}/`), 'kill_switch')
    assert.equal(origin.connections(), reached)

    const outcomes = (await companion.exchangeReceipts()).filter(({ decision_phase, pattern }) => decision_phase === 'outcome' && pattern?.includes('reason=kill_switch'))
    assert.deepEqual(outcomes.map(({ verdict }) => verdict), ['block', 'block', 'block', 'block', 'block'])
    assert.equal(sumOf(await companion.metrics(), 'chaperone_kill_switch_active', 'scope="*"'), 1)
    assert.equal((await companion.admin('/readyz')).status, 200)

    await lever.set(false)
    await waitFor(async () => (await reasonFor(companion.port, origin.url)) === 200)
    assert.equal(sumOf(await companion.metrics(), 'chaperone_kill_switch_active', 'scope="*"'), 0)
    const changes = (): Record<string, unknown>[] => companion.events().filter(({ event }) => event === 'kill_switch')
    await waitFor(() => changes().length >= 2)
    assert.deepEqual(changes().map((change) => [change['source'], change['scope'], change['active']]), [[source, '*', true], [source, '*', false]])
  })
}

test('one source that is off does not switch off another', async (t) => {
  const origin = await startSlowOrigin(t)
  const { companion, levers } = await startWithLevers(t)
  const { admin, config, signal, sentinel } = levers
  for (const lever of [admin, config, signal, sentinel]) await lever!.set(true)
  for (const lever of [admin, config, signal]) await lever!.set(false)
  await waitFor(async () => (await companion.admin('/api/v1/killswitch')).text.trim() === '{"global":["sentinel"],"agents":{}}')
  assert.equal(await reasonFor(companion.port, origin.url), 'kill_switch')
  assert.match((await companion.exchangeReceipts()).at(-1)?.pattern ?? '', /kill_switch/)
  await sentinel!.set(false)
  await waitFor(async () => (await reasonFor(companion.port, origin.url)) === 200)
})

const AGENTS = `agents: {a: {source_cidrs: [${A}/32]}, b: {source_cidrs: [${B}/32]}}\n`

for (const source of ['config', 'admin']) {
  test(`${source}: for one agent it stops that one alone`, async (t) => {
    if (!hasLoopbackNetwork(t)) return
    const origin = await startSlowOrigin(t)
    const companion = await startTestCompanion(t, { allowLoopback: true, config: AGENTS })
    const set = async (isOn: boolean): Promise<void> => {
      if (source === 'config') assert.equal(companion.reload(`kill_switch: {agents: [${isOn ? 'a' : ''}]}\n${AGENTS}`).result, 'applied')
      else assert.equal((await companion.admin('/api/v1/killswitch', { method: 'POST', body: JSON.stringify({ active: isOn, agent: 'a' }) })).status, 200)
    }
    const [a, b, anybody] = await Promise.all([A, B, undefined].map((from) => download(companion.port, `${origin.url}/events`, from)))
    await waitFor(() => [a, b, anybody].every((stream) => stream!.size() > 0))
    const tookMs = await msUntil(() => set(true), () => a!.isOver())
    assert.ok(tookMs < CUT_WITHIN_MS, `${Math.round(tookMs)} ms`)
    assert.equal(a!.isComplete(), false)

    const [bSize, anybodySize] = [b!.size(), anybody!.size()]
    assert.deepEqual([await reasonFor(companion.port, origin.url, A), await reasonFor(companion.port, origin.url, B), await reasonFor(companion.port, origin.url)], ['kill_switch', 200, 200])
    await waitFor(() => b!.size() > bSize && anybody!.size() > anybodySize)
    assert.deepEqual([b!.isOver(), anybody!.isOver()], [false, false])
    const stopped = (await companion.exchangeReceipts()).filter(({ pattern }) => pattern?.includes('kill_switch'))
    assert.ok(stopped.length === 2 && stopped.every(({ actor }) => actor.endsWith('/agent/a')))

    await set(false)
    assert.equal(await reasonFor(companion.port, origin.url, A), 200)
  })
}

test('a name that is no profile switches nothing and is refused', async (t) => {
  const origin = await startSlowOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const answer = await companion.admin('/api/v1/killswitch', { method: 'POST', body: JSON.stringify({ active: true, agent: 'nobody' }) })
  assert.equal(answer.status, 404)
  assert.equal((await companion.admin('/api/v1/killswitch')).text.trim(), '{"global":[],"agents":{}}')
  assert.equal(await reasonFor(companion.port, origin.url), 200)
})

test('a companion that starts with its sentinel file in place or switched on by configuration refuses from the first request', async (t) => {
  const origin = await startSlowOrigin(t)
  const sentinel = join(temporaryFolder(t), 'stop')
  writeFileSync(sentinel, '')
  for (const kill of [`{sentinel_file: ${JSON.stringify(sentinel)}}`, '{enabled: true}']) {
    const companion = await startTestCompanion(t, { allowLoopback: true, config: `kill_switch: ${kill}\n` })
    assert.equal(await reasonFor(companion.port, origin.url), 'kill_switch')
  }
  assert.equal(origin.connections(), 0)
})

test('SIGUSR1 to a running process turns it round, cuts a stream within a second, and opens no debugger', async (t) => {
  if (process.platform === 'win32') return
  const origin = await startSlowOrigin(t)
  const { child, port, stderr } = await startCompanionProcess(t, processFolder(t))
  const stream = await download(port, `${origin.url}/chunks`)
  await waitFor(() => stream.size() > 2_000_000)
  const tookMs = await msUntil(() => child.kill('SIGUSR1'), () => stream.isOver())
  assert.ok(tookMs < CUT_WITHIN_MS, `${Math.round(tookMs)} ms`)
  assert.equal(stream.isComplete(), false)
  assert.equal(await reasonFor(port, origin.url), 'kill_switch')
  child.kill('SIGUSR1')
  await waitFor(async () => (await reasonFor(port, origin.url)) === 200)
  assert.doesNotMatch(stderr(), /debugger/i)
})
