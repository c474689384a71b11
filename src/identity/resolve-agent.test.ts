/** Who a caller is: order of evidence, both address families, proxies, and what a reload leaves alone. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { connectionFrom, identityRules, type RulesInWords } from '../../test/support/identity-rules.ts'
import { ipv4FromNumber } from '../base/ip-address.ts'
import { networkContains } from '../base/network.ts'
import type { Connection } from '../model/agent.ts'
import { createIdentityResolver } from './index.ts'

function resolve(words: RulesInWords, connection: Connection, headers: readonly string[] = []) {
  return createIdentityResolver(identityRules(words)).resolve(connection, headers)
}

/** The profile that is named, or the reason of the refusal. */
function outcome(words: RulesInWords, connection: Connection, headers: readonly string[] = []): string {
  const { agent, denial } = resolve(words, connection, headers)
  return denial?.reason ?? agent.profile
}

const UNKNOWN = { profile: '_default', grade: 'unknown', source: 'none', rule: '-' }

test('a listener names its profile, whatever the address', () => {
  const listeners = { '127.0.0.1:8890': 'a' }
  const { agent, denial } = resolve({ listeners }, connectionFrom('192.0.2.1', { listener: '127.0.0.1:8890' }))
  assert.equal(denial, undefined)
  assert.deepEqual(agent, { profile: 'a', grade: 'bound', source: 'listener', rule: '127.0.0.1:8890', address: '192.0.2.1' })
  assert.equal(outcome({ listeners }, connectionFrom('192.0.2.1')), '_default')
})

test('a source network names its profile, and the rule says which one it was', () => {
  const networks = { '10.0.0.0/8': 'wide', '10.42.3.0/24': 'a', 'fd00:42::/32': 'b' }
  const { agent } = resolve({ networks }, connectionFrom('10.42.3.7'))
  assert.deepEqual(agent, { profile: 'a', grade: 'bound', source: 'cidr', rule: '10.42.3.0/24', address: '10.42.3.7' })
  assert.equal(outcome({ networks }, connectionFrom('10.42.4.7')), 'wide')
  assert.equal(outcome({ networks }, connectionFrom('fd00:42::7')), 'b')
})

test('the order is listener, source network, operator default, the default profile', () => {
  const words = { listeners: { 'x:1': 'a' }, networks: { '10.0.0.0/8': 'a', '172.16.0.0/12': 'b' }, operatorDefault: 'op' }
  const at = (peer: string, listener: string) => resolve(words, connectionFrom(peer, { listener })).agent
  assert.equal(at('10.1.1.1', 'x:1').source, 'listener')
  assert.equal(at('10.1.1.1', 'y:1').source, 'cidr')
  assert.deepEqual(at('192.0.2.1', 'y:1'), { profile: 'op', grade: 'config-default', source: 'operator-default', rule: '-', address: '192.0.2.1' })
  assert.deepEqual(resolve({}, connectionFrom('192.0.2.1')).agent, { ...UNKNOWN, address: '192.0.2.1' })
})

test('a listener and a source network that name two profiles refuse the caller', () => {
  const words = { listeners: { 'x:1': 'a' }, networks: { '10.0.0.0/8': 'b', '172.16.0.0/12': 'a', '0.0.0.0/0': '_default' } }
  const { agent, denial } = resolve(words, connectionFrom('10.1.1.1', { listener: 'x:1' }))
  assert.equal(denial?.reason, 'identity_conflict')
  assert.match(denial.detail, /x:1 .* a.* 10\.0\.0\.0\/8 .* b/)
  assert.deepEqual(agent, { ...UNKNOWN, address: '10.1.1.1' })
  assert.equal(outcome(words, connectionFrom('172.16.0.1', { listener: 'x:1' })), 'a')
  // The default profile is a profile like any other when a network names it.
  assert.equal(outcome(words, connectionFrom('192.0.2.1', { listener: 'x:1' })), 'identity_conflict')
  assert.equal(outcome(words, connectionFrom('192.0.2.1')), '_default')
})

test('where unmatched callers are denied, only a matching rule lets one in', () => {
  const words: RulesInWords = { networks: { '10.0.0.0/8': 'a', '172.16.0.0/12': '_default' }, unmatched: 'deny' }
  const { agent, denial } = resolve(words, connectionFrom('192.0.2.1'))
  assert.equal(denial?.reason, 'identity_unresolved')
  assert.deepEqual(agent, { ...UNKNOWN, address: '192.0.2.1' })
  assert.equal(outcome(words, connectionFrom('10.0.0.1')), 'a')
  assert.equal(outcome(words, connectionFrom('172.16.0.1')), '_default')
  assert.equal(outcome({ ...words, operatorDefault: 'op' }, connectionFrom('192.0.2.1')), 'op')
})

