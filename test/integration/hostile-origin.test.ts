/**
 * Origins that answer what no server should: whatever they say, the caller is answered or cut, the exchange ends with an
 * outcome that is true, its place is given back, and the companion stops when it is told to.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startTestCompanion } from '../support/companion.ts'
import { startRawOrigin } from '../support/origin.ts'
import { sendRaw } from '../support/proxy-client.ts'

function get(url: string): string {
  return `GET ${url} HTTP/1.1\r\nHost: x.test\r\nConnection: close\r\n\r\n`
}

const BODY = 'Content-Length: 2\r\n\r\nhi'
const CHUNKS = 'Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n'

/** Answers of the origin, latin-1. Each is an answer with status 200 and the body `hi`, if one takes it kindly. */
const ODD_ANSWERS: readonly (readonly [rule: string, bytes: string])[] = [
  ['a reason phrase of latin-1 letters', `HTTP/1.1 200 P\u00e1gina\r\n${BODY}`],
  ['a reason phrase with a control byte', `HTTP/1.1 200 O\u0001K\r\n${BODY}`],
  ['a reason phrase with DEL', `HTTP/1.1 200 O\u007fK\r\n${BODY}`],
  ['a reason phrase with a control byte, streamed', `HTTP/1.1 200 O\u0001K\r\n${CHUNKS}`],
  ['early hints in a form that we cannot write', `HTTP/1.1 103 Early Hints\r\nLink: nowhere\r\n\r\nHTTP/1.1 200 OK\r\n${BODY}`],
]

test('whatever words an origin puts around its answer, the caller gets the answer and the exchange ends', async (t) => {
  const companion = await startTestCompanion(t, { allowLoopback: true })
  for (const [rule, bytes] of ODD_ANSWERS) {
    const origin = await startRawOrigin(t, (socket) => socket.once('data', () => socket.end(bytes, 'latin1')))
    const answer = await sendRaw(companion.port, get(`${origin.url}/`))
    assert.match(answer.text, /(^|\r\n\r\n)HTTP\/1\.1 200 /, rule)
    assert.match(answer.text, /hi/, rule)
    const [intent, outcome] = (await companion.exchangeReceipts()).slice(-2)
    assert.equal(intent?.action_id, outcome?.action_id, rule)
    assert.match(outcome?.pattern ?? '', /status=200 .* reason=completed$/, rule)
  }
  const stats = JSON.parse((await companion.admin('/stats')).text) as { openExchanges: number }
  assert.equal(stats.openExchanges, 0, 'every exchange has given its place back')
})

test('an origin that sends interim answers without end is given up, and few of them reach the caller', async (t) => {
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const origin = await startRawOrigin(t, (socket) => {
    const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n'.repeat(20)), 5)
    socket.once('close', () => { clearInterval(timer) })
  })
  const answer = await sendRaw(companion.port, get(`${origin.url}/`), { waitMs: 4000 })
  assert.ok((answer.text.match(/103 Early Hints/g) ?? []).length <= 16, 'interim answers are few')
  assert.match(answer.text, /HTTP\/1\.1 502 [\s\S]*upstream_malformed/)
  assert.match((await companion.exchangeReceipts()).at(-1)?.pattern ?? '', /reason=upstream_malformed$/)
})
