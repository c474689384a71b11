/**
 * A trusted proxy in front of the companion, over real sockets: it names its clients request by request in a header, or
 * connection by connection in a PROXY v2 header, and nobody else can.
 */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { startTestCompanion, sumOf, type TestCompanion } from '../support/companion.ts'
import { skipFor } from '../support/missed.ts'
import { startOrigin, type Origin } from '../support/origin.ts'
import { sendRaw, type RawAnswer } from '../support/proxy-client.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PROXY = '127.0.1.9'
const FRONT_PROXY = '127.0.1.10'
const UNTRUSTED = '127.0.1.50'
const AGENTS = `agents:
  a: {source_cidrs: [10.1.0.0/16, "2001:db8:a::/48"], blocklist: [blocked.test]}
  b: {source_cidrs: [10.2.0.0/16], mode: strict, api_allowlist: [127.0.0.1]}
`

interface Behind {
  readonly companion: TestCompanion
  readonly origin: Origin
}

async function startBehind(t: TestContext, forwarded: string, { unmatched = 'deny', proxies = [PROXY, FRONT_PROXY] } = {}): Promise<Behind | undefined> {
  if (process.platform !== 'linux') {
    skipFor(t, 'a loopback network of more than one address')
    return undefined
  }
  const hosts = join(temporaryFolder(t), 'hosts')
  writeFileSync(hosts, '127.0.0.1 blocked.test\n')
  const identity = `dns: {hosts_file: ${JSON.stringify(hosts)}}\nidentity: {forwarded: ${forwarded}, unmatched: ${unmatched}, trusted_proxies: [${proxies.map((each) => `${each}/32`).join(', ')}]}\n`
  return { origin: await startOrigin(t), companion: await startTestCompanion(t, { allowLoopback: true, config: identity + AGENTS }) }
}

/** A request as the trusted proxy sends it on: without fields of its own unless the test says so. */
function requestFor(url: string, fields = '', isLast = true): string {
  return `GET ${url} HTTP/1.1\r\nHost: x.test\r\n${fields}${isLast ? 'Connection: close\r\n' : ''}\r\n`
}

/** @returns for each answer `200` or the reason of the refusal */
function outcomes({ text }: RawAnswer): string[] {
  return text
    .split(/(?=HTTP\/1\.1 )/)
    .filter((answer) => answer !== '')
    .map((answer) => /^x-pipelock-block-reason: (.+)\r$/im.exec(answer)?.[1] ?? answer.slice('HTTP/1.1 '.length).slice(0, 3))
}

async function actorsAndRules(companion: TestCompanion): Promise<string[]> {
  const receipts = await companion.exchangeReceipts()
  return receipts.filter(({ decision_phase }) => decision_phase !== 'outcome').map(({ actor, precedent_refs = [] }) => `${actor.split('/').at(-1) ?? ''} ${decodeURIComponent(precedent_refs[0] ?? '')}`)
}

/** Header forms by the setting that reads them: each names the client `address`. */
const FIELDS: Record<string, (address: string) => string> = {
  'x-forwarded-for': (address) => `X-Forwarded-For: ${address}\r\n`,
  forwarded: (address) => `Forwarded: proto=http;for=${address.includes(':') ? `"[${address}]"` : address}\r\n`,
}