test('networks and addresses meet in the family they belong to', () => {
  const rows: [cidr: string, peer: string, matched: boolean][] = [
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:a01:203', true],
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:11.1.2.3', false],
    ['::/0', '10.1.2.3', false],
    ['::/0', '::ffff:10.1.2.3', false],
    ['::/0', '::1', true],
    ['0.0.0.0/0', '::1', false],
    ['0.0.0.0/0', '::ffff:10.1.2.3', true],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['fe80::/10', 'fe80::1', true],
    ['fe80::/10', 'fec0::1%eth0', false],
    ['::ffff:0:0:0/96', '10.1.2.3', false],
  ]
  for (const [cidr, peer, matched] of rows) {
    assert.equal(outcome({ networks: { [cidr]: 'a' } }, connectionFrom(peer)), matched ? 'a' : '_default', `${cidr} ${peer}`)
  }
})

test('the address of the agent is canonical, without a zone', () => {
  const addressOf = (peer: string) => resolve({}, connectionFrom(peer)).agent.address
  assert.equal(addressOf('::ffff:10.1.2.3'), '10.1.2.3')
  assert.equal(addressOf('FE80:0::1%eth0'), 'fe80::1')
})

test('a caller without a readable address is refused as soon as the address matters', () => {
  for (const peer of ['', 'not an address', '/run/agent.sock', '10.0.0.1:80']) {
    const { agent, denial } = resolve({ networks: { '10.0.0.0/8': 'a' }, operatorDefault: 'op' }, connectionFrom(peer))
    assert.equal(denial?.reason, 'identity_unresolved', peer)
    assert.deepEqual(agent, { ...UNKNOWN, address: '-' })
  }
  const gone = connectionFrom('', { listener: 'x:1' })
  const listeners = { 'x:1': 'a' }
  assert.equal(outcome({ listeners, networks: { '10.0.0.0/8': 'a' } }, gone), 'identity_unresolved')
  assert.equal(outcome({ listeners, trustedProxies: ['10.0.0.0/8'], forwarded: 'forwarded' }, gone), 'identity_unresolved')
  assert.equal(outcome({ listeners }, gone), 'a')
  assert.equal(outcome({ operatorDefault: 'op' }, gone), 'op')
  assert.equal(outcome({ unmatched: 'deny' }, gone), 'identity_unresolved')
})

/** Everything a caller might send to be taken for profile `b`. */
const SPOOFS: Record<string, readonly string[]> = {
  'identity header': ['X-Pipelock-Agent', 'b'],
  'two identity headers': ['X-Pipelock-Agent', 'a', 'X-Pipelock-Agent', 'b'],
  'X-Forwarded-For': ['X-Forwarded-For', '10.2.0.1'],
  Forwarded: ['Forwarded', 'for=10.2.0.1'],
  'X-Real-IP': ['X-Real-IP', '10.2.0.1'],
  'True-Client-IP': ['True-Client-IP', '10.2.0.1'],
  'X-Forwarded-Host': ['X-Forwarded-Host', 'b'],
  Via: ['Via', '1.1 b'],
  'mediation envelope': ['Pipelock-Mediation', 'v=1, act="b"'],
  'reserved name': ['X-Pipelock-Agent', '_default'],
  'anonymous name': ['X-Pipelock-Agent', 'anonymous'],
}

test('no header that a caller sends changes who it is', () => {
  const networks = { '10.1.0.0/16': 'a', '10.2.0.0/16': 'b' }
  const modes: RulesInWords[] = [
    { networks },
    { networks, trustedProxies: ['192.0.2.0/24'], forwarded: 'x-forwarded-for' },
    { networks, trustedProxies: ['192.0.2.0/24'], forwarded: 'forwarded' },
    { networks, trustedProxies: ['192.0.2.0/24'], forwarded: 'proxy_v2' },
    // Trust without a mode is no trust.
    { networks, trustedProxies: ['10.1.0.0/16'], forwarded: 'none' },
  ]
  for (const words of modes) {
    for (const [name, headers] of Object.entries(SPOOFS)) {
      assert.equal(outcome(words, connectionFrom('10.1.0.1'), headers), 'a', name)
      assert.equal(outcome(words, connectionFrom('10.9.0.1'), headers), '_default', name)
      assert.equal(outcome({ ...words, unmatched: 'deny' }, connectionFrom('10.9.0.1'), headers), 'identity_unresolved', name)
    }
  }
  // The positive control: the same header, from the hop that is trusted with it.
  assert.equal(outcome(modes[1]!, connectionFrom('192.0.2.1'), SPOOFS['X-Forwarded-For']), 'b')
  assert.equal(outcome(modes[2]!, connectionFrom('192.0.2.1'), SPOOFS['Forwarded']), 'b')
})

