/**
 * One companion, several agents told apart by where they call from: each has its own rules, metrics and name in receipts,
 * and nothing that a caller writes into a request changes that. Linux: the loopback network has many addresses.
 */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { headerValue } from '../../src/model/raw-headers.ts'
import { startTestCompanion, sumOf, type ReceiptView, type TestCompanion } from '../support/companion.ts'
import { skipFor } from '../support/missed.ts'
import { startOrigin, type Origin } from '../support/origin.ts'
import { sendRaw, throughProxy } from '../support/proxy-client.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const ALPHA = '127.0.1.1'
const BETA = '127.0.1.2'
const GAMMA = '127.0.1.3'
const STRANGER = '127.0.1.200'
const ONE = 'one.test'
const TWO = 'two.test'
const PROJECT = 'proj-123456'
const SPIFFE = 'spiffe://chaperone.local/agent/'

const AGENTS = `agents:
  alpha: {source_cidrs: [${ALPHA}/32], blocklist: [${TWO}]}
  beta: {source_cidrs: [${BETA}/32], mode: strict, api_allowlist: [${ONE}]}
  gamma:
    source_cidrs: [${GAMMA}/32]
    rate_limit: {max_requests_per_minute: 100}
    dlp: {patterns: [{name: project, regex: 'proj-[0-9]{6}', severity: high}]}
`

interface Fleet {
  readonly companion: TestCompanion
  readonly origin: Origin
  /** URL of the origin under a name. */
  url(name: string, path?: string): string
}

function hasLoopbackNetwork(t: TestContext): boolean {
  if (process.platform === 'linux') return true
  skipFor(t, 'a loopback network of more than one address')
  return false
}

async function startFleet(t: TestContext, config = AGENTS): Promise<Fleet> {
  const hosts = join(temporaryFolder(t), 'hosts')
  writeFileSync(hosts, `127.0.0.1 ${ONE} ${TWO}\n`)
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: `dns: {hosts_file: ${JSON.stringify(hosts)}}\n${config}` })
  return { companion, origin, url: (name, path = '/') => `http://${name}:${origin.port}${path}` }
}

/** @returns `200`, or the reason of the refusal */
async function ask({ companion }: Fleet, url: string, from: string): Promise<string> {
  const { status, headers } = await throughProxy(companion.port, url, { from })
  return reasonOr(headers['x-pipelock-block-reason'], status)
}

async function askFetch({ companion }: Fleet, url: string, from: string): Promise<string> {
  const { text } = await sendRaw(companion.port, `GET /fetch?url=${encodeURIComponent(url)} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`, { from })
  return rawOutcome(text)
}

