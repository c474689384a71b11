/** Claimed names: what is recorded of them, and when they contradict the identity. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { checkClaims } from './index.ts'

const PROFILES = new Set(['_default', 'team_a', 'billing', 'malformed'])
const check = (...claimed: string[]) => checkClaims(claimed, 'billing', PROFILES)

const MALFORMED = { name: 'malformed', wellFormed: false, mismatch: false }

test('the name of another profile is a mismatch; the own name and an unknown one are not', () => {
  assert.deepEqual(check('team_a'), [{ name: 'team_a', wellFormed: true, mismatch: true }])
  assert.deepEqual(check('_default'), [{ name: '_default', wellFormed: true, mismatch: true }])
  assert.deepEqual(check('billing'), [{ name: 'billing', wellFormed: true, mismatch: false }])
  assert.deepEqual(check('somebody'), [{ name: 'somebody', wellFormed: true, mismatch: false }])
  assert.deepEqual(check('anonymous'), [{ name: 'anonymous', wellFormed: true, mismatch: false }])
  assert.deepEqual(check(), [])
})

test('a claim outside the alphabet is recorded as one fixed word, and is nobody', () => {
  const claims = ['', ' team_a', 'team_a ', 'team/a', 'team a', 'team_a\r\nX: y', 'team_а', 'team＿a', 'a,b', 'x'.repeat(65), 'team_a\0', 'ünï']
  for (const claim of claims) assert.deepEqual(check(claim), [MALFORMED], JSON.stringify(claim))
  assert.deepEqual(check('x'.repeat(64)), [{ name: 'x'.repeat(64), wellFormed: true, mismatch: false }])
})

test('names are compared as they are, case included', () => {
  assert.equal(check('Team_A')[0]?.mismatch, false)
  assert.equal(check('team-a')[0]?.mismatch, false)
})

test('a profile called malformed is told apart from a malformed claim', () => {
  assert.deepEqual(check('malformed', 'a b'), [{ name: 'malformed', wellFormed: true, mismatch: true }, MALFORMED])
})

test('a claim made twice is recorded once', () => {
  assert.equal(check('somebody', 'somebody', 'a b', 'a  b').length, 2)
})

test('a mismatch is found and recorded however many claims stand before it', () => {
  const many = Array.from({ length: 1_000 }, (_, n) => `name-${n}`)
  const claims = check(...many, 'a b', 'team_a')
  assert.equal(claims.length, 8)
  assert.deepEqual(claims.slice(0, 2), [{ name: 'team_a', wellFormed: true, mismatch: true }, MALFORMED])
})

test('no claim brings anything but short plain names into the record', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom(...PROFILES))), (claimed) => {
      const claims = check(...claimed)
      assert.ok(claims.length <= 8)
      for (const { name } of claims) assert.match(name, /^[A-Za-z0-9._-]{1,64}$/)
      assert.equal(claims.some(({ mismatch }) => mismatch), claimed.some((name) => name !== 'billing' && PROFILES.has(name)))
    }),
  )
})
