/** What each key of a profile changes for its own callers, and leaves as it was for everyone else. */

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'

import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { startDnsServer } from '../support/dns-server.ts'
import { freePort } from '../support/free-port.ts'
import { skipFor } from '../support/missed.ts'
import { startOrigin } from '../support/origin.ts'
import { A_CREDENTIAL, askProxy } from '../support/outcome-of.ts'
import type { ProxyRequest } from '../support/proxy-client.ts'
import { waitFor } from '../support/wait-for.ts'

const LEAK = { headers: { 'x-note': A_CREDENTIAL } }

interface TwoProfiles {
  readonly companion: TestCompanion
  /** Port of the profile `a`. */
  readonly own: number
  /** Puts a profile with these keys in force. */
  readonly profile: (keys: string) => void
  /** What the profile's callers see, then what everyone else sees. */
  readonly ask: (url: string, request?: ProxyRequest) => Promise<[own: string, others: string]>
}

/** A companion with a listener of the profile `a`, and one of nobody's. @param top further sections of the file */
async function startTwo(t: TestContext, top = '', allowLoopback = true): Promise<TwoProfiles> {
  const own = await freePort()
  const text = (keys: string): string => `${top}agents: {a: {listeners: ["127.0.0.1:${own}"]${keys === '' ? '' : `, ${keys}`}}}\n`
  const companion = await startTestCompanion(t, { allowLoopback, config: text('') })
  return {
    companion,
    own,
    profile: (keys) => {
      assert.deepEqual(companion.reload(text(keys)).messages, [])
    },
    ask: async (url, request) => [await askProxy(own, url, request), await askProxy(companion.port, url, request)],
  }
}

test('config agents.<name>.listeners: a caller at the address gets the profile, one at another does not', async (t) => {
  const origin = await startOrigin(t)
  const { companion, ask } = await startTwo(t)
  assert.deepEqual(await ask(origin.url), ['200', '200'])
  const intents = (await companion.exchangeReceipts()).filter(({ decision_phase }) => decision_phase === 'intent')
  assert.deepEqual(intents.map(({ actor }) => actor), ['spiffe://chaperone.local/agent/a', 'anonymous'])
})

test('config agents.<name>.source_cidrs: a caller from the network gets the profile, one from outside does not', async (t) => {
  if (process.platform !== 'linux') {
    skipFor(t, 'a loopback network of more than one address')
    return
  }
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'agents: {a: {source_cidrs: [127.0.2.0/24]}}\n' })
  const callers = ['127.0.2.1', '127.0.3.1']
  for (const from of callers) assert.equal(await askProxy(companion.port, origin.url, { from }), '200')
  companion.reload('agents: {a: {source_cidrs: [127.0.3.0/24]}}\n')
  for (const from of callers) assert.equal(await askProxy(companion.port, origin.url, { from }), '200')
  const intents = (await companion.exchangeReceipts()).filter(({ decision_phase }) => decision_phase === 'intent')
  const [a, nobody] = ['spiffe://chaperone.local/agent/a', 'anonymous']
  assert.deepEqual(intents.map(({ actor }) => actor), [a, nobody, nobody, a])
})

test('config agents.<name>.mode: strict and audit hold for the profile alone', async (t) => {
  const origin = await startOrigin(t)
  const { profile, ask } = await startTwo(t)
  assert.deepEqual(await ask(origin.url, LEAK), ['dlp_secret', 'dlp_secret'])
  profile('mode: audit')
  assert.deepEqual(await ask(origin.url, LEAK), ['200', 'dlp_secret'])
  profile('mode: strict, api_allowlist: [api.example]')
  assert.deepEqual(await ask(origin.url), ['host_not_allowed', '200'])
})

test('config agents.<name>.enforce: false warns for the profile alone', async (t) => {
  const origin = await startOrigin(t)
  const { profile, ask } = await startTwo(t, 'fetch_proxy: {listen: "127.0.0.1:0", monitoring: {blocklist: [127.0.0.1]}}\n')
  assert.deepEqual(await ask(origin.url), ['host_blocked', 'host_blocked'])
  profile('enforce: false')
  assert.deepEqual(await ask(origin.url), ['200', 'host_blocked'])
})

test('config agents.<name>.api_allowlist: it takes the place of the common list', async (t) => {
  const [common, own] = [await startOrigin(t), await startOrigin(t)]
  const { profile, ask } = await startTwo(t, `mode: strict\napi_allowlist: ["127.0.0.1:${common.port}"]\n`)
  assert.deepEqual(await ask(own.url), ['host_not_allowed', 'host_not_allowed'])
  profile(`api_allowlist: ["127.0.0.1:${own.port}"]`)
  assert.deepEqual(await ask(own.url), ['200', 'host_not_allowed'])
  assert.deepEqual(await ask(common.url), ['host_not_allowed', '200'])
})

test('config agents.<name>.blocklist: a host on it is refused to the profile alone', async (t) => {
  const origin = await startOrigin(t)
  const { profile, ask } = await startTwo(t)
  assert.deepEqual(await ask(origin.url), ['200', '200'])
  profile(`blocklist: ["127.0.0.1:${origin.port}"]`)
  assert.deepEqual(await ask(origin.url), ['host_blocked', '200'])
})