async function askConnect({ companion }: Fleet, url: string, from: string): Promise<string> {
  const { host } = new URL(url)
  const { text } = await sendRaw(companion.port, `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, { from, waitMs: 300 })
  return rawOutcome(text)
}

function rawOutcome(text: string): string {
  return reasonOr(/^x-pipelock-block-reason: (.+)\r$/im.exec(text)?.[1], Number(/^HTTP\/1\.1 ([0-9]+)/.exec(text)?.[1]))
}

function reasonOr(reason: unknown, status: number): string {
  return typeof reason === 'string' ? reason : String(status)
}

/** Everything in a receipt that tells what was decided about whom: not its id, time and place in the chain. */
function decision({ actor, verdict, decision_phase, layer, pattern, target, transport, method, policy_hash, precedent_refs = [] }: ReceiptView): object {
  const refs = precedent_refs.filter((ref) => !/^(claimed|agent-prev):/.test(ref))
  return { actor, verdict, decision_phase, layer, pattern, target, transport, method, policy_hash, refs }
}

/** @returns agent and identity of an audit event, the latter in the form of a receipt */
function toldIdentity(event: Record<string, unknown> = {}): unknown[] {
  return [event['agent'], `identity:${String(event['grade'])}:${String(event['source'])}:${String(event['rule'])}`]
}

/** Names of series with their labels, without those that time and load make: the shape of the metrics. */
function seriesNames(metrics: string): string[] {
  return metrics.split('\n').filter((line) => line.startsWith('chaperone_')).map((line) => line.slice(0, line.lastIndexOf(' '))).sort()
}

test('three agents at one port have their own rules on every surface', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const fleet = await startFleet(t)
  const secretUrl = fleet.url(ONE, `/?key=${PROJECT}`)
  for (const [name, send] of Object.entries({ forward: ask, fetch: askFetch, connect: askConnect })) {
    const outcomes = await Promise.all([ALPHA, BETA, GAMMA, STRANGER].map(async (from) => [await send(fleet, fleet.url(ONE), from), await send(fleet, fleet.url(TWO), from)]))
    assert.deepEqual(outcomes, [['200', 'host_blocked'], ['200', 'host_not_allowed'], ['200', '200'], ['200', '200']], name)
    if (send === askConnect) continue
    assert.deepEqual(await Promise.all([ALPHA, BETA, GAMMA, STRANGER].map((from) => send(fleet, secretUrl, from))), ['200', '200', 'dlp_secret', '200'], name)
  }
  const reached = fleet.origin.seen.map(({ rawHeaders }) => headerValue(rawHeaders, 'host')?.split(':')[0])
  assert.deepEqual([reached.filter((name) => name === ONE).length, reached.filter((name) => name === TWO).length], [14, 4])
})

test('receipts, log and metrics name the same agent for every exchange, allowed or refused', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const fleet = await startFleet(t)
  const sources = { alpha: ALPHA, beta: BETA, gamma: GAMMA, _default: STRANGER }
  for (const from of Object.values(sources)) {
    for (const send of [ask, askFetch, askConnect]) {
      await send(fleet, fleet.url(ONE), from)
      await send(fleet, fleet.url(TWO), from)
    }
  }
  const exchangeEvents = (): Record<string, unknown>[] => fleet.companion.events().filter(({ event }) => event === 'exchange')
  await waitFor(() => exchangeEvents().length === 24)
  const events = exchangeEvents()
  const receipts = await fleet.companion.exchangeReceipts()
  const byId = new Map(events.map((event) => [event['action_id'], event]))
  const metrics = await fleet.companion.metrics()
  for (const [name, from] of Object.entries(sources)) {
    const actor = name === '_default' ? 'anonymous' : `${SPIFFE}${name}`
    const own = receipts.filter((receipt) => receipt.actor === actor)
    const identity = name === '_default' ? 'identity:unknown:none:-' : `identity:bound:cidr:${from}/32`
    const ids = new Set(own.map(({ action_id }) => action_id))
    assert.equal(ids.size, 6, name)
    assert.deepEqual(new Set(own.map(({ transport }) => transport)), new Set(['forward', 'fetch', 'connect']))
    for (const receipt of own) assert.equal(receipt.precedent_refs?.[0], identity)
    for (const id of ids) assert.deepEqual(toldIdentity(byId.get(id)), [name, identity])
    assert.equal(sumOf(metrics, 'chaperone_requests_total', `agent="${name}"`), 6, name)
  }
  assert.equal(sumOf(metrics, 'chaperone_blocked_total', 'agent="alpha"'), 3)
  assert.equal(sumOf(metrics, 'chaperone_blocked_total', 'agent="beta"'), 3)
  assert.equal(sumOf(metrics, 'chaperone_blocked_total', 'agent="gamma"'), 0)
})

/** What an agent can write about itself, what of it stands in the receipt, and whether it is another profile's name. */
const FORGERIES: Record<string, { readonly fields: string; readonly claimed: readonly string[]; readonly mismatch: 0 | 1 }> = {
  'the name of another': { fields: 'X-Pipelock-Agent: gamma\r\n', claimed: ['gamma'], mismatch: 1 },
  'two names of others': { fields: 'X-Pipelock-Agent: gamma\r\nx-pipelock-agent: beta\r\n', claimed: ['gamma', 'beta'], mismatch: 1 },
  'its own name and another': { fields: 'X-Pipelock-Agent: alpha\r\nX-Pipelock-Agent: gamma\r\n', claimed: ['gamma', 'alpha'], mismatch: 1 },
  'its own name': { fields: 'X-Pipelock-Agent: alpha\r\n', claimed: ['alpha'], mismatch: 0 },
  'the reserved name': { fields: 'X-Pipelock-Agent: _default\r\n', claimed: ['_default'], mismatch: 1 },
  'nobody': { fields: 'X-Pipelock-Agent: anonymous\r\n', claimed: ['anonymous'], mismatch: 0 },
  'a name outside the alphabet': { fields: 'X-Pipelock-Agent: gam ma/a\r\n', claimed: ['malformed'], mismatch: 0 },
  'a name that cleaning would turn into another': { fields: 'X-Pipelock-Agent: gamma;\r\n', claimed: ['malformed'], mismatch: 0 },
  'a name of 65 bytes': { fields: `X-Pipelock-Agent: ${'g'.repeat(65)}\r\n`, claimed: ['malformed'], mismatch: 0 },
  'a name of 64 bytes': { fields: `X-Pipelock-Agent: ${'g'.repeat(64)}\r\n`, claimed: ['g'.repeat(64)], mismatch: 0 },
  'a look-alike in Unicode': { fields: `X-Pipelock-Agent: ${Buffer.from('g\u0430mma').toString('latin1')}\r\n`, claimed: ['malformed'], mismatch: 0 },
  'an empty name': { fields: 'X-Pipelock-Agent: \r\n', claimed: ['malformed'], mismatch: 0 },
  'two names in one field': { fields: 'X-Pipelock-Agent: gamma, beta\r\n', claimed: ['malformed'], mismatch: 0 },
  'the address of another': { fields: `X-Forwarded-For: ${GAMMA}\r\nX-Real-IP: ${GAMMA}\r\nTrue-Client-IP: ${GAMMA}\r\n`, claimed: [], mismatch: 0 },
  'a Forwarded field': { fields: `Forwarded: for=${GAMMA};by=${BETA}\r\n`, claimed: [], mismatch: 0 },
}

for (const [name, { fields, claimed, mismatch }] of Object.entries(FORGERIES)) {
  test(`forged: ${name} changes nothing but what is recorded as claimed`, async (t) => {
    if (!hasLoopbackNetwork(t)) return
    const fleet = await startFleet(t)
    const send = async (extra: string): Promise<string[]> => {
      const outcomes: string[] = []
      for (const url of [fleet.url(TWO), fleet.url(ONE, `/?key=${PROJECT}`)]) {
        const { text } = await sendRaw(fleet.companion.port, `GET ${url} HTTP/1.1\r\nHost: x.test\r\n${extra}Connection: close\r\n\r\n`, { from: ALPHA })
        outcomes.push(rawOutcome(text))
      }
      return outcomes
    }
    assert.deepEqual(await send(''), ['host_blocked', '200'])
    const honest = await fleet.companion.exchangeReceipts()
    const before = await fleet.companion.metrics()
    assert.deepEqual(await send(fields), ['host_blocked', '200'])

    const forged = (await fleet.companion.exchangeReceipts()).slice(honest.length)
    assert.deepEqual(forged.map(decision), honest.map(decision))
    for (const { precedent_refs = [] } of forged) {
      assert.deepEqual(precedent_refs.filter((ref) => ref.startsWith('claimed:')), claimed.map((each) => `claimed:${each}`))
    }
    const after = await fleet.companion.metrics()
    assert.equal(sumOf(after, 'chaperone_identity_mismatch_total', 'source="cidr"') - sumOf(before, 'chaperone_identity_mismatch_total'), 2 * mismatch)
    assert.deepEqual(seriesNames(after).filter((each) => !each.startsWith('chaperone_identity_mismatch_total')), seriesNames(before).filter((each) => !each.startsWith('chaperone_identity_mismatch_total')))
    const doubtsSoFar = (): Record<string, unknown>[] => fleet.companion.events().filter(({ event }) => event === 'identity_mismatch')
    await waitFor(() => doubtsSoFar().length >= 2 * mismatch)
    const doubts = doubtsSoFar()
    assert.deepEqual(doubts.map((event) => [event['agent'], event['claimed']]), Array.from({ length: 2 * mismatch }, () => ['alpha', claimed]))
    assert.doesNotMatch(fleet.origin.seen.at(-1)?.rawHeaders.join('\n') ?? '', /agent|forwarded|x-real-ip/i)
  })
}

test('the agent parameter of /fetch is a claim; in the URL of a destination it is not, and arrives untouched', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const fleet = await startFleet(t)
  const path = '/p?b=1&agent=gamma&a=%7e'
  const { text } = await sendRaw(fleet.companion.port, `GET /fetch?agent=gamma&url=${encodeURIComponent(fleet.url(TWO))} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, { from: ALPHA })
  assert.equal(rawOutcome(text), 'host_blocked')
  assert.equal(await askFetch(fleet, fleet.url(ONE, path), ALPHA), '200')
  assert.equal(await ask(fleet, fleet.url(ONE, path), ALPHA), '200')

  const claims = (await fleet.companion.exchangeReceipts()).map(({ actor, precedent_refs = [] }) => [actor, ...precedent_refs.filter((ref) => ref.startsWith('claimed:'))])
  assert.deepEqual(claims, [[`${SPIFFE}alpha`, 'claimed:gamma'], ...Array.from({ length: 4 }, () => [`${SPIFFE}alpha`])])
  assert.deepEqual(fleet.origin.seen.map(({ url }) => url), [path, path])
  assert.equal(sumOf(await fleet.companion.metrics(), 'chaperone_identity_mismatch_total'), 1)
})

