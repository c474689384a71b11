/** `dlp.response_action: redact`: what the caller gets of an answer that holds credentials, held or streamed. */

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { CREDENTIAL_FORMATS } from '../support/credentials.ts'
import { startOrigin, type Answer } from '../support/origin.ts'
import { outcomeOf } from '../support/outcome-of.ts'
import { throughProxy, type ProxyAnswer } from '../support/proxy-client.ts'
import { seededRandom } from '../support/seeded-random.ts'

const AWS = CREDENTIAL_FORMATS[0]?.make(seededRandom('response redaction')) ?? ''
const CONFIG = 'dlp: {response_action: redact}\n'
const FILLER = `. ${'all is well. '.repeat(200)}`

async function ask(t: TestContext, answer: Answer, config = CONFIG): Promise<{ answer: ProxyAnswer; companion: TestCompanion }> {
  const origin = await startOrigin(t, answer)
  const companion = await startTestCompanion(t, { allowLoopback: true, config })
  return { answer: await throughProxy(companion.port, origin.url), companion }
}

test('a held answer arrives with placeholders, a right length, and nothing that was said of the other bytes', async (t) => {
  const { answer } = await ask(t, (_request, response) => {
    response.setHeader('Content-Type', 'application/json')
    response.setHeader('ETag', '"1"')
    response.setHeader('Content-Digest', 'sha-256=:AAAA:')
    response.end(`{"a":"${AWS}","b":"${AWS}"}`)
  })
  assert.equal(answer.text, '{"a":"<pl:aws-access-key:1>","b":"<pl:aws-access-key:1>"}')
  assert.equal(answer.headers['content-length'], String(answer.body.length))
  assert.deepEqual([answer.headers.etag, answer.headers['content-digest'], answer.isComplete], [undefined, undefined, true])
})

test('an answer too long to be held is streamed with placeholders, wherever its pieces are cut', async (t) => {
  const config = `${CONFIG}limits: {max_held_response_bytes: 1KiB}\n`
  const whole = `${FILLER}${AWS}${FILLER}${AWS}.`
  for (const size of [7, 1000]) {
    const { answer } = await ask(t, (_request, response) => {
      response.setHeader('Content-Type', 'text/plain')
      for (let at = 0; at < whole.length; at += size) response.write(whole.slice(at, at + size))
      response.end()
    }, config)
    assert.equal(answer.text, `${FILLER}<pl:aws-access-key:1>${FILLER}<pl:aws-access-key:1>.`)
    assert.ok(answer.isComplete)
  }
})

test('an answer of announced length is streamed in chunks', async (t) => {
  const { answer } = await ask(t, (_request, response) => {
    response.setHeader('Content-Type', 'text/plain')
    response.setHeader('Content-Length', FILLER.length + AWS.length)
    response.end(FILLER + AWS)
  }, `${CONFIG}limits: {max_held_response_bytes: 1KiB}\n`)
  assert.equal(answer.text, `${FILLER}<pl:aws-access-key:1>`)
  assert.deepEqual([answer.headers['content-length'], answer.isComplete], [undefined, true])
})

test('a credential over two events of a stream is no part of one text only where it crosses them; inside of one it is replaced', async (t) => {
  const { answer } = await ask(t, (_request, response) => {
    response.setHeader('Content-Type', 'text/event-stream')
    response.write('data: one\n\n')
    response.write(`data: key ${AWS.slice(0, 9)}`)
    response.end(`${AWS.slice(9)} end\n\n`)
  })
  assert.equal(answer.text, 'data: one\n\ndata: key <pl:aws-access-key:1> end\n\n')
})

test('where it cannot be replaced the answer is refused', async (t) => {
  const refused: [type: string, body: string][] = [['image/png', `\x89PNG ${AWS}`], ['application/octet-stream', AWS], ['', AWS]]
  for (const [type, body] of refused) {
    const { answer } = await ask(t, (_request, response) => {
      if (type !== '') response.setHeader('Content-Type', type)
      response.end(body)
    })
    assert.equal(outcomeOf(answer), 'response_secret', type)
  }
  const { answer } = await ask(t, (_request, response) => {
    response.setHeader('X-Note', AWS)
    response.end('fine')
  })
  assert.equal(outcomeOf(answer), 'response_secret')
})

test('the outcome tells what was replaced, and an answer without a finding passes as it is', async (t) => {
  const { companion } = await ask(t, (_request, response) => {
    response.setHeader('Content-Type', 'text/plain')
    response.end(`key ${AWS}`)
  })
  const [intent, outcome] = await companion.exchangeReceipts()
  assert.deepEqual([intent?.redaction, outcome?.redaction], [undefined, { profile: 'response', total_redactions: 1, by_class: { 'aws-access-key': 1 } }])
  assert.equal(outcome?.verdict, 'allow')
  const clean = await ask(t, (_request, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end('<p>fine</p>')
  })
  assert.equal(clean.answer.text, '<p>fine</p>')
})
