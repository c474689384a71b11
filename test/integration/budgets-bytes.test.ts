/**
 * A budget of one MiB against everything that carries bytes: never more than the limit is delivered, counted at the client or
 * at the origin, no client can take a cut answer for complete, and the receipt has the bytes.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import http from 'node:http'
import type net from 'node:net'
import { test, type TestContext } from 'node:test'

import { startTestCompanion, type ReceiptView, type TestCompanion } from '../support/companion.ts'
import { hasProgram, skipFor } from '../support/missed.ts'
import { startOrigin, startRawOrigin, type Answer, type Origin } from '../support/origin.ts'
import { askProxy } from '../support/outcome-of.ts'
import { throughProxy } from '../support/proxy-client.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitFor } from '../support/wait-for.ts'

const MIB = 1_048_576
/** Answers are streamed from the first KiB on: one that is still held when the limit comes is refused instead of cut. */
const LIMIT = 'budget: {bytes: {limit: 1MiB}}\nlimits: {max_held_response_bytes: 1KiB}\n'

/** Answers by path: with a length, in chunks without end, as an endless event stream. */
const manyBytes: Answer = (request, response) => {
  const chunk = Buffer.alloc(16_384, 'x')
  if (request.url === '/length') {
    response.end(Buffer.alloc(2 * MIB, 'x'))
    return
  }
  if (request.url === '/events') response.writeHead(200, { 'content-type': 'text/event-stream' })
  const event = request.url === '/events' ? Buffer.from(`data: ${'x'.repeat(1000)}\n\n`) : chunk
  const pump = (): void => {
    while (!response.destroyed && response.write(event));
  }
  response.on('drain', pump)
  pump()
}

interface Scene {
  readonly companion: TestCompanion
  readonly origin: Origin
}

async function start(t: TestContext, config = LIMIT): Promise<Scene> {
  const origin = await startOrigin(t, manyBytes)
  return { origin, companion: await startTestCompanion(t, { allowLoopback: true, config }) }
}

async function outcomes(companion: TestCompanion): Promise<ReceiptView[]> {
  let found: ReceiptView[] = []
  await waitFor(async () => (found = (await companion.exchangeReceipts()).filter(({ decision_phase: phase }) => phase === 'outcome')).length > 0)
  return found
}

function bytesOf({ pattern = '' }: ReceiptView): { up: number; down: number; reason: string } {
  const [, up = '', down = '', reason = ''] = /bytes_up=([0-9]+) bytes_down=([0-9]+) reason=(\w+)/.exec(pattern) ?? []
  return { up: Number(up), down: Number(down), reason }
}

test('a length over the rest is refused before the caller sees a head', async (t) => {
  const { companion, origin } = await start(t)
  const { status, headers, body } = await throughProxy(companion.port, `${origin.url}/length`)
  assert.deepEqual([status, headers['x-pipelock-block-reason']], [429, 'budget_bytes'])
  assert.ok(body.length < 2000)
  const [outcome] = await outcomes(companion)
  assert.ok(outcome !== undefined)
  assert.deepEqual([outcome.verdict, bytesOf(outcome)], ['block', { up: 0, down: 0, reason: 'budget_bytes' }])
})

for (const [what, path] of [['chunks without end', '/chunks'], ['an event stream without end', '/events']] as const) {
  test(`${what} are cut at the limit, and the end is no end`, async (t) => {
    const { companion, origin } = await start(t)
    const { status, body, isComplete } = await throughProxy(companion.port, origin.url + path)
    assert.deepEqual([status, isComplete], [200, false])
    assert.ok(body.length <= MIB && body.length > MIB - 20_000, `${body.length}`)
    const [outcome] = await outcomes(companion)
    assert.ok(outcome !== undefined)
    const { down, reason } = bytesOf(outcome)
    assert.deepEqual([outcome.verdict, reason], ['block', 'budget_bytes'])
    assert.ok(down <= MIB && down > MIB - 20_000, `${down}`)
    assert.equal(await askProxy(companion.port, origin.url + path), 'budget_bytes')
  })
}