test('a caller that nothing matches has the rules of _default and no name, whatever it claims', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const fleet = await startFleet(t, `${AGENTS}  _default: {blocklist: [${ONE}]}\n`)
  const { headers } = await throughProxy(fleet.companion.port, fleet.url(ONE), { from: STRANGER, headers: { 'X-Pipelock-Agent': 'gamma' } })
  assert.equal(headers['x-pipelock-block-reason'], 'host_blocked')
  assert.equal(await ask(fleet, fleet.url(ONE), GAMMA), '200')
  const [receipt] = await fleet.companion.exchangeReceipts()
  assert.equal(receipt?.actor, 'anonymous')
  assert.deepEqual(receipt.precedent_refs?.slice(0, 3), ['identity:unknown:none:-', 'claimed:gamma', 'block-reason:host_blocked'])
  assert.equal(sumOf(await fleet.companion.metrics(), 'chaperone_identity_mismatch_total', 'source="none"'), 1)
})

test('unmatched: deny refuses a stranger on every surface with one receipt and no connection; its agents pass', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const fleet = await startFleet(t, `identity: {unmatched: deny}\n${AGENTS}`)
  for (const [transport, send] of Object.entries({ forward: ask, fetch: askFetch, connect: askConnect })) {
    const before = await fleet.companion.exchangeReceipts()
    assert.equal(await send(fleet, fleet.url(ONE), STRANGER), 'identity_unresolved')
    const [receipt, ...more] = (await fleet.companion.exchangeReceipts()).slice(before.length)
    assert.deepEqual([receipt?.actor, receipt?.verdict, receipt?.layer, receipt?.pattern, receipt?.transport], ['anonymous', 'block', 'identify', 'identity_unresolved', transport])
    assert.deepEqual(more, [])
  }
  assert.equal((await throughProxy(fleet.companion.port, fleet.url(ONE), { from: STRANGER })).status, 403)
  assert.equal(fleet.origin.connections(), 0)
  const unresolvedSoFar = (): Record<string, unknown>[] => fleet.companion.events().filter(({ event }) => event === 'identity_unresolved')
  await waitFor(() => unresolvedSoFar().length >= 4)
  const unresolved = unresolvedSoFar()
  assert.deepEqual(unresolved.map((event) => [event['address'], event['reason']]), Array.from({ length: 4 }, () => [STRANGER, 'identity_unresolved']))
  assert.equal(await ask(fleet, fleet.url(ONE), ALPHA), '200')
  assert.equal(fleet.origin.connections(), 1)
})

