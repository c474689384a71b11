/** Requests sent ahead of their answers: in order, never mixed with a tunnel, and never more at a time than one connection may have. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startTestCompanion } from '../support/companion.ts'
import { startOrigin, startRawOrigin } from '../support/origin.ts'
import { sendRaw, throughProxy } from '../support/proxy-client.ts'

test('a CONNECT behind a request that is not answered yet opens no tunnel, so that no answer gets into one', async (t) => {
  const slow = await startOrigin(t, (_request, response) => setTimeout(() => response.end('slow'), 200))
  const inner = await startRawOrigin(t, (socket) => socket.on('data', () => socket.end('inner')))
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const connect = `CONNECT 127.0.0.1:${inner.port} HTTP/1.1\r\nHost: x.test\r\n\r\n`

  const mixed = await sendRaw(companion.port, [`GET ${slow.url}/ HTTP/1.1\r\nHost: x.test\r\n\r\n`, connect, 'hello'])
  assert.equal(mixed.text, '', 'nothing that could be taken for the answer of the other request')
  assert.deepEqual(inner.received, [], 'no tunnel')
  assert.ok((await companion.refusals()) > 0, 'counted')
  assert.match((await sendRaw(companion.port, [connect, 'hello'])).text, /^HTTP\/1\.1 200 [^\r]*\r\n\r\ninner$/, 'alone, it does')
})

test('a CONNECT on a connection whose earlier request was answered opens its tunnel', async (t) => {
  const origin = await startOrigin(t)
  const inner = await startRawOrigin(t, (socket) => socket.on('data', () => socket.end('inner')))
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const socket = (await import('node:net')).connect(companion.port, '127.0.0.1')
  let text = ''
  let isAsked = false
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (isAsked || !text.endsWith('hello\n')) return
    isAsked = true
    socket.write(`CONNECT 127.0.0.1:${inner.port} HTTP/1.1\r\nHost: x.test\r\n\r\nhi`)
  })
  socket.write(`GET ${origin.url}/ HTTP/1.1\r\nHost: x.test\r\n\r\n`)
  await new Promise((resolve) => socket.once('close', resolve))
  assert.match(text, /hello\nHTTP\/1\.1 200 [^\r]*\r\n\r\ninner$/)
})

test('one connection cannot take the places of its whole profile by sending ahead', async (t) => {
  const stuck = await startRawOrigin(t, () => undefined)
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'agents: {_default: {max_connections: 100}}\n' })
  const flood = `GET ${stuck.url}/ HTTP/1.1\r\nHost: x.test\r\n\r\n`.repeat(500)
  const sent = sendRaw(companion.port, flood, { waitMs: 1500 })
  await new Promise((resolve) => setTimeout(resolve, 700))
  assert.equal((await throughProxy(companion.port, `${origin.url}/`)).text, 'hello\n', 'another connection of the profile is served')
  assert.equal(stuck.received.length, 32)
  await sent
})
