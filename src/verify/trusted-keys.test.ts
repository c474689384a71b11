/** Trusted keys: their text forms, the ring that admits them, and signatures checked against them. */

import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'

import { KeyRing, parseTrustedKey, TrustedKeyError } from './trusted-keys.ts'

const HEX = '4655a7e605c12ebb00a46037881c33c5bca5eb74b45a02e8e7261a7ff5a21678'

test('a trusted key is hex in either case, or the two-line text', () => {
  for (const text of [HEX, HEX.toUpperCase(), ` ${HEX}\n`, 'pipelock-ed25519-public-v1\nRlWn5gXBLrsApGA3iBwzxbyl63S0WgLo5yYaf/WiFng=\n']) {
    assert.equal(parseTrustedKey(text), HEX)
  }
})

test('anything else is the caller\'s mistake', () => {
  for (const text of ['', HEX.slice(1), `${HEX}00`, 'pipelock-ed25519-public-v1', 'pipelock-ed25519-private-v1\nRlWn5gXBLrsApGA3iBwzxbyl63S0WgLo5yYaf/WiFng=']) {
    assert.throws(() => parseTrustedKey(text), TrustedKeyError)
  }
  assert.throws(() => new KeyRing(['x']), TrustedKeyError)
})

test('a ring admits its keys, and without any every key', () => {
  const pinned = new KeyRing([HEX])
  assert.deepEqual([pinned.isPinned, pinned.admits(HEX), pinned.admits('00'.repeat(32))], [true, true, false])
  const open = new KeyRing([])
  assert.deepEqual([open.isPinned, open.admits(HEX)], [false, true])
})

test('a signature is checked against the key, and a key that is none fails without throwing', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const hex = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex')
  const ring = new KeyRing([])
  const message = Buffer.from('m')
  const signature = sign(null, message, privateKey)
  assert.ok(ring.verifies(hex, message, signature))
  assert.ok(!ring.verifies(hex, Buffer.from('n'), signature))
  assert.ok(!ring.verifies(hex, message, signature.subarray(1)))
  for (const key of ['', 'x', hex.toUpperCase(), 'ff'.repeat(32), '00'.repeat(32)]) assert.ok(!ring.verifies(key, message, signature), key)
})

test('keys of the evidence are not kept without bound', () => {
  const ring = new KeyRing([])
  for (let count = 0; count < 300; count++) ring.verifies(count.toString(16).padStart(64, '0'), Buffer.alloc(1), Buffer.alloc(64))
  assert.ok(!ring.verifies('ab'.repeat(32), Buffer.alloc(1), Buffer.alloc(64)))
})