for (const [setting, field] of Object.entries(FIELDS)) {
  test(`${setting}: two clients on one connection of the trusted proxy stay apart, request by request`, async (t) => {
    const behind = await startBehind(t, setting)
    if (behind === undefined) return
    const { companion, origin } = behind
    const clients = ['10.1.0.7', '10.2.0.7', '10.1.0.8', '10.2.0.7', '2001:db8:a::1', '10.3.0.1', '10.1.0.7']
    const plain = clients.map((client) => requestFor(origin.url, field(client), false)).join('')
    const blocked = requestFor('http://blocked.test/', field('10.1.0.7'), false) + requestFor('http://blocked.test/', field('10.2.0.7'))
    const answer = await sendRaw(companion.port, plain + blocked, { from: PROXY, waitMs: 5000 })
    assert.deepEqual(outcomes(answer), ['200', '200', '200', '200', '200', 'identity_unresolved', '200', 'host_blocked', 'host_not_allowed'])

    // Concurrent on one connection: their receipts are in no order.
    const a = `a identity:bound:cidr:10.1.0.0/16 via ${setting}`
    const b = `b identity:bound:cidr:10.2.0.0/16 via ${setting}`
    const expected = [a, a, a, a, b, b, b, `a identity:bound:cidr:2001:db8:a::/48 via ${setting}`, `anonymous identity:unknown:none:- via ${setting}`]
    assert.deepEqual((await actorsAndRules(companion)).sort(), expected.sort())
    const metrics = await companion.metrics()
    const decided = ['a', 'b', '_default'].map((name) => sumOf(metrics, 'chaperone_requests_total', `agent="${name}"`))
    assert.deepEqual(decided, [5, 3, 1])
  })

  test(`${setting}: nobody but the trusted proxy is believed`, async (t) => {
    const behind = await startBehind(t, setting, { unmatched: 'default' })
    if (behind === undefined) return
    const { companion, origin } = behind
    const request = requestFor(`http://blocked.test:${origin.port}/`, field('10.1.0.7'))
    assert.deepEqual(outcomes(await sendRaw(companion.port, request, { from: PROXY })), ['host_blocked'])
    assert.deepEqual(outcomes(await sendRaw(companion.port, request, { from: UNTRUSTED })), ['200'])
    assert.deepEqual(await actorsAndRules(companion), [`a identity:bound:cidr:10.1.0.0/16 via ${setting}`, 'anonymous identity:unknown:none:-'])
  })

  test(`${setting}: what a client wrote left of the proxy's own word changes nothing`, async (t) => {
    const behind = await startBehind(t, setting)
    if (behind === undefined) return
    const { companion, origin } = behind
    const lines = (...addresses: string[]): string => addresses.map(field).join('')
    const oneLine = (...addresses: string[]): string => {
      const [first = '', ...rest] = addresses.map((address) => field(address).trimEnd())
      return `${[first, ...rest.map((each) => each.slice(each.indexOf(': ') + 2))].join(', ')}\r\n`
    }
    // The client claims 10.1.0.7; the proxy saw 10.2.0.7, directly or through the proxy in front of it.
    for (const fields of [lines('10.1.0.7', '10.2.0.7'), oneLine('10.1.0.7', '10.2.0.7'), oneLine('10.1.0.7', '10.2.0.7', FRONT_PROXY), `${field('"un, closed')}${field('10.2.0.7')}`]) {
      assert.deepEqual(outcomes(await sendRaw(companion.port, requestFor(origin.url, fields), { from: PROXY })), ['200'], fields)
    }
    assert.deepEqual(new Set(await actorsAndRules(companion)), new Set([`b identity:bound:cidr:10.2.0.0/16 via ${setting}`]))
  })

  test(`${setting}: a trusted proxy that names no client, or not clearly, is refused and receipted`, async (t) => {
    const behind = await startBehind(t, setting, { unmatched: 'default' })
    if (behind === undefined) return
    const { companion, origin } = behind
    const name = field('').split(':')[0] ?? ''
    const values = ['', `${name}: \r\n`, field('unknown'), field('10.1.0.7, '), field('999.1.0.7'), field('10.1.0.7').replace('10.1', '010.1'), `${name}: for="10.1.0.7\r\n`, field('_hidden')]
    for (const fields of values) {
      const answer = await sendRaw(companion.port, requestFor(origin.url, fields), { from: PROXY })
      assert.deepEqual(outcomes(answer), ['identity_unresolved'], fields)
      assert.match(answer.text, /^HTTP\/1\.1 403 /)
    }
    // Of a flood from one unknown source five a second are receipted one by one.
    const told = await actorsAndRules(companion)
    assert.ok(told.length >= 5)
    assert.deepEqual(new Set(told), new Set(['anonymous identity:unknown:none:-']))
    assert.equal(sumOf(await companion.metrics(), 'chaperone_blocked_total', 'reason="identity_unresolved"'), values.length)
    assert.equal(origin.connections(), 0)
    assert.deepEqual(outcomes(await sendRaw(companion.port, requestFor(origin.url, field('10.1.0.7')), { from: PROXY })), ['200'])
  })

  test(`${setting}: the destination learns nothing of the hops`, async (t) => {
    const behind = await startBehind(t, setting)
    if (behind === undefined) return
    const { companion, origin } = behind
    const fields = `${field('10.1.0.7')}X-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\nX-Forwarded-Port: 1\r\nX-Real-IP: 10.1.0.7\r\nX-Kept: yes\r\n`
    assert.deepEqual(outcomes(await sendRaw(companion.port, requestFor(origin.url, fields), { from: PROXY })), ['200'])
    const seen = origin.seen[0]?.rawHeaders.join('\n') ?? ''
    assert.match(seen, /X-Kept/)
    assert.doesNotMatch(seen, /forwarded|x-real-ip|10\.1\.0\.7|127\.0\.1\.9/i)
  })

  test(`${setting}: CONNECT and /fetch through the trusted proxy have their client's rules`, async (t) => {
    const behind = await startBehind(t, setting)
    if (behind === undefined) return
    const { companion } = behind
    const connect = await sendRaw(companion.port, `CONNECT blocked.test:443 HTTP/1.1\r\nHost: blocked.test:443\r\n${field('10.1.0.7')}\r\n`, { from: PROXY })
    const fetched = await sendRaw(companion.port, requestFor('/fetch?url=http%3A%2F%2Fblocked.test%2F', field('10.2.0.7')), { from: PROXY })
    assert.deepEqual([...outcomes(connect), ...outcomes(fetched)], ['host_blocked', 'host_not_allowed'])
  })
}