test('an operator default names every caller that nothing else does', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const fleet = await startFleet(t, `default_agent_identity: beta\n${AGENTS}`)
  assert.equal(await ask(fleet, fleet.url(TWO), STRANGER), 'host_not_allowed')
  assert.equal(await ask(fleet, fleet.url(TWO), GAMMA), '200')
  const [receipt] = await fleet.companion.exchangeReceipts()
  assert.deepEqual([receipt?.actor, receipt?.precedent_refs?.[0]], [`${SPIFFE}beta`, 'identity:config-default:operator-default:-'])
})

test('a listener of its own gives its profile; where the address says another, the caller is refused', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const fleet = await startFleet(t, `${AGENTS}  delta: {listeners: ["127.0.2.1:0"], source_cidrs: [127.0.1.4/32], blocklist: [${ONE}]}\n`)
  const own = fleet.companion.companion.listeners.find(({ host }) => host === '127.0.2.1')
  assert.ok(own)
  const askOwn = async (from: string): Promise<string> => {
    const { status, headers } = await throughProxy(own.port, fleet.url(ONE), { from, listener: own.host })
    return reasonOr(headers['x-pipelock-block-reason'], status)
  }
  assert.deepEqual([await askOwn(STRANGER), await askOwn('127.0.1.4'), await askOwn(ALPHA)], ['host_blocked', 'host_blocked', 'identity_conflict'])
  assert.deepEqual([await ask(fleet, fleet.url(ONE), ALPHA), await ask(fleet, fleet.url(ONE), '127.0.1.4')], ['200', 'host_blocked'])

  const refusals = (await fleet.companion.exchangeReceipts()).filter(({ verdict }) => verdict === 'block')
  assert.deepEqual(refusals.map(({ actor, precedent_refs = [] }) => [actor, precedent_refs[0]]), [
    [`${SPIFFE}delta`, 'identity:bound:listener:127.0.2.1:0'],
    [`${SPIFFE}delta`, 'identity:bound:listener:127.0.2.1:0'],
    ['anonymous', 'identity:unknown:none:-'],
    [`${SPIFFE}delta`, 'identity:bound:cidr:127.0.1.4/32'],
  ])
  const conflicts = fleet.companion.events().filter(({ event, reason }) => event === 'identity_unresolved' && reason === 'identity_conflict')
  assert.deepEqual(conflicts.map(({ address, listener }) => [address, listener]), [[ALPHA, '127.0.2.1:0']])
})

