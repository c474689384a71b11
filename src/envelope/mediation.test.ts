/** The mediation header: its members in their order, ours behind them, strictly read; names, keys and documents of a companion. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { encodeHead, parseHead } from './chaperone-head.ts'
import { matchesDigest, contentDigest } from './content-digest.ts'
import { encodeKeyDocuments } from './key-documents.ts'
import { encodeMediation, parseMediation, type Mediation } from './mediation.ts'
import { agentIdentity, parseSpiffeId } from './spiffe-id.ts'

const BASE: Mediation = {
  actionType: 'read', verdict: 'allow', sideEffect: '', actor: 'spiffe://a.example/agent/x', authority: '', policyHash: Buffer.alloc(0),
  requestId: '01961f3a-7b2c-7000-8000-000000000001', timestamp: 1,
}
const START = 'v=1, act="read", vd="allow", se="", actor="spiffe://a.example/agent/x", aa="", ph=::, rid="01961f3a-7b2c-7000-8000-000000000001", ts=1'

test('every optional member stands in its place, and all of them come back', () => {
  const full: Mediation = {
    ...BASE, taint: 'external', task: 't', taskAuthority: 'user', authorityReference: 'r', reauthenticate: true, redirects: 2,
    audience: 'spiffe://b.example/agent/b', head: { session: 's', seq: 9, hash: '11'.repeat(32) }, hops: ['spiffe://c.example/a', 'spiffe://d.example/b'], cause: Buffer.alloc(32, 1),
  }
  const hash = Buffer.from('11'.repeat(32), 'hex').toString('base64')
  const text = `${START}, taint="external", task="t", auth="user", authr="r", reauth, hop=2, aud="spiffe://b.example/agent/b", hd=:${hash}:;s="s";n=9, hops=("spiffe://c.example/a" "spiffe://d.example/b"), cz=:${Buffer.alloc(32, 1).toString('base64')}:`
  assert.equal(encodeMediation(full), text)
  assert.deepEqual(parseMediation(text), full)
})

test('absent, empty and zero members are left out', () => {
  assert.equal(encodeMediation({ ...BASE, taint: '', hops: [], redirects: 0, reauthenticate: false, audience: '' }), START)
  assert.deepEqual(parseMediation(START), BASE)
})

test('unknown members are skipped, in whatever form', () => {
  assert.deepEqual(parseMediation(`${START}, zz=(1 2);x, yy=@1`), BASE)
})

test('a text that no structured field can hold fails, it is not sent without', () => {
  assert.throws(() => encodeMediation({ ...BASE, actor: 'f\u00fc' }), { name: 'MessageSignatureError', code: 'value_invalid' })
  assert.throws(() => encodeMediation({ ...BASE, task: 'a\r\nb' }), { code: 'value_invalid' })
})

const MALFORMED: Readonly<Record<string, string>> = {
  'no version': START.replace('v=1, ', ''),
  'another version': START.replace('v=1', 'v=2'),
  'a version as text': START.replace('v=1', 'v="1"'),
  'no action': START.replace('act="read", ', ''),
  'an empty action': START.replace('"read"', '""'),
  'an action as a token': START.replace('"read"', 'read'),
  'no request id': START.replace(/, rid="[^"]*"/, ''),
  'a request id that is no UUID': START.replace(/rid="[^"]*"/, 'rid="1"'),
  'an unknown authority': START.replace('aa=""', 'aa="verified"'),
  'a policy hash as text': START.replace('ph=::', 'ph=""'),
  'a time before 1970': START.replace('ts=1', 'ts=-1'),
  'a time as a decimal': START.replace('ts=1', 'ts=1.5'),
  'an actor that is a list': START.replace('actor="spiffe://a.example/agent/x"', 'actor=("x")'),
  'a negative hop': `${START}, hop=-1`,
  'a key twice': `${START}, act="write"`,
  'a flag that is a number': `${START}, reauth=1`,
  'hops that are no list': `${START}, hops="x"`,
  'hops that are tokens': `${START}, hops=(x)`,
  'too many hops': `${START}, hops=(${'"x" '.repeat(65).trim()})`,
  'a head without a sequence': `${START}, hd=:${Buffer.alloc(32).toString('base64')}:;s="x"`,
  'a head of another length': `${START}, hd=:AA==:;s="x";n=1`,
  'a cause of another length': `${START}, cz=:AA==:`,
  'more than eight KiB': `${START}, task="${'x'.repeat(9000)}"`,
  'what is no dictionary': '"x"',
  'an empty text': '',
}

for (const [what, text] of Object.entries(MALFORMED)) {
  test(`refused: ${what}`, () => {
    assert.throws(() => parseMediation(text), { name: 'MessageSignatureError', code: 'field_malformed' })
  })
}

test('a head comes back, and what is none is refused', () => {
  const head = { session: 'chaperone.run.x', seq: 0, hash: 'ef'.repeat(32) }
  assert.deepEqual(parseHead(encodeHead(head)), head)
  for (const text of ['', 'seq=1', 'seq=1, hash=:AA==:, chain="x"', encodeHead(head).replace('seq=0', 'seq=-1'), encodeHead(head).replace('"chaperone.run.x"', '""')]) {
    assert.throws(() => parseHead(text), { code: 'field_malformed' }, text)
  }
})

test('every known digest has to be right, and an unknown one alone is none (RFC 9530)', () => {
  const body = Buffer.from('x')
  const [good, bad] = [contentDigest(body), contentDigest(Buffer.from('y'))]
  const sha512 = 'sha-512=:pKvWoKwHt+jBuuMTYJ41c8aEVSE4rDeeNiT3cmqqaVOQ25+pGjbJV8RN1L6UYAmXV6x1m0X8Be6HcZCpiMZ/8A==:'
  assert.equal(matchesDigest(good, body), true)
  assert.equal(matchesDigest(bad, body), false)
  assert.equal(matchesDigest(`${good}, md5=:AA==:`, body), true)
  assert.equal(matchesDigest('md5=:AA==:', body), false)
  assert.equal(matchesDigest('', body), false)
  assert.equal(matchesDigest(`${good}, ${sha512}`, body), false)
  assert.equal(matchesDigest(`${bad}, ${good.replace('sha-256', 'sha-512')}`, body), false)
  for (const field of ['sha-256="x"', 'sha-256', `${good}, ${bad}`, 'sha-256=:']) assert.throws(() => matchesDigest(field, body), { code: 'field_malformed' }, field)
})

test('only one spelling of a SPIFFE id is taken', () => {
  assert.deepEqual(parseSpiffeId('spiffe://a.example/agent/x'), { text: 'spiffe://a.example/agent/x', trustDomain: 'a.example' })
  const others = [
    'spiffe://a.example', 'spiffe://a.example/', 'spiffe://a.example//x', 'spiffe://a.example/x/', 'spiffe://A.example/x', 'Spiffe://a.example/x', 'spiffe://a.example:1/x', 'spiffe://u@a.example/x',
    'spiffe://10.0.0.1/x', 'spiffe://a.example/.', 'spiffe://a.example/../x', 'spiffe://a.example/%78', 'spiffe://a.example/x?y', 'spiffe://a.example/x#y', 'spiffe://-a.example/x',
    'spiffe://a..example/x', 'https://a.example/x', 'spiffe:///x', ` spiffe://a.example/x`, 'spiffe://a.example/x\n', `spiffe://${'a'.repeat(64)}/x`, `spiffe://a.example/${'x'.repeat(2048)}`,
  ]
  assert.deepEqual(others.filter((text) => parseSpiffeId(text) !== undefined), [])
})

test('the actor of every profile name is a SPIFFE id', () => {
  const actorOf = (name: string): string => agentIdentity('a.example', name, 'sha256:00').actor
  assert.equal(actorOf('ci.bot_1'), 'spiffe://a.example/agent/ci.bot_1')
  for (const name of ['_default', 'a b', '--', '', '..', 'ü', 'a/b']) assert.ok(parseSpiffeId(actorOf(name)) !== undefined, name)
})

test('a key id names the actor and the key, and both documents tell it', () => {
  const { keyId } = agentIdentity('a.example', 'x', `sha256:${'0123456789abcdef'.repeat(4)}`)
  assert.equal(keyId, 'spiffe://a.example/agent/x#01234567')
  const publicKeyHex = '4655a7e605c12ebb00a46037881c33c5bca5eb74b45a02e8e7261a7ff5a21678'
  const { directory, jwks } = encodeKeyDocuments([{ keyId, publicKeyHex }])
  assert.equal(directory, `{"keys":[{"keyid":"${keyId}","alg":"ed25519","public_key":"${publicKeyHex}","use":"pipelock-mediation"}]}`)
  assert.deepEqual(JSON.parse(jwks), { keys: [{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', kid: keyId, x: 'RlWn5gXBLrsApGA3iBwzxbyl63S0WgLo5yYaf_WiFng' }] })
})