test('/fetch is cut like the forward proxy, and its JSON form is refused', async (t) => {
  const { companion, origin } = await start(t)
  const fetchPath = (path: string, more = ''): string => `/fetch?url=${encodeURIComponent(origin.url + path)}${more}`
  const { body, isComplete } = await throughProxy(companion.port, fetchPath('/chunks'))
  assert.ok(!isComplete && body.length <= MIB && body.length > MIB - 20_000)
  const json = await start(t)
  const told = await throughProxy(json.companion.port, `/fetch?url=${encodeURIComponent(`${json.origin.url}/chunks`)}&format=json`)
  const members = JSON.parse(told.text) as Record<string, unknown>
  assert.deepEqual([told.status, members['block_reason'], members['axis'], members['limit']], [429, 'budget_bytes', 'bytes', MIB])
})

test('an answer that is held when the limit comes is refused, not cut', async (t) => {
  const { companion, origin } = await start(t, 'budget: {bytes: {limit: 100kB}}\n')
  const { status, headers, isComplete } = await throughProxy(companion.port, `${origin.url}/chunks`)
  assert.deepEqual([status, headers['x-pipelock-block-reason'], isComplete], [429, 'budget_bytes', true])
})

test('two streams of one profile get one limit together', async (t) => {
  const { companion, origin } = await start(t)
  const both = await Promise.all([throughProxy(companion.port, `${origin.url}/chunks`), throughProxy(companion.port, `${origin.url}/events`)])
  const delivered = both.reduce((sum, { body }) => sum + body.length, 0)
  assert.ok(both.every(({ isComplete }) => !isComplete))
  assert.ok(delivered <= MIB && delivered > MIB - 100_000, `${delivered}`)
})

test('a request body over the rest is refused before the origin is asked', async (t) => {
  const { companion, origin } = await start(t)
  const post = (bytes: number): Promise<string> => askProxy(companion.port, `${origin.url}/length`, { method: 'POST', body: Buffer.alloc(bytes) })
  assert.equal(await post(MIB + 1), 'budget_bytes')
  assert.equal(origin.seen.length, 0)
  // The body itself fits; its answer does not.
  assert.equal(await post(MIB), 'budget_bytes')
  assert.equal(origin.seen.length, 1)
})

interface Tunnel {
  readonly socket: net.Socket
  /** Bytes that came out of the tunnel. */
  readonly received: () => number
  readonly ended: Promise<'clean' | 'reset'>
}

function openTunnel(port: number, target: number): Promise<Tunnel> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, method: 'CONNECT', path: `127.0.0.1:${target}`, agent: false })
    request.on('error', reject)
    request.on('connect', ({ statusCode }: http.IncomingMessage, socket: net.Socket, head: Buffer) => {
      if (statusCode !== 200) {
        socket.destroy()
        reject(new TunnelRefused(String(statusCode)))
        return
      }
      let received = head.length
      socket.on('data', (chunk: Buffer) => (received += chunk.length))
      const ended = new Promise<'clean' | 'reset'>((settle) => {
        socket.on('error', () => { settle('reset') })
        socket.on('end', () => { settle('clean') })
      })
      resolve({ socket, received: () => received, ended })
    })
    request.end()
  })
}

class TunnelRefused extends Error {}

async function tunnelDown(t: TestContext, config: string): Promise<void> {
  const raw = await startRawOrigin(t, (socket) => {
    const pump = (): void => {
      while (!socket.destroyed && socket.write(Buffer.alloc(65_536, 'd')));
    }
    socket.on('drain', pump)
    pump()
  })
  const companion = await startTestCompanion(t, { allowLoopback: true, config })
  const { received, ended } = await openTunnel(companion.port, raw.port)
  assert.equal(await ended, 'reset')
  assert.ok(received() <= MIB, `${received()}`)
  const [outcome] = await outcomes(companion)
  assert.ok(outcome !== undefined)
  const { up, down, reason } = bytesOf(outcome)
  assert.deepEqual([outcome.transport, outcome.verdict, up, down, reason], ['connect', 'block', 0, MIB, 'budget_bytes'])
  await assert.rejects(openTunnel(companion.port, raw.port), /429/)
}

test('a tunnel that downloads is reset at the limit, and no other is opened', async (t) => {
  await tunnelDown(t, LIMIT)
})

