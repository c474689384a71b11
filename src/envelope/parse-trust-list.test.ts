/** The trust list as configured: what loads, and every fault by its dotted path, without its value. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { newSigner, trustOf } from '../../test/support/envelope-rig.ts'
import { parseTrustList } from './parse-trust-list.ts'
import { parseSpiffeId } from './spiffe-id.ts'
import { checkActor, checkTarget } from './trust-list.ts'

const HEX = newSigner().publicKeyHex
const GOOD = { key_id: 'k1', public_key: HEX, trust_domains: ['a.example'] }

function faultsOf(...entries: readonly unknown[]): string[] {
  const result = parseTrustList(entries, 'inbound.trust_list')
  return 'problems' in result ? result.problems.map(({ path, message }) => `${path}: ${message}`) : []
}

test('a whole entry loads, with its times in milliseconds', () => {
  const list = trustOf({
    ...GOOD, receipt_keys: [newSigner().publicKeyHex], actors: ['spiffe://a.example/agent/*', 'spiffe://a.example/one'], methods: ['POST'], paths: ['/a2a/*', '/exact'],
    not_before: '2026-01-01T00:00:00Z', not_after: '2027-01-01T00:00:00.5+01:00', revoked: true, dialect: 'chaperone',
  })
  const key = list.get('k1')
  assert.ok(key !== undefined)
  assert.deepEqual([key.notBeforeMs, key.notAfterMs, key.revoked, key.dialect, key.publicKeyHex], [1767225600000, 1798758000500, true, 'chaperone', HEX])
  assert.deepEqual([[...key.trustDomains], key.actors?.length, [...key.methods ?? []], key.paths, key.receiptKeys.length], [['a.example'], 2, ['POST'], ['/a2a/*', '/exact'], 1])
})

test('what is left out allows all of the domain, every method and path, and is the published dialect', () => {
  const key = trustOf(GOOD).get('k1')
  assert.deepEqual([key?.actors, key?.methods, key?.paths, key?.revoked, key?.dialect, key?.notBeforeMs], [undefined, undefined, undefined, false, 'pipelock', undefined])
})

test('a key in the versioned text form is the same key', () => {
  const text = `pipelock-ed25519-public-v1\n${Buffer.from(HEX, 'hex').toString('base64')}\n`
  assert.equal(trustOf({ ...GOOD, public_key: text }).get('k1')?.publicKeyHex, HEX)
  assert.equal(trustOf({ ...GOOD, public_key: HEX.toUpperCase() }).get('k1')?.publicKeyHex, HEX)
})

const FAULTS: readonly (readonly [entry: unknown, ...paths: string[]])[] = [
  ['text', '[0]', '[0].trust_domains', '[0].public_key', '[0].key_id'],
  [{ ...GOOD, surprise: 1 }, '[0].surprise'],
  [{ ...GOOD, key_id: '' }, '[0].key_id'],
  [{ ...GOOD, key_id: 'a b' }, '[0].key_id'],
  [{ ...GOOD, public_key: 'abc' }, '[0].public_key'],
  [{ ...GOOD, public_key: `${HEX}00` }, '[0].public_key'],
  [{ ...GOOD, public_key: '00'.repeat(32) }, '[0].public_key'],
  [{ ...GOOD, public_key: `01${'00'.repeat(30)}80` }, '[0].public_key'],
  [{ ...GOOD, receipt_keys: 'x' }, '[0].receipt_keys'],
  [{ ...GOOD, receipt_keys: [HEX, 'x'] }, '[0].receipt_keys[1]'],
  [{ ...GOOD, trust_domains: [] }, '[0].trust_domains'],
  [{ key_id: 'k', public_key: HEX }, '[0].trust_domains'],
  [{ ...GOOD, trust_domains: ['A.example'] }, '[0].trust_domains[0]'],
  [{ ...GOOD, trust_domains: ['10.0.0.1'] }, '[0].trust_domains[0]'],
  [{ ...GOOD, actors: 'all' }, '[0].actors'],
  [{ ...GOOD, actors: ['spiffe://a.example/x', 'spiffe://b.example/x'] }, '[0].actors[1]'],
  [{ ...GOOD, actors: ['spiffe://a.example/*/x'] }, '[0].actors[0]'],
  [{ ...GOOD, methods: ['PO ST'] }, '[0].methods[0]'],
  [{ ...GOOD, paths: ['a2a'] }, '[0].paths[0]'],
  [{ ...GOOD, paths: ['/a*'] }, '[0].paths[0]'],
  [{ ...GOOD, paths: ['/a?x'] }, '[0].paths[0]'],
  [{ ...GOOD, not_before: 'yesterday' }, '[0].not_before'],
  [{ ...GOOD, not_after: '2026-13-01T00:00:00Z' }, '[0].not_after'],
  [{ ...GOOD, not_before: '2026-01-02T00:00:00Z', not_after: '2026-01-01T00:00:00Z' }, '[0].not_after'],
  [{ ...GOOD, revoked: 'no' }, '[0].revoked'],
  [{ ...GOOD, dialect: 'both' }, '[0].dialect'],
]

for (const [entry, ...paths] of FAULTS) {
  test(`a fault is told by its path: ${paths.join(' ')} of ${JSON.stringify(entry).slice(0, 60)}`, () => {
    const faults = faultsOf(entry)
    assert.deepEqual(faults.map((fault) => fault.replace(/: .*/, '').replace('inbound.trust_list', '')), paths)
    for (const fault of faults) assert.match(fault, /^inbound\.trust_list\[0\][^:]*: expected /)
  })
}

test('a list has an entry at least, and two entries share neither id nor key', () => {
  assert.deepEqual(faultsOf(), ['inbound.trust_list: expected a list of 1 to 10000 keys'])
  assert.deepEqual(faultsOf(GOOD, { ...GOOD, public_key: newSigner().publicKeyHex }), ['inbound.trust_list[1].key_id: expected an id that no other key of the list has'])
  assert.deepEqual(faultsOf(GOOD, { ...GOOD, key_id: 'k2' }), ['inbound.trust_list[1].public_key: expected a key that stands once in the list'])
  assert.deepEqual(faultsOf(GOOD, { ...GOOD, key_id: 'k2', public_key: newSigner().publicKeyHex }), [])
})

test('an empty list of actors, methods or paths allows none', () => {
  const key = trustOf({ ...GOOD, actors: [], methods: [], paths: [] }).get('k1')!
  assert.equal(checkActor(key, parseSpiffeId('spiffe://a.example/x'))?.reason, 'actor_not_allowed')
  assert.equal(checkTarget({ ...key, paths: ['/x'] }, 'GET', '/x')?.reason, 'path_not_allowed')
})

test('a path is matched by whole segments, and not at all where it can be read in two ways', () => {
  const key = trustOf({ ...GOOD, paths: ['/a2a/*', '/exact'] }).get('k1')!
  const passes = (target: string): boolean => checkTarget(key, 'GET', target) === undefined
  for (const target of ['/a2a/', '/a2a/x/y', '/a2a/x?../..', '/exact', '/exact?q', '/a2a/.x', '/a2a/x..y']) assert.ok(passes(target), target)
  for (const target of ['/a2a', '/a2ab', '/exact/', '/exactly', '/a2a/../admin', '/a2a/%2E%2e/admin', '/a2a/.%2e', '/a2a/./x', '/a2a//x', '/a2a/x%2f..', '/a2a/x%5c..', '/a2a\\x', '/a2a/x;y', '//a2a/x']) assert.ok(!passes(target), target)
})