test('only the form that is configured is read', async (t) => {
  const behind = await startBehind(t, 'x-forwarded-for')
  if (behind === undefined) return
  const { companion, origin } = behind
  const both = 'Forwarded: for=10.1.0.7\r\nX-Forwarded-For: 10.2.0.7\r\n'
  assert.deepEqual(outcomes(await sendRaw(companion.port, requestFor(origin.url, both), { from: PROXY })), ['200'])
  assert.deepEqual(outcomes(await sendRaw(companion.port, requestFor(origin.url, 'Forwarded: for=10.1.0.7\r\n'), { from: PROXY })), ['identity_unresolved'])
  assert.deepEqual(await actorsAndRules(companion), ['b identity:bound:cidr:10.2.0.0/16 via x-forwarded-for', 'anonymous identity:unknown:none:-'])
})

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const LOCAL = Buffer.from(`${SIGNATURE}20000000`, 'hex')
const UNSPECIFIED = Buffer.from(`${SIGNATURE}21000000`, 'hex')
const VERSION_1 = 'PROXY TCP4 10.1.0.7 127.0.0.1 40000 8888\r\n'

function proxyHeader(address: string): Buffer {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0')).join('')
  return Buffer.from(`${SIGNATURE}2111000c${bytes}7f0000019c4022b8`, 'hex')
}

async function countedAsMalformed(companion: TestCompanion): Promise<number> {
  return sumOf(await companion.metrics(), 'chaperone_refused_before_exchange_total', 'cause="malformed_request"')
}

test('proxy_v2: each connection of the trusted proxy is held to the client that its header names', async (t) => {
  const behind = await startBehind(t, 'proxy_v2')
  if (behind === undefined) return
  const { companion, origin } = behind
  const through = async (client: string): Promise<string[]> => {
    const requests = requestFor(origin.url, '', false) + requestFor('http://blocked.test/', 'X-Forwarded-For: 10.2.0.7\r\n')
    return outcomes(await sendRaw(companion.port, [proxyHeader(client), requests], { from: PROXY }))
  }
  assert.deepEqual(await Promise.all([through('10.1.0.7'), through('10.2.0.7'), through('10.3.0.7')]), [
    ['200', 'host_blocked'],
    ['200', 'host_not_allowed'],
    ['identity_unresolved', 'identity_unresolved'],
  ])
  const a = 'a identity:bound:cidr:10.1.0.0/16 via proxy_v2'
  const b = 'b identity:bound:cidr:10.2.0.0/16 via proxy_v2'
  const nobody = 'anonymous identity:unknown:none:- via proxy_v2'
  assert.deepEqual((await actorsAndRules(companion)).sort(), [a, a, nobody, nobody, b, b].sort())
})

