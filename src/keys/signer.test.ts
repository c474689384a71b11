/** Signing: both backends give the bytes of RFC 8032, and a missing or broken libsodium is never trusted. */

import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { createRequire } from 'node:module'
import { test } from 'node:test'

import { keyPairFromSeed } from './key-text.ts'
import { createSigner, fingerprintOf, type Sodium } from './signer.ts'

// RFC 8032 §7.1, test 2.
const SEED = Buffer.from('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb', 'hex')
const PUBLIC_HEX = '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'
const SIGNATURE =
  '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'

const sodiumLoads = () => {
  try {
    createRequire(import.meta.url)('sodium-native')
    return true
  } catch {
    return false
  }
}

for (const backend of ['auto', 'node', 'sodium'] as const) {
  test(`the ${backend} backend gives the signature of RFC 8032`, { skip: backend === 'sodium' && !sodiumLoads() && 'sodium-native is not installed' }, () => {
    const signer = createSigner(keyPairFromSeed(SEED), backend)
    assert.equal(signer.publicKeyHex, PUBLIC_HEX)
    assert.equal(signer.sign(Buffer.from('72', 'hex')).toString('hex'), SIGNATURE)
  })
}

test('a signature verifies for its bytes and for no others', () => {
  const pair = keyPairFromSeed(SEED)
  const signature = createSigner(pair).sign(Buffer.from('one'))
  assert.ok(verify(null, Buffer.from('one'), createPublicKey(pair.privateKey), signature))
  assert.ok(!verify(null, Buffer.from('two'), createPublicKey(pair.privateKey), signature))
})

test('the fingerprint is that of the published conformance key', () => {
  const pair = keyPairFromSeed(createHash('sha256').update('pipelock-conformance-test-key-v1').digest())
  const expected = 'sha256:94cb86627c3fbfad1a577517945de5b6b024dd4b814e0ea4ad37428add4b16e3'
  assert.equal(createSigner(pair).fingerprint, expected)
  assert.equal(fingerprintOf(pair.publicKey), expected)
})

test('where libsodium does not load, auto signs by node:crypto and sodium is refused', () => {
  const pair = keyPairFromSeed(SEED)
  const missing = () => undefined
  assert.equal(createSigner(pair, 'auto', missing).sign(Buffer.from('72', 'hex')).toString('hex'), SIGNATURE)
  assert.throws(() => createSigner(pair, 'sodium', missing), { name: 'KeyError', message: /expected sodium-native to be installed/ })
})

test('a libsodium that gives other signatures is not used', () => {
  const pair = keyPairFromSeed(SEED)
  const broken = (): Sodium => ({
    crypto_sign_BYTES: 64,
    crypto_sign_SECRETKEYBYTES: 64,
    sodium_malloc: (bytes) => Buffer.alloc(bytes),
    crypto_sign_detached: (signature) => signature.fill(0),
  })
  assert.equal(createSigner(pair, 'auto', broken).sign(Buffer.from('72', 'hex')).toString('hex'), SIGNATURE)
  assert.throws(() => createSigner(pair, 'sodium', broken), { name: 'KeyError', message: /same signature as node:crypto/ })
})
