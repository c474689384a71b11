/** What each key that tells agents apart changes: the profile a caller gets, the actor in its receipts, or what loads at all. */

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { skipFor } from '../support/missed.ts'
import { startOrigin } from '../support/origin.ts'
import { askProxy } from '../support/outcome-of.ts'
import { sendRaw } from '../support/proxy-client.ts'

/** Actor and first reference of the last decision. */
async function lastCaller(companion: TestCompanion): Promise<string> {
  const receipt = (await companion.exchangeReceipts()).findLast(({ decision_phase }) => decision_phase !== 'outcome')
  return `${receipt?.actor ?? ''} ${decodeURIComponent(receipt?.precedent_refs?.[0] ?? '')}`
}

/** Two callers need two addresses of the loopback network. */
function hasLoopbackNetwork(t: TestContext): boolean {
  if (process.platform === 'linux') return true
  skipFor(t, 'a loopback network of more than one address')
  return false
}

test('config default_agent_identity: a caller that nothing names gets the profile, graded config-default', async (t) => {
  const origin = await startOrigin(t)
  const agents = 'agents: {a: {blocklist: [127.0.0.1]}}\n'
  const companion = await startTestCompanion(t, { allowLoopback: true, config: agents })
  assert.equal(await askProxy(companion.port, origin.url), '200')
  assert.match(await lastCaller(companion), /^anonymous /)

  companion.reload(`default_agent_identity: a\n${agents}`)
  assert.equal(await askProxy(companion.port, origin.url), 'host_blocked')
  assert.match(await lastCaller(companion), /^spiffe:\/\/chaperone\.local\/agent\/a identity:config-default:/)
})

test('config trust_domain: the actor of a receipt carries it', async (t) => {
  const origin = await startOrigin(t)
  const named = 'agents: {a: {}}\ndefault_agent_identity: a\n'
  for (const [top, domain] of [['', 'chaperone.local'], ['trust_domain: acme.example\n', 'acme.example']] as const) {
    const companion = await startTestCompanion(t, { allowLoopback: true, config: top + named })
    assert.equal(await askProxy(companion.port, origin.url), '200')
    assert.match(await lastCaller(companion), new RegExp(`^spiffe://${domain}/agent/a `))
    await companion.stop()
  }
})

test('config identity.unmatched: deny refuses a caller that nothing names, and no connection is made for it', async (t) => {
  const origin = await startOrigin(t)
  const agents = 'agents: {a: {source_cidrs: [10.0.0.0/8]}}\n'
  const companion = await startTestCompanion(t, { allowLoopback: true, config: `identity: {unmatched: default}\n${agents}` })
  assert.equal(await askProxy(companion.port, origin.url), '200')
  companion.reload(`identity: {unmatched: deny}\n${agents}`)
  assert.equal(await askProxy(companion.port, origin.url), 'identity_unresolved')
  assert.equal(origin.seen.length, 1)
})

test('config identity.overlap: refuse does not load networks that overlap, most_specific lets the narrower one decide', async (t) => {
  const origin = await startOrigin(t)
  const agents = 'agents: {wide: {source_cidrs: [127.0.0.0/8]}, narrow: {source_cidrs: [127.0.0.0/24], blocklist: [127.0.0.1]}}\n'
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const refused = companion.reload(`identity: {overlap: refuse}\n${agents}`)
  assert.equal(refused.result, 'rejected')
  assert.match(refused.messages.join(), /no overlap between profiles/)
  assert.equal(await askProxy(companion.port, origin.url), '200')

  assert.equal(companion.reload(`identity: {overlap: most_specific}\n${agents}`).result, 'applied')
  assert.equal(await askProxy(companion.port, origin.url), 'host_blocked')
  if (process.platform === 'linux') assert.equal(await askProxy(companion.port, origin.url, { from: '127.0.9.1' }), '200')
})