const BEHIND_PROXY: RulesInWords = {
  networks: { '10.1.0.0/16': 'a', '10.2.0.0/16': 'b' },
  trustedProxies: ['192.0.2.0/24', 'fd00:99::/32'],
  forwarded: 'x-forwarded-for',
}

test('a trusted proxy names its client, request by request on one connection', () => {
  const resolver = createIdentityResolver(identityRules(BEHIND_PROXY))
  const hop = connectionFrom('::ffff:192.0.2.7')
  const profiles = ['10.1.0.1', '10.2.0.1', '10.1.0.2'].map((client) => resolver.resolve(hop, ['x-forwarded-for', client]).agent.profile)
  assert.deepEqual(profiles, ['a', 'b', 'a'])
  const { agent } = resolver.resolve(hop, ['X-Forwarded-For', '10.2.0.1, 10.1.0.1'])
  assert.deepEqual(agent, { profile: 'a', grade: 'bound', source: 'cidr', rule: '10.1.0.0/16 via x-forwarded-for', address: '10.1.0.1' })
})

test('a trusted proxy that does not name its client clearly is refused, under its own address', () => {
  for (const headers of [[], ['X-Forwarded-For', ''], ['X-Forwarded-For', 'unknown'], ['Forwarded', 'for=10.1.0.1']]) {
    const { agent, denial } = resolve({ ...BEHIND_PROXY, operatorDefault: 'op' }, connectionFrom('192.0.2.7'), headers)
    assert.equal(denial?.reason, 'identity_unresolved')
    assert.deepEqual(agent, { ...UNKNOWN, address: '192.0.2.7' })
    assert.doesNotMatch(denial.detail, /10\.1|unknown\b/)
  }
})

test('a client behind a trusted proxy meets the same rules as one that calls directly', () => {
  const hop = connectionFrom('192.0.2.7', { listener: 'x:1' })
  const words = { ...BEHIND_PROXY, listeners: { 'x:1': 'a' } }
  assert.equal(outcome(words, hop, ['X-Forwarded-For', '10.2.0.1']), 'identity_conflict')
  assert.equal(outcome(words, hop, ['X-Forwarded-For', '10.1.0.1']), 'a')
  const unmatched = resolve(BEHIND_PROXY, connectionFrom('192.0.2.7'), ['X-Forwarded-For', '198.51.100.1'])
  assert.deepEqual(unmatched.agent, { ...UNKNOWN, rule: '- via x-forwarded-for', address: '198.51.100.1' })
  assert.equal(outcome({ ...BEHIND_PROXY, unmatched: 'deny' }, connectionFrom('192.0.2.7'), ['X-Forwarded-For', '198.51.100.1']), 'identity_unresolved')
})

test('a PROXY header decides, once for the connection, and headers are not read beside it', () => {
  const words: RulesInWords = { ...BEHIND_PROXY, forwarded: 'proxy_v2' }
  const { agent } = resolve(words, connectionFrom('192.0.2.7', { proxied: '10.1.0.1' }), ['X-Forwarded-For', '10.2.0.1'])
  assert.deepEqual(agent, { profile: 'a', grade: 'bound', source: 'cidr', rule: '10.1.0.0/16 via proxy_v2', address: '10.1.0.1' })
  const unresolved = resolve({ ...words, listeners: { '127.0.0.1:8888': 'a' } }, connectionFrom('192.0.2.7', { proxied: 'unresolved' }))
  assert.equal(unresolved.denial?.reason, 'identity_unresolved')
  assert.equal(unresolved.agent.address, '192.0.2.7')
  assert.equal(outcome(words, connectionFrom('192.0.2.7')), 'identity_unresolved', 'a trusted proxy without a header')
  assert.equal(outcome(words, connectionFrom('10.2.0.1')), 'b', 'a caller that is no proxy')
})

test('a PROXY header is expected of trusted proxies alone, and only in its mode', () => {
  const resolver = createIdentityResolver(identityRules({ ...BEHIND_PROXY, forwarded: 'proxy_v2' }))
  const expected = { '192.0.2.7': true, '::ffff:192.0.2.7': true, 'fd00:99::1': true, '10.1.0.1': false, '': false, nonsense: false }
  for (const [peer, isExpected] of Object.entries(expected)) assert.equal(resolver.expectsProxyHeader(peer), isExpected, peer)
  resolver.setRules(identityRules(BEHIND_PROXY))
  assert.equal(resolver.expectsProxyHeader('192.0.2.7'), false)
})