test('config agents.<name>.trusted_domains: the name may have an internal address for the profile alone', async (t) => {
  const origin = await startOrigin(t)
  const dns = await startDnsServer(t, ({ type }) => ({ records: type === 'A' ? [{ type, value: '127.0.0.1' }] : [] }))
  const { profile, ask } = await startTwo(t, `dns: {servers: ["${dns.address}"]}\n`, false)
  const url = `http://inside.example:${origin.port}/`
  assert.deepEqual(await ask(url), ['ssrf_address', 'ssrf_address'])
  profile('trusted_domains: [inside.example]')
  assert.deepEqual(await ask(url), ['200', 'ssrf_address'])
})

test('config agents.<name>.ssrf.ip_allowlist: the network is open for the profile alone', async (t) => {
  const origin = await startOrigin(t)
  const { profile, ask } = await startTwo(t, '', false)
  assert.deepEqual(await ask(origin.url), ['ssrf_address', 'ssrf_address'])
  profile('ssrf: {ip_allowlist: [127.0.0.0/8]}')
  assert.deepEqual(await ask(origin.url), ['200', 'ssrf_address'])
})

test('config agents.<name>.dlp.include_defaults: false leaves out the built-in rules, and the common patterns, for the profile alone', async (t) => {
  const origin = await startOrigin(t)
  const { profile, ask } = await startTwo(t, 'dlp: {patterns: [{name: ticket, regex: "TICKET-[0-9]{6}", severity: low}]}\n')
  const ticket = { headers: { 'x-note': 'TICKET-123456' } }
  assert.deepEqual(await ask(origin.url, LEAK), ['dlp_secret', 'dlp_secret'])
  assert.deepEqual(await ask(origin.url, ticket), ['dlp_secret', 'dlp_secret'])
  profile('dlp: {include_defaults: false}')
  assert.deepEqual(await ask(origin.url, LEAK), ['200', 'dlp_secret'])
  assert.deepEqual(await ask(origin.url, ticket), ['200', 'dlp_secret'])
})

test('config agents.<name>.dlp.patterns: they are added for the profile alone, and one of the same name replaces', async (t) => {
  const origin = await startOrigin(t)
  const { profile, ask } = await startTwo(t, 'dlp: {patterns: [{name: ticket, regex: "TICKET-[0-9]{6}", severity: low}]}\n')
  const [ticket, order] = ['TICKET-123456', 'ORDER-123456'].map((note) => ({ headers: { 'x-note': note } }))
  profile('dlp: {patterns: [{name: order, regex: "ORDER-[0-9]{6}", severity: low}]}')
  assert.deepEqual(await ask(origin.url, order), ['dlp_secret', '200'])
  assert.deepEqual(await ask(origin.url, ticket), ['dlp_secret', 'dlp_secret'])
  profile('dlp: {patterns: [{name: ticket, regex: "ORDER-[0-9]{6}", severity: low}]}')
  assert.deepEqual(await ask(origin.url, order), ['dlp_secret', '200'])
  assert.deepEqual(await ask(origin.url, ticket), ['200', 'dlp_secret'])
})

test('config agents.<name>.dlp.response_action: block refuses the answer to the profile alone', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.end(`here: ${A_CREDENTIAL}\n`)
  })
  const { profile, ask } = await startTwo(t)
  assert.deepEqual(await ask(origin.url), ['200', '200'])
  profile('dlp: {response_action: block}')
  assert.deepEqual(await ask(origin.url), ['response_secret', '200'])
})

test('config agents.<name>.rate_limit.max_requests_per_minute: the limit is counted for the profile alone', async (t) => {
  const origin = await startOrigin(t)
  const { profile, ask } = await startTwo(t)
  assert.deepEqual(await ask(origin.url), ['200', '200'])
  profile('rate_limit: {max_requests_per_minute: 2}')
  assert.deepEqual(await ask(origin.url), ['200', '200'])
  assert.deepEqual(await ask(origin.url), ['rate_limited', '200'])
})

test('config agents.<name>.rate_limit.max_data_per_minute: the bytes are counted for the profile alone', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.end('x'.repeat(1000))
  })
  const { profile, ask } = await startTwo(t)
  profile('rate_limit: {max_data_per_minute: 1000B}')
  assert.deepEqual(await ask(origin.url), ['200', '200'])
  assert.deepEqual(await ask(origin.url), ['data_rate_limited', '200'])
})

test('config agents.<name>.max_connections: one more connection or exchange of the profile gets 503, others pass', async (t) => {
  const origin = await startOrigin(t)
  const { companion, own, profile, ask } = await startTwo(t)
  const idle = connect(own, '127.0.0.1')
  t.after(() => idle.destroy())
  await waitFor(() => !idle.connecting)
  assert.deepEqual(await ask(origin.url), ['200', '200'])
  profile('max_connections: 1')
  assert.deepEqual(await ask(origin.url), ['connection_limit', '200'])

  idle.destroy()
  await waitFor(async () => (await askProxy(own, origin.url)) === '200')
  assert.match(await companion.metrics(), /chaperone_refused_before_exchange_total\{[^}]*connection_limit[^}]*\} [1-9]/)
})
