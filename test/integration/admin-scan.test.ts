/** `POST /api/v1/scan`: what a profile would do with content, asked over the admin listener. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { CREDENTIAL_FORMATS } from '../support/credentials.ts'
import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { seededRandom } from '../support/seeded-random.ts'

const CONFIG = `agents:
  watcher: {source_cidrs: [192.0.2.0/24], mode: audit}
  careful: {source_cidrs: [198.51.100.0/24], blocklist: [bad.test], dlp: {patterns: [{name: project, regex: "codename-[a-z]{4}", severity: high}]}}
`
const random = seededRandom('admin scan')
const SECRET = CREDENTIAL_FORMATS[0]?.make(random) ?? ''

interface Answer {
  readonly decision: string
  readonly profile: string
  readonly block_reason?: string
  readonly findings: readonly { rule: string; severity: string; action: string; part: string; views: readonly string[]; start: number; end: number }[]
}

async function ask(companion: TestCompanion, body: unknown, token?: string): Promise<{ status: number; answer: Answer; text: string }> {
  const { status, text } = await companion.admin('/api/v1/scan', { method: 'POST', body: JSON.stringify(body), ...(token !== undefined && { token }) })
  return { status, text, answer: JSON.parse(text) as Answer }
}

test('every kind of content is judged, and no answer holds what matched', async (test) => {
  const companion = await startTestCompanion(test, { config: CONFIG })
  const orders = [
    { kind: 'url', input: { url: `https://elsewhere.test/?k=${SECRET}` } },
    { kind: 'dlp', input: { text: `see ${SECRET}` } },
    { kind: 'dlp', input: { text: `{"k":"${Buffer.from(` ${SECRET}`).toString('base64')}"}`, content_type: 'application/json' } },
    { kind: 'tool_call', input: { tool_name: 'post', arguments: { note: SECRET } } },
  ]
  for (const order of orders) {
    const { status, answer, text } = await ask(companion, order)
    assert.deepEqual([status, answer.decision, answer.profile, answer.block_reason], [200, 'block', '_default', 'dlp_secret'], order.kind)
    assert.equal(answer.findings[0]?.rule, 'dlp.aws_access_key')
    assert.ok(!text.includes(SECRET))
  }
  const { answer } = await ask(companion, orders[1])
  assert.deepEqual(answer.findings[0], { rule: 'dlp.aws_access_key', severity: 'critical', action: 'block', part: 'body', views: [], start: 4, end: 24 })
})

test('what is clean passes, in every kind', async (test) => {
  const companion = await startTestCompanion(test, { config: CONFIG })
  const orders = [
    { kind: 'url', input: { url: 'https://docs.python.org/3/library/json.html' } },
    { kind: 'dlp', input: { text: 'see you on Monday' } },
    { kind: 'prompt_injection', input: { content: 'The weather is fine.' } },
    { kind: 'tool_call', input: { tool_name: 'add', arguments: { a: 1, b: 2 } } },
    { kind: 'tool_call', input: { tool_name: 'list' } },
  ]
  for (const order of orders) {
    const { status, answer } = await ask(companion, order)
    assert.deepEqual([status, answer.decision, answer.findings], [200, 'allow', []], order.kind)
  }
})

test('the named profile decides: its own pattern, its lists, its mode', async (test) => {
  const companion = await startTestCompanion(test, { config: CONFIG })
  const decide = async (profile: string, kind: string, input: object): Promise<string> => {
    const { answer } = await ask(companion, { kind, profile, input })
    return [answer.decision, answer.block_reason].join(' ')
  }
  assert.equal(await decide('careful', 'dlp', { text: 'codename-wolf' }), 'block dlp_secret')
  assert.equal(await decide('_default', 'dlp', { text: 'codename-wolf' }), 'allow ')
  assert.equal(await decide('watcher', 'dlp', { text: SECRET }), 'warn ')
  assert.equal(await decide('careful', 'url', { url: 'http://bad.test/' }), 'block host_blocked')
  assert.equal(await decide('_default', 'url', { url: 'http://bad.test/' }), 'allow ')
})

test('a URL is judged by its form and by an address that is written out, without a lookup', async (test) => {
  const companion = await startTestCompanion(test)
  const urls: [string, string][] = [
    ['http://127.0.0.1/', 'ssrf_address'], ['http://0x7f000001/', 'ssrf_address'], ['http://[::ffff:10.0.0.1]/', 'ssrf_address'], ['http://localhost/', 'ssrf_address'],
    ['http://169.254.169.254/latest', 'ssrf_address'], ['ftp://x.test/', 'scheme_not_allowed'], ['http://a b/', 'malformed_request'], ['nonsense', 'malformed_request'],
  ]
  for (const [url, reason] of urls) assert.equal((await ask(companion, { kind: 'url', input: { url } })).answer.block_reason, reason, url)
})

test('a request without the token, of another form or too long is refused without an answer about the content', async (test) => {
  const companion = await startTestCompanion(test)
  const order = { kind: 'dlp', input: { text: SECRET } }
  assert.equal((await companion.admin('/api/v1/scan', { method: 'POST', body: JSON.stringify(order), token: 'wrong' })).status, 401)
  assert.equal((await companion.admin('/api/v1/scan')).status, 405)
  for (const wrong of [{}, [], { kind: 'dlp' }, { kind: 'other', input: {} }, { kind: 'dlp', input: { text: 1 } }, { kind: 'dlp', input: { text: 'x', other: 1 } }, { ...order, more: 1 }]) {
    assert.equal((await ask(companion, wrong)).status, 400, JSON.stringify(wrong))
  }
  assert.equal((await ask(companion, { ...order, profile: 'nobody' })).status, 404)
  assert.equal((await ask(companion, { kind: 'dlp', input: { text: 'x'.repeat(524_289) } })).status, 413)
  assert.equal((await ask(companion, { kind: 'dlp', input: { text: 'x'.repeat(524_288) } })).status, 200)
  const { status } = await companion.admin('/api/v1/scan', { method: 'POST', body: 'x'.repeat(4_194_305) })
  assert.equal(status, 413)
})

test('nothing of a scan is logged or receipted', async (test) => {
  const companion = await startTestCompanion(test)
  await ask(companion, { kind: 'dlp', input: { text: SECRET } })
  assert.deepEqual(await companion.exchangeReceipts(), [])
  assert.ok(!JSON.stringify(companion.events()).includes(SECRET))
})
