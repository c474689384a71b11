/** A reload that gives a network to another profile: open connections keep theirs for the drain time, are told of, and closed. */

import assert from 'node:assert/strict'
import net from 'node:net'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { startOrigin } from '../support/origin.ts'
import { askRaw, lastMessage } from '../support/raw-message.ts'
import { waitFor } from '../support/wait-for.ts'

const owned = (owner: string, drain = '1s'): string =>
  `identity: {unmatched: deny}\ntimeouts: {drain: ${drain}}\nagents:\n  a: {source_cidrs: [${owner === 'a' ? '127.0.0.1/32' : '127.0.0.9/32'}]}\n  b: {source_cidrs: [${owner === 'b' ? '127.0.0.1/32' : '127.0.0.8/32'}]}\n`

interface Held {
  readonly socket: net.Socket
  /** Sends a request on the connection that stays open. @returns the answer's status */
  ask(url: string): Promise<number>
  text(): string
}

/** A connection that is kept alive. */
function hold(t: TestContext, port: number): Held {
  const socket = net.connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  return {
    socket,
    text: () => text,
    ask: async (url) => {
      text = ''
      socket.write(`GET ${url} HTTP/1.1\r\nHost: x\r\n\r\n`)
      await waitFor(() => text.includes('\r\n\r\n'))
      return lastMessage(text).status
    },
  }
}

const actors = async (companion: TestCompanion): Promise<string[]> =>
  (await companion.exchangeReceipts()).filter(({ decision_phase }) => decision_phase === 'intent').map(({ actor }) => actor.split('/').at(-1) ?? '')
const changes = (companion: TestCompanion): unknown[] => companion.events().filter(({ event }) => event === 'identity_changed').map(({ agent, to, address }) => [agent, to, address])

test('a connection keeps its profile for the drain time, then it is closed; the next one has the new profile', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: owned('a', '3s') })
  const held = hold(t, companion.port)
  assert.equal(await held.ask(origin.url), 200)
  assert.equal(companion.reload(owned('b', '3s')).result, 'applied')
  assert.equal(await held.ask(origin.url), 200)
  assert.equal(lastMessage(await askRaw(companion.port, origin.url)).status, 200)
  assert.deepEqual(await actors(companion), ['a', 'a', 'b'])
  await waitFor(() => held.socket.closed)
  await waitFor(() => changes(companion).length > 0)
  assert.deepEqual(changes(companion), [['a', 'b', '127.0.0.1']])
})

test('what still runs on it when the time is over is cut, and its receipt says why', async (t) => {
  const origin = await startOrigin(t, () => undefined)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: owned('a') })
  const held = hold(t, companion.port)
  const answer = held.ask(origin.url)
  await waitFor(() => origin.seen.length === 1)
  assert.equal(companion.reload(owned('none')).result, 'applied')
  assert.deepEqual([await answer, lastMessage(held.text()).headers['x-pipelock-block-reason']], [503, 'draining'])
  await waitFor(() => held.socket.closed)
  const outcome = (await companion.exchangeReceipts()).at(-1)
  assert.match(outcome?.pattern ?? '', / reason=draining$/)
  assert.deepEqual(changes(companion), [['a', '-', '127.0.0.1']])
})

test('a connection whose network did not move, or moved back, stays open', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: owned('a') })
  const held = hold(t, companion.port)
  assert.equal(await held.ask(origin.url), 200)
  assert.equal(companion.reload(owned('a', '2s')).result, 'applied')
  assert.deepEqual(changes(companion), [])
  assert.equal(companion.reload(owned('b')).result, 'applied')
  assert.equal(companion.reload(owned('a')).result, 'applied')
  await delay(1500)
  assert.equal(await held.ask(origin.url), 200)
  assert.equal(changes(companion).length, 1)
})
