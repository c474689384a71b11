/** The text form of keys: what is read, what is refused and why, and that nothing secret is quoted. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import fc from 'fast-check'

import { encodePrivateKey, encodePublicKey, keyPairFromSeed, parsePrivateKey, parsePublicKey } from './key-text.ts'

const CONFORMANCE_SEED = createHash('sha256').update('pipelock-conformance-test-key-v1').digest()
const PUBLIC_HEX = '4655a7e605c12ebb00a46037881c33c5bca5eb74b45a02e8e7261a7ff5a21678'
const PUBLIC_LINE = 'RlWn5gXBLrsApGA3iBwzxbyl63S0WgLo5yYaf/WiFng='
const PRIVATE_LINE = 'yO5lYiAAQgsg/37E55AAa3iD3f04I/+czC/AUMOJvUhGVafmBcEuuwCkYDeIHDPFvKXrdLRaAujnJhp/9aIWeA=='
const PRIVATE_TEXT = `pipelock-ed25519-private-v1\n${PRIVATE_LINE}\n`
const PUBLIC_TEXT = `pipelock-ed25519-public-v1\n${PUBLIC_LINE}\n`

const refused = (read: () => unknown, message: RegExp) => {
  assert.throws(read, { name: 'KeyError', message })
}

test('the conformance key is written as the published files write it', () => {
  const pair = keyPairFromSeed(CONFORMANCE_SEED)
  assert.equal(pair.publicKey.toString('hex'), PUBLIC_HEX)
  assert.equal(encodePrivateKey(pair), PRIVATE_TEXT)
  assert.equal(encodePublicKey(pair.publicKey), PUBLIC_TEXT)
})

test('the conformance key files are read', () => {
  assert.deepEqual(parsePrivateKey(PRIVATE_TEXT, 'k').seed, CONFORMANCE_SEED)
  assert.deepEqual(parsePrivateKey(PRIVATE_TEXT.trimEnd(), 'k').seed, CONFORMANCE_SEED)
  assert.equal(parsePublicKey(PUBLIC_TEXT, 'k'), PUBLIC_HEX)
  assert.equal(parsePublicKey(`${PUBLIC_HEX.toUpperCase()}\n`, 'k'), PUBLIC_HEX)
})

test('every key survives being written and read', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
      const pair = keyPairFromSeed(Buffer.from(seed))
      assert.deepEqual(parsePrivateKey(encodePrivateKey(pair), 'k').seed, Buffer.from(seed))
      assert.equal(parsePublicKey(encodePublicKey(pair.publicKey), 'k'), pair.publicKey.toString('hex'))
    }),
    { numRuns: 20 },
  )
})

test('a private key whose halves do not belong together is refused', () => {
  const other = keyPairFromSeed(Buffer.alloc(32, 7))
  const text = encodePrivateKey({ seed: CONFORMANCE_SEED, publicKey: other.publicKey })
  refused(() => parsePrivateKey(text, '/keys/a'), /^\/keys\/a: expected a public half that belongs to the seed/)
})

test('a file with CRLF line ends is refused with the reason', () => {
  refused(() => parsePrivateKey(PRIVATE_TEXT.replaceAll('\n', '\r\n'), 'k'), /LF, got CR/)
  refused(() => parsePublicKey(PUBLIC_TEXT.replaceAll('\n', '\r\n'), 'k'), /LF, got CR/)
})

test('text that is no key is refused without being quoted', () => {
  refused(() => parsePrivateKey(PUBLIC_TEXT, 'k'), /first line to be pipelock-ed25519-private-v1/)
  refused(() => parsePublicKey(PRIVATE_TEXT, 'k'), /first line to be pipelock-ed25519-public-v1/)
  refused(() => parsePrivateKey(`${PRIVATE_TEXT}more\n`, 'k'), /two lines/)
  refused(() => parsePrivateKey(PRIVATE_TEXT.replace('==', ''), 'k'), /64 bytes in padded base64/)
  refused(() => parsePrivateKey(PRIVATE_TEXT.replaceAll('/', '_'), 'k'), /64 bytes in padded base64/)
  refused(() => parsePrivateKey('pipelock-ed25519-private-v1', 'k'), /64 bytes in padded base64/)
  refused(() => parsePublicKey(PUBLIC_HEX.slice(1), 'k'), /first line/)
  try {
    parsePrivateKey(`pipelock-ed25519-private-v1\n${PRIVATE_LINE}A\n`, 'k')
    assert.fail('read')
  } catch (error) {
    assert.ok(error instanceof Error)
    assert.ok(!error.message.includes(PRIVATE_LINE.slice(0, 8)))
  }
})