test('ten thousand claimed names make no new series, and the log and the chain stay small', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const fleet = await startFleet(t)
  const request = (n: number): string => `GET ${fleet.url(TWO)} HTTP/1.1\r\nHost: x.test\r\nX-Pipelock-Agent: name-${n}\r\n\r\n`
  const flood = async (from: number, count: number): Promise<void> => {
    const pipelined = Array.from({ length: count }, (_, n) => request(from + n)).join('')
    const { text } = await sendRaw(fleet.companion.port, `${pipelined}GET ${fleet.url(TWO)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, { from: ALPHA, waitMs: 30_000 })
    assert.equal(text.match(/^HTTP\/1\.1 403 /gm)?.length, count + 1)
  }
  await flood(0, 1)
  const before = await fleet.companion.metrics()
  // A connection may have 32 requests open.
  const floods = async (worker: number): Promise<void> => {
    for (let n = 0; n < 40; n++) await flood(1 + worker * 1000 + n * 25, 25)
  }
  await Promise.all(Array.from({ length: 10 }, (_, worker) => floods(worker)))
  const after = await fleet.companion.metrics()
  assert.deepEqual(seriesNames(after), seriesNames(before))
  assert.equal(sumOf(after, 'chaperone_requests_total', 'agent="alpha"'), 10_402)
  assert.doesNotMatch(after, /name-/)
})

test('sixty profiles at once keep their names, rules and rates apart', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const numbers = Array.from({ length: 60 }, (_, n) => n + 1)
  const agents = numbers.map((n) => `  a${n}: {source_cidrs: [127.0.3.${n}/32], rate_limit: {max_requests_per_minute: ${1 + (n % 3)}}}\n`).join('')
  const fleet = await startFleet(t, `agents:\n${agents}`)
  const outcomes = await Promise.all(numbers.map((n) => Promise.all(Array.from({ length: 4 }, () => ask(fleet, fleet.url(ONE), `127.0.3.${n}`)))))
  for (const [at, outcome] of outcomes.entries()) assert.equal(outcome.filter((each) => each === '200').length, 1 + ((at + 1) % 3), `a${at + 1}`)

  const outcomeReceipts = (await fleet.companion.exchangeReceipts()).filter(({ decision_phase }) => decision_phase === 'outcome')
  for (const n of numbers) {
    const own = outcomeReceipts.filter(({ actor }) => actor === `${SPIFFE}a${n}`)
    assert.equal(own.length, 1 + (n % 3))
    for (const { precedent_refs } of own) assert.equal(precedent_refs?.[0], `identity:bound:cidr:127.0.3.${n}/32`)
  }
  assert.equal(outcomeReceipts.length, fleet.origin.seen.length)
})
