/** What each key of the common policy changes for a client: hosts, addresses, credentials, rates. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startTestCompanion } from '../support/companion.ts'
import { startDnsServer } from '../support/dns-server.ts'
import { startOrigin } from '../support/origin.ts'
import { A_CREDENTIAL, askProxy } from '../support/outcome-of.ts'
import { throughProxy } from '../support/proxy-client.ts'

const LEAK = { headers: { 'x-note': A_CREDENTIAL } }

test('config version: 1 is read, any other number refuses the reload', async (t) => {
  const companion = await startTestCompanion(t, { config: 'version: 1\n' })
  const { result, messages } = companion.reload('version: 2\n')
  assert.equal(result, 'rejected')
  assert.match(messages[0] ?? '', /version.*expected 1, got 2/)
  assert.equal(companion.reload('version: 1\nmode: balanced\n').result, 'applied')
})

test('config mode: strict wants the allow list, balanced stops a credential, audit lets it pass and warns', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'mode: balanced\n' })
  assert.equal(await askProxy(companion.port, origin.url), '200')
  assert.equal(await askProxy(companion.port, origin.url, LEAK), 'dlp_secret')

  companion.reload('mode: audit\n')
  assert.equal(await askProxy(companion.port, `${origin.url}/audited`, LEAK), '200')
  const warned = (await companion.exchangeReceipts()).filter(({ target }) => target.endsWith('/audited'))
  assert.deepEqual(warned.map(({ verdict }) => verdict), ['warn', 'warn'])

  companion.reload('mode: strict\napi_allowlist: [api.example]\n')
  assert.equal(await askProxy(companion.port, origin.url), 'host_not_allowed')
})

test('config enforce: false turns the host list and the scanner into warnings, and leaves addresses refused', async (t) => {
  const origin = await startOrigin(t)
  const blocked = `fetch_proxy: {listen: "127.0.0.1:0", monitoring: {blocklist: ["127.0.0.1:${origin.port}"]}}\n`
  const companion = await startTestCompanion(t, { allowLoopback: true, config: blocked })
  assert.equal(await askProxy(companion.port, origin.url), 'host_blocked')

  companion.reload(`enforce: false\n${blocked}`)
  assert.equal(await askProxy(companion.port, origin.url, LEAK), '200')
  assert.equal(await askProxy(companion.port, 'http://10.0.0.1/'), 'ssrf_address')
  assert.equal(origin.seen.length, 1)
})

test('config api_allowlist: in strict mode a host on it passes, any other is refused', async (t) => {
  const [listed, other] = [await startOrigin(t), await startOrigin(t)]
  const companion = await startTestCompanion(t, { allowLoopback: true, config: `mode: strict\napi_allowlist: ["127.0.0.1:${listed.port}"]\n` })
  assert.equal(await askProxy(companion.port, listed.url), '200')
  assert.equal(await askProxy(companion.port, other.url), 'host_not_allowed')

  companion.reload(`mode: strict\napi_allowlist: ["127.0.0.1:${other.port}"]\n`)
  assert.equal(await askProxy(companion.port, listed.url), 'host_not_allowed')
  assert.equal(await askProxy(companion.port, other.url), '200')
})

test('config trusted_domains: a name on it may have an internal address, another name of the same address may not', async (t) => {
  const origin = await startOrigin(t)
  const dns = await startDnsServer(t, ({ type }) => ({ records: type === 'A' ? [{ type, value: '127.0.0.1' }] : [] }))
  const servers = `dns: {servers: ["${dns.address}"]}\n`
  const companion = await startTestCompanion(t, { config: servers })
  assert.equal(await askProxy(companion.port, `http://inside.example:${origin.port}/`), 'ssrf_address')

  companion.reload(`${servers}trusted_domains: [inside.example]\n`)
  assert.equal(await askProxy(companion.port, `http://inside.example:${origin.port}/`), '200')
  assert.equal(await askProxy(companion.port, `http://outside.example:${origin.port}/`), 'ssrf_address')
})

test('config ssrf.ip_allowlist: an address inside is dialled, its neighbour outside is refused', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t)
  assert.equal(await askProxy(companion.port, origin.url), 'ssrf_address')

  companion.reload('ssrf: {ip_allowlist: [127.0.0.1/32]}\n')
  assert.equal(await askProxy(companion.port, origin.url), '200')
  assert.equal(await askProxy(companion.port, `http://127.0.0.2:${origin.port}/`), 'ssrf_address')
})

test('config dlp.include_defaults: false lets a built-in credential pass', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  assert.equal(await askProxy(companion.port, origin.url, LEAK), 'dlp_secret')
  companion.reload('dlp: {include_defaults: false}\n')
  assert.equal(await askProxy(companion.port, origin.url, LEAK), '200')
})

test('config dlp.patterns: what matches is refused, and the refusal carries name and severity of the rule', async (t) => {
  const origin = await startOrigin(t)
  const patterns = (severity: string): string => `dlp: {patterns: [{name: ticket, regex: "TICKET-[0-9]{6}", severity: ${severity}}]}\n`
  const companion = await startTestCompanion(t, { allowLoopback: true })
  assert.equal(await askProxy(companion.port, origin.url, { method: 'POST', body: 'TICKET-123456' }), '200')

  for (const severity of ['low', 'high']) {
    companion.reload(patterns(severity))
    assert.equal(await askProxy(companion.port, origin.url, { method: 'POST', body: 'TICKET-123456' }), 'dlp_secret')
    assert.equal(await askProxy(companion.port, origin.url, { method: 'POST', body: 'TICKET-12345' }), '200')
    const refusal = (await companion.exchangeReceipts()).findLast(({ verdict }) => verdict === 'block')
    assert.equal(refusal?.severity, severity)
    assert.ok(companion.events().some(({ reason, detail }) => reason === 'dlp_secret' && detail === 'custom.ticket'))
  }
})

test('config dlp.response_action: block refuses the answer, redact replaces, warn records it, allow does neither', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.setHeader('Content-Type', 'text/plain')
    response.end(`here: ${A_CREDENTIAL}\n`)
  })
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const verdictOf = async (path: string): Promise<string | undefined> =>
    (await companion.exchangeReceipts()).find(({ target, decision_phase }) => target.endsWith(path) && decision_phase === 'outcome')?.verdict

  for (const [action, seen, verdict] of [['warn', '200', 'warn'], ['allow', '200', 'allow'], ['block', 'response_secret', 'block']] as const) {
    companion.reload(`dlp: {response_action: ${action}}\n`)
    assert.equal(await askProxy(companion.port, `${origin.url}/${action}`), seen, action)
    assert.equal(await verdictOf(`/${action}`), verdict, action)
  }
  companion.reload('dlp: {response_action: redact}\n')
  assert.equal((await throughProxy(companion.port, origin.url)).text, 'here: <pl:gitlab-token:1>\n')
  const codings = origin.seen.map(({ rawHeaders }) => rawHeaders.includes('Accept-Encoding'))
  assert.deepEqual(codings, [true, false, true, true], 'only what is scanned is asked for without a content coding')
})

test('config rate_limit.max_requests_per_minute: the request over the limit gets 429 and a time to come back', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'rate_limit: {max_requests_per_minute: 2}\n' })
  const outcomes = [await askProxy(companion.port, origin.url), await askProxy(companion.port, origin.url), await askProxy(companion.port, origin.url)]
  assert.deepEqual(outcomes, ['200', '200', 'rate_limited'])
  const refused = await throughProxy(companion.port, origin.url)
  assert.equal(refused.status, 429)
  assert.ok(Number(refused.headers['retry-after']) >= 1)

  companion.reload('rate_limit: {max_requests_per_minute: 0}\n')
  assert.equal(await askProxy(companion.port, origin.url), '200')
})

test('config rate_limit.max_data_per_minute: once the bytes are used up the next request gets 429', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.end('x'.repeat(600))
  })
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'rate_limit: {max_data_per_minute: 1000B}\n' })
  const upload = { method: 'POST', body: 'y'.repeat(500) }
  assert.equal(await askProxy(companion.port, origin.url, upload), '200')
  assert.equal(await askProxy(companion.port, origin.url, upload), 'data_rate_limited')
  companion.reload('rate_limit: {max_data_per_minute: 2KiB}\n')
  assert.equal(await askProxy(companion.port, origin.url, upload), '200')
})