test('proxy_v2: a trusted proxy without a header, or with one of version 1, is not served and is counted', async (t) => {
  const behind = await startBehind(t, 'proxy_v2', { unmatched: 'default' })
  if (behind === undefined) return
  const { companion, origin } = behind
  const wrong = { missing: '', 'version 1': VERSION_1, 'a broken signature': `${SIGNATURE.slice(0, 8)}X`, 'a version 2 header of a future command': Buffer.from(`${SIGNATURE}22110000`, 'hex') }
  for (const [name, header] of Object.entries(wrong)) {
    const before = await countedAsMalformed(companion)
    const { text, closedBy } = await sendRaw(companion.port, [header, requestFor(origin.url)], { from: PROXY })
    assert.equal(text, '', name)
    assert.notEqual(closedBy, 'timeout', name)
    assert.equal(await countedAsMalformed(companion), before + 1, name)
  }
  assert.equal(origin.connections(), 0)
  assert.deepEqual(await companion.exchangeReceipts(), [])
  assert.deepEqual(outcomes(await sendRaw(companion.port, [proxyHeader('10.1.0.7'), requestFor(origin.url)], { from: PROXY })), ['200'])
})

test('proxy_v2: a header without a client serves nobody', async (t) => {
  const behind = await startBehind(t, 'proxy_v2', { unmatched: 'default' })
  if (behind === undefined) return
  const { companion, origin } = behind
  const local = await sendRaw(companion.port, [LOCAL, requestFor(origin.url)], { from: PROXY })
  assert.deepEqual([outcomes(local), local.text.slice(0, 12), await countedAsMalformed(companion)], [['malformed_request'], 'HTTP/1.1 400', 1])
  const unspecified = await sendRaw(companion.port, [UNSPECIFIED, requestFor(origin.url)], { from: PROXY })
  assert.deepEqual(outcomes(unspecified), ['identity_unresolved'])
  assert.equal(origin.connections(), 0)
})

test('proxy_v2: a header from anybody else is not taken, whatever it names', async (t) => {
  const behind = await startBehind(t, 'proxy_v2', { unmatched: 'default' })
  if (behind === undefined) return
  const { companion, origin } = behind
  const { text } = await sendRaw(companion.port, [proxyHeader('10.1.0.7'), requestFor(origin.url)], { from: UNTRUSTED })
  assert.match(text, /^HTTP\/1\.1 400 /)
  assert.equal(await countedAsMalformed(companion), 1)
  assert.equal(origin.connections(), 0)
  assert.deepEqual(outcomes(await sendRaw(companion.port, requestFor(origin.url), { from: UNTRUSTED })), ['200'])
  assert.deepEqual(await actorsAndRules(companion), ['anonymous identity:unknown:none:-'])
})

test('proxy_v2: a second header is data, and names nobody', async (t) => {
  const behind = await startBehind(t, 'proxy_v2')
  if (behind === undefined) return
  const { companion, origin } = behind
  const { text } = await sendRaw(companion.port, [proxyHeader('10.1.0.7'), proxyHeader('10.2.0.7'), requestFor(origin.url)], { from: PROXY })
  assert.match(text, /^HTTP\/1\.1 400 /)
  assert.equal(origin.connections(), 0)
})

test('the connections of a trusted hop take no place of a profile; those of a caller do', async (t) => {
  const limit = 'limits: {max_connections_per_profile: 1}\n'
  if (process.platform !== 'linux') {
    skipFor(t, 'a loopback network of more than one address')
    return
  }
  const origin = await startOrigin(t)
  const config = `${limit}identity: {forwarded: x-forwarded-for, unmatched: default, trusted_proxies: [${PROXY}/32]}\n${AGENTS}`
  const companion = await startTestCompanion(t, { allowLoopback: true, config })
  const keepOpen = (from: string): Promise<RawAnswer> => sendRaw(companion.port, requestFor(origin.url, 'X-Forwarded-For: 10.1.0.1\r\n', false), { from, waitMs: 1500 })
  const ask = async (from: string): Promise<string[]> => outcomes(await sendRaw(companion.port, requestFor(origin.url, 'X-Forwarded-For: 10.2.0.1\r\n'), { from }))
  const first = keepOpen(PROXY)
  assert.deepEqual(await ask(PROXY), ['200'])
  assert.deepEqual(outcomes(await first), ['200'])
  const direct = keepOpen(UNTRUSTED)
  assert.deepEqual(await ask(UNTRUSTED), ['connection_limit'])
  assert.deepEqual(outcomes(await direct), ['200'])
})
