/** Redaction through a live companion: what the origin gets, what the receipt says, and what is refused. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'

import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { CREDENTIAL_FORMATS } from '../support/credentials.ts'
import { startOrigin, type Origin } from '../support/origin.ts'
import { askFetch, askProxy } from '../support/outcome-of.ts'
import { seededRandom } from '../support/seeded-random.ts'

const random = seededRandom('redaction')
const secretOf = (name: string): string => CREDENTIAL_FORMATS.find((format) => format.name === name)?.make(random) ?? ''
const AWS = secretOf('aws access key')
const OTHER_AWS = secretOf('aws access key')
const GITHUB = secretOf('github personal token')
const PEM = secretOf('pem private key')

const CONFIG = `redaction:
  enabled: true
  default_profile: code
  profiles: {code: {classes: [credentials, email]}}
`
const JSON_TYPE = { 'content-type': 'application/json' }

async function stage(t: TestContext, config = CONFIG): Promise<{ origin: Origin; companion: TestCompanion; post: (body: string | Buffer, headers?: Record<string, string>) => Promise<string>; arrived: () => string }> {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config })
  return {
    origin,
    companion,
    post: (body, headers = JSON_TYPE) => askProxy(companion.port, origin.url, { method: 'POST', headers, body }),
    arrived: () => origin.seen.at(-1)?.body.toString() ?? '',
  }
}

test('a credential in a body leaves as a placeholder, the rest of the body byte for byte', async (t) => {
  const { post, arrived } = await stage(t)
  const forms: [body: string, expected: string, type: string][] = [
    [`{ "z":1.0, "a":"use ${AWS} now" }`, '{ "z":1.0, "a":"use <pl:aws-access-key:1> now" }', 'application/json'],
    [`a=1&k=${AWS}&b=%20`, 'a=1&k=%3Cpl%3Aaws-access-key%3A1%3E&b=%20', 'application/x-www-form-urlencoded'],
    [`--b\r\nContent-Disposition: form-data; name="k"\r\n\r\n${AWS}\r\n--b--\r\n`, '--b\r\nContent-Disposition: form-data; name="k"\r\n\r\n<pl:aws-access-key:1>\r\n--b--\r\n', 'multipart/form-data; boundary=b'],
    [`note ${AWS}, ${GITHUB}`, 'note <pl:aws-access-key:1>, <pl:github-token:1>', 'text/plain'],
    [JSON.stringify({ key: PEM }), '{"key":"<pl:ssh-private-key:1>"}', 'application/json'],
    [JSON.stringify({ to: 'jane@acme.example' }), '{"to":"<pl:email:1>"}', 'application/json'],
  ]
  for (const [body, expected, type] of forms) {
    assert.equal(await post(body, { 'content-type': type }), '200', type)
    assert.ok([expected, `${expected}\n`].includes(arrived()) || arrived().replace(/\\n"}$/, '"}') === expected, `${type}: ${arrived()}`)
  }
})

test('an encoded credential is replaced as a whole', async (t) => {
  const { post, arrived } = await stage(t)
  assert.equal(await post(JSON.stringify({ blob: Buffer.from(`key ${AWS}`).toString('base64') })), '200')
  assert.equal(arrived(), '{"blob":"<pl:aws-access-key:1>"}')
})

test('numbers follow the order of the body, and the same value keeps its number', async (t) => {
  const { post, arrived } = await stage(t)
  const body = JSON.stringify({ a: OTHER_AWS, b: AWS, c: OTHER_AWS })
  assert.equal(await post(body), '200')
  const first = arrived()
  assert.equal(first, '{"a":"<pl:aws-access-key:1>","b":"<pl:aws-access-key:2>","c":"<pl:aws-access-key:1>"}')
  assert.equal(await post(body), '200')
  assert.equal(arrived(), first)
})

test('/fetch redacts alike', async (t) => {
  const { companion, origin } = await stage(t)
  assert.equal(await askFetch(companion.port, origin.url, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ k: AWS }) }), '200')
  assert.equal(origin.seen[0]?.body.toString(), '{"k":"<pl:aws-access-key:1>"}')
})

test('the receipts tell how much of what was replaced, under the digest of what left, and never the value', async (t) => {
  const { companion, post, arrived } = await stage(t)
  await post(JSON.stringify({ a: AWS, b: AWS, c: GITHUB }))
  await post(JSON.stringify({ nothing: 'here' }))
  const receipts = await companion.exchangeReceipts()
  const redactions = receipts.map(({ redaction }) => redaction)
  assert.deepEqual(redactions.slice(0, 2), Array(2).fill({ profile: 'code', total_redactions: 3, by_class: { 'aws-access-key': 2, 'github-token': 1 } }))
  assert.deepEqual(redactions[2], { profile: 'code' })
  assert.deepEqual(receipts.map(({ verdict }) => verdict), ['allow', 'allow', 'allow', 'allow'])
  assert.equal(arrived(), '{"nothing":"here"}')
  const left = '{"a":"<pl:aws-access-key:1>","b":"<pl:aws-access-key:1>","c":"<pl:github-token:1>"}'
  assert.ok(receipts[0]?.precedent_refs?.includes(`digest:sha-256=:${createHash('sha256').update(left).digest('base64')}:`))
  for (const secret of [AWS, GITHUB]) assert.ok(!JSON.stringify([receipts, companion.events()]).includes(secret))
})

test('where a value cannot be replaced the request is refused, and nothing of it leaves', async (t) => {
  const { origin, post } = await stage(t)
  const json = JSON.stringify({ k: AWS })
  const refused: [body: string | Buffer, headers: Record<string, string>][] = [
    [`{"${AWS}":1}`, JSON_TYPE],
    [`{"k":"${AWS}"`, JSON_TYPE],
    [gzipSync(json), { ...JSON_TYPE, 'content-encoding': 'gzip' }],
    [`\x00\x01${AWS}`, { 'content-type': 'application/octet-stream' }],
    [json, { ...JSON_TYPE, 'content-digest': 'sha-256=:AAAA:' }],
    [json, { ...JSON_TYPE, signature: 'sig1=:AAAA:' }],
  ]
  for (const [body, headers] of refused) assert.equal(await post(body, headers), 'redaction_unsafe', JSON.stringify(headers))
  assert.equal(origin.seen.length, 0)
})

test('a credential outside of the body, and one of a class that is not named, is refused as without redaction', async (t) => {
  const { companion, origin, post } = await stage(t, CONFIG.replace('[credentials, email]', '[email]'))
  assert.equal(await post(JSON.stringify({ k: AWS, to: 'jane@acme.example' })), 'dlp_secret')
  assert.equal(await askProxy(companion.port, `${origin.url}/?k=${AWS}`), 'dlp_secret')
  assert.equal(await askProxy(companion.port, origin.url, { headers: { 'x-note': AWS } }), 'dlp_secret')
  assert.equal(origin.seen.length, 0)
})

test('a profile that only watches is warned and left unredacted where redaction is impossible', async (t) => {
  const { companion, post, arrived } = await stage(t, `mode: audit\n${CONFIG}`)
  assert.equal(await post(`{"${AWS}":1}`), '200')
  assert.equal(arrived(), `{"${AWS}":1}`)
  const [intent] = await companion.exchangeReceipts()
  assert.equal(intent?.verdict, 'warn')
  assert.match(intent.pattern ?? '', /redaction_unsafe/)
})