test('a reload leaves the profile of a known connection alone and decides about new ones', () => {
  const resolver = createIdentityResolver(identityRules({ networks: { '10.1.0.0/16': 'a' } }))
  const known = connectionFrom('10.1.0.1')
  const before = resolver.resolve(known, [])
  resolver.setRules(identityRules({ networks: { '10.1.0.0/16': 'b' }, unmatched: 'deny' }))
  assert.equal(resolver.resolve(known, []), before)
  assert.equal(resolver.resolve(connectionFrom('10.1.0.1'), []).agent.profile, 'b')
  resolver.setRules(identityRules({ unmatched: 'deny' }))
  assert.equal(resolver.resolve(known, []).agent.profile, 'a')
})

test('a refusal is not fixed: a reload that names the caller lets it in on the same connection', () => {
  const resolver = createIdentityResolver(identityRules({ unmatched: 'deny' }))
  const connection = connectionFrom('10.1.0.1')
  assert.equal(resolver.resolve(connection, []).denial?.reason, 'identity_unresolved')
  resolver.setRules(identityRules({ networks: { '10.1.0.0/16': 'a' }, unmatched: 'deny' }))
  assert.equal(resolver.resolve(connection, []).agent.profile, 'a')
})

test('a reload that makes a peer a forwarding proxy takes effect on its open connections', () => {
  const resolver = createIdentityResolver(identityRules({ networks: { '192.0.2.0/24': 'edge' } }))
  const hop = connectionFrom('192.0.2.7')
  assert.equal(resolver.resolve(hop, ['X-Forwarded-For', '10.1.0.1']).agent.profile, 'edge')
  resolver.setRules(identityRules(BEHIND_PROXY))
  assert.equal(resolver.resolve(hop, ['X-Forwarded-For', '10.1.0.1']).agent.profile, 'a')
  assert.equal(resolver.resolve(hop, []).denial?.reason, 'identity_unresolved')
})

test('a PROXY header keeps its worth when its mode is reloaded away', () => {
  const resolver = createIdentityResolver(identityRules({ ...BEHIND_PROXY, forwarded: 'proxy_v2' }))
  const connection = connectionFrom('192.0.2.7', { proxied: '10.1.0.1' })
  resolver.setRules(identityRules(BEHIND_PROXY))
  assert.equal(resolver.resolve(connection, ['X-Forwarded-For', '10.2.0.1']).agent.profile, 'a')
})

test('through any sequence of reloads a connection keeps the profile it was first given', () => {
  const aPeer = fc.bigInt(0n, 31n).map((low) => ipv4FromNumber(0x0a000000n + low).text)
  const rules = fc
    .dictionary(fc.tuple(fc.nat(31), fc.nat(5)).map(([low, host]) => `10.0.0.${(low >> host) << host}/${32 - host}`), fc.constantFrom('a', 'b', 'c'))
    .map((networks) => identityRules({ networks, unmatched: 'deny' }))
  fc.assert(
    fc.property(fc.array(aPeer, { minLength: 1 }), fc.array(rules, { minLength: 1 }), (peers, reloads) => {
      const resolver = createIdentityResolver(identityRules({ unmatched: 'deny' }))
      const connections = peers.map((peer) => connectionFrom(peer))
      const given = new Map<Connection, string>()
      for (const reload of reloads) {
        resolver.setRules(reload)
        for (const connection of connections) {
          const { agent, denial } = resolver.resolve(connection, [])
          const held = given.get(connection)
          if (held !== undefined) assert.equal(agent.profile, held)
          else if (denial === undefined) given.set(connection, agent.profile)
          else assert.ok(!reload.networks.some(({ network }) => networkContains(network, ipv4FromNumber(lowOf(connection)))))
        }
      }
    }),
  )
})

function lowOf({ peerAddress }: Connection): bigint {
  return 0x0a000000n + BigInt(peerAddress.split('.')[3] ?? '0')
}

test('whatever the headers of a caller that is no trusted proxy, the answer is the same', () => {
  const name = fc.constantFrom('X-Forwarded-For', 'Forwarded', 'X-Pipelock-Agent', 'Via', 'Host')
  const headers = fc.array(fc.tuple(name, fc.string()), { maxLength: 6 }).map((fields) => fields.flat())
  fc.assert(
    fc.property(headers, fc.constantFrom('none', 'x-forwarded-for', 'forwarded', 'proxy_v2'), (given, forwarded) => {
      assert.equal(outcome({ ...BEHIND_PROXY, forwarded }, connectionFrom('10.1.0.1'), given), 'a')
    }),
  )
})
