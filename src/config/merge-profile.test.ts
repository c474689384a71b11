/** Inheritance as a pure function. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { freezeDeep } from './freeze-deep.ts'
import { mergeProfile, type ProfileFields } from './merge-profile.ts'

const hosts = fc.array(fc.constantFrom('a.example', 'b.example', 'c.example'), { maxLength: 3 })
const patterns = fc.uniqueArray(fc.record({ name: fc.constantFrom('x', 'y', 'z'), regex: fc.constantFrom('a', 'b'), severity: fc.constantFrom('low' as const, 'high' as const) }, { noNullPrototype: true }), { selector: ({ name }) => name })
const fields: fc.Arbitrary<ProfileFields> = fc.record(
  {
    mode: fc.constantFrom('strict' as const, 'balanced' as const, 'audit' as const, undefined),
    enforce: fc.boolean(),
    apiAllowlist: hosts,
    blocklist: hosts,
    includeDefaults: fc.boolean(),
    patterns,
    maxRequestsPerMinute: fc.nat(3),
  },
  { requiredKeys: [], noNullPrototype: true },
)

test('merging twice is merging once', () => {
  fc.assert(fc.property(fields, fields, (base, over) => {
    const once = mergeProfile(base, over)
    assert.deepEqual(mergeProfile(once, over), once)
  }))
})

test('a profile that says nothing is the top level', () => {
  fc.assert(fc.property(fields, (base) => {
    assert.deepEqual(mergeProfile(base, {}), { ...base, patterns: base.patterns ?? [] })
  }))
})

test('the result shares nothing with its inputs, which stay as they were', () => {
  fc.assert(fc.property(fields, fields, (base, over) => {
    const merged = mergeProfile(freezeDeep(base), freezeDeep(over))
    const parts = [merged.apiAllowlist, merged.blocklist, merged.patterns, ...(merged.patterns ?? [])]
    for (const part of parts) if (part !== undefined) assert.ok(!Object.isFrozen(part))
  }))
})

test('what a profile says wins, an empty list, false and 0 included', () => {
  const base: ProfileFields = { enforce: true, apiAllowlist: ['a.example'], maxRequestsPerMinute: 5, mode: 'strict' }
  assert.deepEqual(mergeProfile(base, { enforce: false, apiAllowlist: [], maxRequestsPerMinute: 0 }), { mode: 'strict', enforce: false, apiAllowlist: [], maxRequestsPerMinute: 0, patterns: [] })
})

test('patterns add up, one of the same name replaces in its place', () => {
  const [x, y, other] = [{ name: 'x', regex: 'a', severity: 'high' }, { name: 'y', regex: 'b', severity: 'high' }, { name: 'x', regex: 'c', severity: 'low' }] as const
  assert.deepEqual(mergeProfile({ patterns: [x] }, { patterns: [y, other] }).patterns, [other, y])
  assert.deepEqual(mergeProfile({ patterns: [x] }, { includeDefaults: false, patterns: [y] }).patterns, [y])
})