test('a tunnel that uploads is reset at both ends, and the origin has no byte more than the limit', async (t) => {
  let arrived = 0
  let originEnd = ''
  const raw = await startRawOrigin(t, (socket) => {
    socket.on('data', (chunk: Buffer) => (arrived += chunk.length))
    socket.on('error', () => (originEnd = 'reset'))
    socket.on('end', () => (originEnd ||= 'clean'))
  })
  const companion = await startTestCompanion(t, { allowLoopback: true, config: LIMIT })
  const { socket, ended } = await openTunnel(companion.port, raw.port)
  const pump = (): void => {
    while (!socket.destroyed && socket.write(Buffer.alloc(65_536, 'u')));
  }
  socket.on('drain', pump)
  pump()
  assert.equal(await ended, 'reset')
  await waitFor(() => originEnd !== '')
  assert.equal(originEnd, 'reset')
  assert.ok(arrived <= MIB, `${arrived}`)
  const [outcome] = await outcomes(companion)
  assert.deepEqual(outcome === undefined ? undefined : bytesOf(outcome), { up: MIB, down: 0, reason: 'budget_bytes' })
})

test('of a tunnel only what comes down counts where only responses are counted', async (t) => {
  let arrived = 0
  const raw = await startRawOrigin(t, (socket) => socket.on('data', (chunk: Buffer) => (arrived += chunk.length)))
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'budget: {max_bytes_per_session: 1000}\n' })
  const { socket } = await openTunnel(companion.port, raw.port)
  socket.write(Buffer.alloc(5000))
  await waitFor(() => arrived === 5000)
})

test('with a shared store nothing more is delivered, either', async (t) => {
  const redis = await startRedis(t)
  if (redis === undefined) return
  const state = `state: ${JSON.stringify(redis.url)}\n`
  await tunnelDown(t, state + LIMIT)
  await redis.client.flushall()
  const { companion, origin } = await start(t, `${state}budget_store: {namespace: other}\n${LIMIT}`)
  const { body, isComplete } = await throughProxy(companion.port, `${origin.url}/chunks`)
  assert.ok(!isComplete && body.length <= MIB && body.length > MIB - 20_000, `${body.length}`)
})

test('with warn everything flows, and the outcome says so', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end(Buffer.alloc(2000)))
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'budget: {bytes: {limit: 1000B}, dow_action: warn}\n' })
  const { status, body, isComplete } = await throughProxy(companion.port, origin.url)
  assert.deepEqual([status, body.length, isComplete], [200, 2000, true])
  const [outcome] = await outcomes(companion)
  assert.equal(outcome?.verdict, 'warn')
  const told = (): unknown[] => companion.events().filter(({ event }) => event === 'denial_of_wallet').map(({ axis, action }) => [axis, action])
  await waitFor(() => told().length >= 1)
  assert.deepEqual(told(), [['bytes', 'warn']])
})

/** How clients in the field see a cut answer: not as a success. */
const CLIENTS: readonly (readonly [name: string, program: string, args: (port: number, url: string) => string[], isBroken: (code: number | null, stderr: string) => boolean])[] = [
  ['curl', 'curl', (port, url) => ['-sS', '-x', `http://127.0.0.1:${port}`, '-o', '/dev/null', url], (code) => code === 18 || code === 56],
  ['python', 'python3', (port, url) => ['-c', `import http.client as h\nc=h.HTTPConnection("127.0.0.1",${port})\nc.request("GET","${url}")\nr=c.getresponse()\nprint(len(r.read()))`], (code, stderr) => code === 1 && /IncompleteRead|ConnectionResetError/.test(stderr)],
]

for (const [name, program, args, isBroken] of CLIENTS) {
  test(`${name} takes a cut answer for broken`, async (t) => {
    if (!hasProgram(program)) {
      skipFor(t, program)
      return
    }
    const worker = await start(t)
    const url = `${worker.origin.url}/chunks`
    const { code, stderr } = await run(program, args(worker.companion.port, url))
    assert.ok(isBroken(code, stderr), `${code}: ${stderr}`)
  })
}

async function run(program: string, args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, stderr }
}
