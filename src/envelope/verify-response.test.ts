/** The answer's signature: bound to status, body, head and the one request it answers; each change is refused, beside a control. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEnvelopeRig, newSigner, NOW_S, SELF, trustOf, withHeader } from '../../test/support/envelope-rig.ts'
import type { ChainHead } from './chaperone-head.ts'
import { signResponse } from './sign-response.ts'
import type { RequestMessage } from './http-message.ts'
import { verifyResponse, type AnswerFault, type AnswerToVerify, type VerifiedAnswer } from './verify-response.ts'

const HEAD: ChainHead = { session: 'chaperone.run.0123', seq: 412, hash: 'ab'.repeat(32) }
const ANSWER = Buffer.from('done')
const KEY_ID = `${SELF}#12345678`

interface Setup {
  readonly request: RequestMessage
  readonly answer: AnswerToVerify
  readonly verify: (answer: AnswerToVerify, request?: RequestMessage, nowS?: number) => VerifiedAnswer | AnswerFault
}

function setup(body: Buffer | 'streamed' = ANSWER): Setup {
  const signer = newSigner()
  const { message: request } = createEnvelopeRig().signed()
  const headers = signResponse({ status: 200, headers: ['Content-Type', 'text/plain', 'Server', 'x'], body }, request, { keyId: KEY_ID, signer, createdS: NOW_S, head: HEAD })
  const trust = trustOf({ key_id: KEY_ID, public_key: signer.publicKeyHex, trust_domains: ['b.example'] })
  return {
    request,
    answer: { status: 200, headers, body: body === 'streamed' ? undefined : body },
    verify: (answer, of = request, nowS = NOW_S) => verifyResponse(answer, of, { trust, nowMs: nowS * 1000, pastSkewS: 30, futureSkewS: 5 }),
  }
}

const reasonOf = (result: VerifiedAnswer | AnswerFault): string => ('reason' in result ? result.reason : 'verified')

test('an answer is written in the order of its components, its head readable to anybody', () => {
  const { answer } = setup()
  const input = answer.headers[answer.headers.indexOf('Signature-Input') + 1] ?? ''
  assert.equal(
    input,
    `chaperone1=("@status" "content-digest" "content-type" "chaperone-head" "@method";req "@target-uri";req "content-digest";req "signature";req;key="pipelock1");keyid="${KEY_ID}";alg="ed25519";tag="chaperone-response";created=${NOW_S};expires=${NOW_S + 60}`,
  )
  assert.equal(answer.headers[answer.headers.indexOf('Chaperone-Head') + 1], `seq=412, hash=:${Buffer.from(HEAD.hash, 'hex').toString('base64')}:, chain="chaperone.run.0123"`)
})

test('a held answer verifies whole, a streamed one in its head', () => {
  const held = setup()
  const whole = held.verify(held.answer)
  assert.deepEqual('reason' in whole ? whole : [whole.isStreamed, whole.head, whole.key.keyId], [false, HEAD, KEY_ID])
  const streamed = setup('streamed')
  const head = streamed.verify(streamed.answer)
  assert.deepEqual('reason' in head ? head : [head.isStreamed, head.head], [true, HEAD])
})

test('an answer without a signature is told apart from one with a wrong signature', () => {
  const { answer, verify } = setup()
  assert.equal(reasonOf(verify({ ...answer, headers: ['Content-Type', 'text/plain'] })), 'peer_response_unsigned')
  assert.equal(reasonOf(verify({ ...answer, headers: ['Signature', 'x=:AA==:', 'Signature-Input', 'x=()'] })), 'peer_response_unsigned')
  assert.equal(reasonOf(verify({ ...answer, status: 201 })), 'peer_response_invalid')
})

type Change = (setup: Setup) => VerifiedAnswer | AnswerFault
const field = (name: string, change: (value: string) => string): Change => ({ answer, verify }) => verify({ ...answer, headers: withHeader(answer.headers, name, change) })
const without = (name: string): Change => ({ answer, verify }) => verify({ ...answer, headers: answer.headers.filter((_t, at) => answer.headers[at - (at % 2)] !== name) })

const CHANGES: Readonly<Record<string, Change>> = {
  'another status': ({ answer, verify }) => verify({ ...answer, status: 500 }),
  'another body': ({ answer, verify }) => verify({ ...answer, body: Buffer.from('dond') }),
  'no body where there was one': ({ answer, verify }) => verify({ ...answer, body: Buffer.alloc(0) }),
  'a body that was not kept': ({ answer, verify }) => verify({ ...answer, body: undefined }),
  'another content type': field('Content-Type', () => 'text/html'),
  'another head': field('Chaperone-Head', (value) => value.replace('412', '411')),
  'no head': without('Chaperone-Head'),
  'no digest': without('Content-Digest'),
  'a digest of an unknown algorithm': field('Content-Digest', (value) => value.replace('sha-256', 'sha-1')),
  'a content coding added': ({ answer, verify }) => verify({ ...answer, headers: [...answer.headers, 'Content-Encoding', 'gzip'] }),
  'a mark of a stream added': ({ answer, verify }) => verify({ ...answer, headers: [...answer.headers, 'Chaperone-Stream', '?1'] }),
  'a second content type': ({ answer, verify }) => verify({ ...answer, headers: [...answer.headers, 'Content-Type', 'text/html'] }),
  'the answer to another request': ({ answer, verify }) => verify(answer, createEnvelopeRig().signed().message),
  'the answer to the same request with another method': ({ answer, request, verify }) => verify(answer, { ...request, method: 'GET' }),
  'another key id': field('Signature-Input', (value) => value.replace('#12345678', '#87654321')),
  'another tag': field('Signature-Input', (value) => value.replace('chaperone-response', 'pipelock-mediation')),
  'the request taken out of the coverage': field('Signature-Input', (value) => value.replace(' "signature";req;key="pipelock1"', '')),
  'a life of more than a minute': field('Signature-Input', (value) => value.replace(`expires=${NOW_S + 60}`, `expires=${NOW_S + 61}`)),
  'an answer from the past': ({ answer, request, verify }) => verify(answer, request, NOW_S + 90),
  'an answer from the future': ({ answer, request, verify }) => verify(answer, request, NOW_S - 6),
  'signature fields that do not parse': field('Signature', () => 'chaperone1'),
}

for (const [what, change] of Object.entries(CHANGES)) {
  test(`peer_response_invalid: ${what}`, () => {
    const signed = setup()
    assert.equal(reasonOf(signed.verify(signed.answer)), 'verified', 'the control')
    assert.equal(reasonOf(change(signed)), 'peer_response_invalid')
  })
}

test('a key that the peer has revoked, or that has ended, answers for nothing', () => {
  const signer = newSigner()
  const { message: request } = createEnvelopeRig().signed()
  const headers = signResponse({ status: 204, headers: [], body: Buffer.alloc(0) }, request, { keyId: KEY_ID, signer, createdS: NOW_S })
  const entry = { key_id: KEY_ID, public_key: signer.publicKeyHex, trust_domains: ['b.example'] }
  const verify = (changes: object) => reasonOf(verifyResponse({ status: 204, headers, body: Buffer.alloc(0) }, request, { trust: trustOf({ ...entry, ...changes }), nowMs: NOW_S * 1000, pastSkewS: 30, futureSkewS: 5 }))
  assert.equal(verify({}), 'verified')
  assert.equal(verify({ revoked: true }), 'peer_response_invalid')
  assert.equal(verify({ not_after: new Date(NOW_S * 1000).toISOString() }), 'peer_response_invalid')
})

test('what the application wrote of our fields is replaced, its own signature kept', () => {
  const { message: request } = createEnvelopeRig().signed()
  const own = ['Chaperone-Head', 'seq=1', 'Chaperone-Stream', '?1', 'Content-Digest', 'sha-256=:AA==:', 'Signature', 'app=:AA==:, chaperone1=:AA==:', 'Signature-Input', 'app=("@status");keyid="k", chaperone1=()']
  const signer = newSigner()
  const headers = signResponse({ status: 200, headers: own, body: ANSWER }, request, { keyId: KEY_ID, signer, createdS: NOW_S, head: HEAD })
  const trust = trustOf({ key_id: KEY_ID, public_key: signer.publicKeyHex, trust_domains: ['b.example'] })
  assert.equal(reasonOf(verifyResponse({ status: 200, headers, body: ANSWER }, request, { trust, nowMs: NOW_S * 1000, pastSkewS: 30, futureSkewS: 5 })), 'verified')
  assert.match(headers[headers.indexOf('Signature-Input') + 1] ?? '', /^app=\("@status"\);keyid="k", chaperone1=/)
  assert.ok(!headers.includes('Chaperone-Stream'))
})
