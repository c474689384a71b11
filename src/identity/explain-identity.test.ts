/** The explanation: what each step says, and that it never disagrees with the resolver. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { connectionFrom, identityRules, type RulesInWords } from '../../test/support/identity-rules.ts'
import { createIdentityResolver, explainIdentity } from './index.ts'

const RULES: RulesInWords = {
  listeners: { '127.0.0.1:8890': 'a' },
  networks: { '10.0.0.0/8': 'wide', '10.42.0.0/16': 'b', '10.42.3.0/24': 'a', 'fd00::/8': 'c' },
  operatorDefault: 'op',
}

function explain(words: RulesInWords, address: string, listener?: string) {
  return explainIdentity(identityRules(words), address, listener)
}

const effects = (explanation: ReturnType<typeof explain>) => explanation.steps.map(({ source, effect }) => `${source}: ${effect}`)

test('the network that decides is named, and so are all that contain the address', () => {
  const explanation = explain(RULES, '::ffff:10.42.3.7')
  assert.equal(explanation.address, '10.42.3.7')
  assert.deepEqual(effects(explanation), ['listener: no match', 'cidr: decides', 'operator-default: not reached', 'unmatched: not reached'])
  assert.deepEqual(explanation.steps[1], { source: 'cidr', effect: 'decides', profile: 'a', rule: '10.42.3.0/24' })
  assert.deepEqual(explanation.networks, [
    { network: '10.42.3.0/24', profile: 'a' },
    { network: '10.42.0.0/16', profile: 'b' },
    { network: '10.0.0.0/8', profile: 'wide' },
  ])
  assert.equal(explanation.result.agent.profile, 'a')
})

test('a listener decides, and a network agrees or conflicts with it', () => {
  const agreed = explain(RULES, '10.42.3.7', '127.0.0.1:8890')
  assert.deepEqual(effects(agreed).slice(0, 2), ['listener: decides', 'cidr: agrees'])
  const conflicting = explain(RULES, '10.42.9.7', '127.0.0.1:8890')
  assert.deepEqual(effects(conflicting), ['listener: conflicts', 'cidr: conflicts', 'operator-default: not reached', 'unmatched: not reached'])
  assert.equal(conflicting.result.denial?.reason, 'identity_conflict')
  assert.deepEqual(effects(explain(RULES, '10.42.9.7', 'elsewhere:1')).slice(0, 2), ['listener: no match', 'cidr: decides'])
})

test('what nothing matches falls to the operator default, or to what is said of the unmatched', () => {
  assert.deepEqual(effects(explain(RULES, '192.0.2.1')).slice(2), ['operator-default: decides', 'unmatched: not reached'])
  const open = explain({ networks: { '10.0.0.0/8': 'a' } }, '192.0.2.1')
  assert.deepEqual(open.steps.at(-1), { source: 'unmatched', effect: 'decides', rule: 'default' })
  assert.equal(open.result.agent.profile, '_default')
  const closed = explain({ networks: { '10.0.0.0/8': 'a' }, unmatched: 'deny' }, '192.0.2.1')
  assert.deepEqual(closed.steps.at(-1), { source: 'unmatched', effect: 'decides', rule: 'deny' })
  assert.equal(closed.result.denial?.reason, 'identity_unresolved')
})

test('an address of a trusted proxy is shown to be one', () => {
  const words: RulesInWords = { ...RULES, trustedProxies: ['10.42.3.0/28'], forwarded: 'x-forwarded-for' }
  assert.equal(explain(words, '10.42.3.7').trustedProxy, '10.42.3.0/28')
  assert.equal(explain(words, '10.42.3.7').forwarded, 'x-forwarded-for')
  assert.equal('trustedProxy' in explain(words, '10.42.3.99'), false)
  assert.equal('trustedProxy' in explain({ ...words, forwarded: 'none' }, '10.42.3.7'), false)
})

test('without a readable address no step decides where the address matters', () => {
  const explanation = explain(RULES, 'pod-7', '127.0.0.1:8890')
  assert.equal(explanation.address, undefined)
  assert.deepEqual(explanation.networks, [])
  assert.deepEqual(effects(explanation), ['listener: not reached', 'cidr: no match', 'operator-default: not reached', 'unmatched: not reached'])
  assert.equal(explanation.result.denial?.reason, 'identity_unresolved')
  assert.deepEqual(effects(explain({ listeners: { 'x:1': 'a' } }, '', 'x:1'))[0], 'listener: decides')
})

test('the explanation is what the resolver answers', () => {
  const profile = fc.constantFrom('a', 'b', '_default')
  const cidr = fc.constantFrom('0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.1.1/32', 'fd00::/8', '::/0')
  const words = fc.record(
    { listeners: fc.dictionary(fc.constantFrom('x:1', 'y:1'), profile), networks: fc.dictionary(cidr, profile), operatorDefault: profile, unmatched: fc.constantFrom('default', 'deny') },
    { requiredKeys: [] },
  )
  const address = fc.constantFrom('10.1.1.1', '10.1.1.2', '::ffff:10.9.9.9', '192.0.2.1', 'fd00::1', '2001:db8::1', '')
  fc.assert(
    fc.property(words, address, fc.constantFrom('x:1', 'y:1', 'z:1'), (given, peer, listener) => {
      const rules = identityRules(given)
      const explanation = explainIdentity(rules, peer, listener)
      assert.deepEqual(explanation.result, createIdentityResolver(rules).resolve(connectionFrom(peer, { listener }), []))
      const deciding = explanation.steps.filter(({ effect }) => effect === 'decides')
      const isBlindOrConflict = explanation.result.denial !== undefined && deciding.length === 0
      assert.ok(isBlindOrConflict || deciding.length === 1)
      if (explanation.result.denial === undefined) assert.equal(deciding[0]?.profile ?? '_default', explanation.result.agent.profile)
    }),
    { numRuns: 500 },
  )
})