test('config identity.trusted_proxies: a client named by such a hop gets its profile, named by another it does not', async (t) => {
  if (!hasLoopbackNetwork(t)) return
  const origin = await startOrigin(t)
  const text = (hop: string): string => `identity: {forwarded: x-forwarded-for, trusted_proxies: [${hop}/32]}\nagents: {a: {source_cidrs: [10.1.0.0/16], blocklist: [127.0.0.1]}}\n`
  const companion = await startTestCompanion(t, { allowLoopback: true, config: text('127.0.4.1') })
  const named = { headers: { 'x-forwarded-for': '10.1.0.1' } }
  const ask = async (): Promise<string[]> => [
    await askProxy(companion.port, origin.url, { ...named, from: '127.0.4.1' }),
    await askProxy(companion.port, origin.url, { ...named, from: '127.0.4.2' }),
  ]
  assert.deepEqual(await ask(), ['host_blocked', '200'])
  companion.reload(text('127.0.4.2'))
  assert.deepEqual(await ask(), ['200', 'host_blocked'])
})

test('config identity.forwarded: only the form that is named is read', async (t) => {
  const origin = await startOrigin(t)
  const agents = 'agents: {a: {source_cidrs: [10.1.0.0/16], blocklist: [127.0.0.1]}, b: {source_cidrs: [10.2.0.0/16]}}\n'
  const companion = await startTestCompanion(t, { allowLoopback: true, config: agents })
  const request = `GET ${origin.url}/ HTTP/1.1\r\nHost: x.test\r\nConnection: close\r\nX-Forwarded-For: 10.1.0.1\r\nForwarded: for=10.2.0.1\r\n\r\n`
  const proxyHeader = Buffer.from('0d0a0d0a000d0a515549540a2111000c0a0100017f0000019c4022b8', 'hex')
  const ask = async (...bytes: readonly (string | Buffer)[]): Promise<string> => {
    const { text } = await sendRaw(companion.port, bytes)
    // Bytes that are not HTTP are refused while more of them arrive: the reset may overtake the answer.
    if (text === '' || text.startsWith('HTTP/1.1 400 ')) return 'not served'
    return /x-pipelock-block-reason: (\w+)/i.exec(text)?.[1] ?? text.slice('HTTP/1.1 '.length).slice(0, 3)
  }
  assert.equal(await ask(request), '200')
  assert.match(await lastCaller(companion), /^anonymous /)
  for (const [form, outcome, profile] of [['x-forwarded-for', 'host_blocked', 'a'], ['forwarded', '200', 'b']] as const) {
    companion.reload(`identity: {forwarded: ${form}, trusted_proxies: [127.0.0.1/32]}\n${agents}`)
    assert.equal(await ask(request), outcome, form)
    assert.match(await lastCaller(companion), new RegExp(`/agent/${profile} `), form)
    assert.equal(await ask(proxyHeader, request), 'not served', form)
  }
  companion.reload(`identity: {forwarded: proxy_v2, trusted_proxies: [127.0.0.1/32]}\n${agents}`)
  assert.equal(await ask(proxyHeader, request), 'host_blocked')
  assert.equal(await ask(request), 'not served')
})

test('config identity.allow_host_bits: true loads 127.0.0.7/8 as 127.0.0.0/8, and it matches', async (t) => {
  const origin = await startOrigin(t)
  const agents = 'agents: {a: {source_cidrs: [127.0.0.7/8], blocklist: [127.0.0.1]}}\n'
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const refused = companion.reload(`identity: {allow_host_bits: false}\n${agents}`)
  assert.equal(refused.result, 'rejected')
  assert.match(refused.messages.join(), /no host bits/)
  assert.equal(await askProxy(companion.port, origin.url), '200')
  assert.equal(companion.reload(`identity: {allow_host_bits: true}\n${agents}`).result, 'applied')
  assert.equal(await askProxy(companion.port, origin.url), 'host_blocked')
})

test('config identity.allow_any: true loads 0.0.0.0/0 in a profile, and it matches everyone', async (t) => {
  const origin = await startOrigin(t)
  const agents = 'agents: {a: {source_cidrs: [0.0.0.0/0], blocklist: [127.0.0.1]}}\n'
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const refused = companion.reload(`identity: {allow_any: false}\n${agents}`)
  assert.equal(refused.result, 'rejected')
  assert.match(refused.messages.join(), /smaller than the whole address space/)
  assert.equal(await askProxy(companion.port, origin.url), '200')
  assert.equal(companion.reload(`identity: {allow_any: true}\n${agents}`).result, 'applied')
  assert.equal(await askProxy(companion.port, origin.url), 'host_blocked')
})
