/** The test cases of RFC 9421 Appendix B: every base byte for byte, every signature with its key, and Ed25519 made anew. */

import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, createSecretKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'

import { skipFor } from '../../test/support/missed.ts'
import { readMessage, requestFrom, responseFrom } from '../../test/support/http-text.ts'
import { sharedFolder } from '../../test/support/shared-folder.ts'
import type { AlgorithmName } from './algorithm.ts'
import { componentOf } from './component.ts'
import type { HttpMessage } from './http-message.ts'
import { signMessage, verifySignature } from './message-signature.ts'
import { signatureBase } from './signature-base.ts'
import { parseSignatureFields, signatureOf } from './signature-fields.ts'
import { matchesDigest } from './content-digest.ts'

function vector(t: TestContext, name: string): string | undefined {
  const path = sharedFolder('vectors', 'rfc9421', name)
  if (path === undefined) skipFor(t, 'the vectors of RFC 9421')
  return path === undefined ? undefined : readFileSync(path, 'utf8')
}

/** One of the keys has spaces where its line ends were. */
function publicKeyFrom(pem: string): KeyObject {
  const [, label = '', body = ''] = /-----BEGIN ([A-Z ]+)-----(.*?)-----END/s.exec(pem) ?? []
  return createPublicKey(`-----BEGIN ${label}-----\n${body.trim().split(/\s+/).join('\n')}\n-----END ${label}-----\n`)
}

interface Case {
  readonly name: string
  readonly kind: 'request' | 'response'
  readonly alg: AlgorithmName
  readonly key: string
}

const CASES: readonly Case[] = [
  { name: 'b21', kind: 'request', alg: 'rsa-pss-sha512', key: 'test-key-rsa-pss.pub' },
  { name: 'b22', kind: 'request', alg: 'rsa-pss-sha512', key: 'test-key-rsa-pss.pub' },
  { name: 'b23', kind: 'request', alg: 'rsa-pss-sha512', key: 'test-key-rsa-pss.pub' },
  { name: 'b24', kind: 'response', alg: 'ecdsa-p256-sha256', key: 'test-key-ecc-p256.pub' },
  { name: 'b25', kind: 'request', alg: 'hmac-sha256', key: 'test-shared-secret' },
  { name: 'b26', kind: 'request', alg: 'ed25519', key: 'test-key-ed25519.pub' },
]

for (const { name, kind, alg, key } of CASES) {
  test(`${name}: the base is the published one, the signature verifies, and with one bit changed it does not`, (t) => {
    const [text, base, keyText] = [vector(t, `${name}_${kind}_signed.txt`), vector(t, `${name}_${kind}_sigbase.txt`), vector(t, key)]
    if (text === undefined || base === undefined || keyText === undefined) return
    const message: HttpMessage = kind === 'request' ? requestFrom(text) : responseFrom(text)
    const signed = signatureOf(parseSignatureFields(message.headers), `sig-${name}`)
    assert.ok(signed !== undefined)
    assert.equal(signatureBase(message, signed).toString(), base)
    const verificationKey = { alg, key: alg === 'hmac-sha256' ? createSecretKey(Buffer.from(keyText, 'base64')) : publicKeyFrom(keyText) }
    assert.equal(verifySignature(message, signed, verificationKey)?.toString(), base)
    const changed = Buffer.from(signed.signature)
    changed[0] = (changed[0] ?? 0) ^ 1
    assert.equal(verifySignature(message, { ...signed, signature: changed }, verificationKey), undefined)
  })
}

test('the digests of the messages are those of their bodies', (t) => {
  for (const name of ['rfc-test-request.txt', 'rfc-test-response.txt']) {
    const text = vector(t, name)
    if (text === undefined) return
    const { headers, body } = readMessage(text)
    const digest = headers[headers.indexOf('Content-Digest') + 1] ?? ''
    assert.equal(matchesDigest(digest, Buffer.from(body.trimEnd())), true)
    assert.equal(matchesDigest(digest, Buffer.from(`${body.trimEnd()} `)), false)
  }
})

test('b26: Ed25519 gives the published signature again', (t) => {
  const [text, pem, published] = [vector(t, 'rfc-test-request.txt'), vector(t, 'test-key-ed25519.key'), vector(t, 'b26_request_signed.txt')]
  if (text === undefined || pem === undefined || published === undefined) return
  const privateKey = createPrivateKey(pem)
  const components = ['date', '@method', '@path', '@authority', 'content-type', 'content-length'].map((name) => componentOf(name))
  const { inputMember, signatureMember } = signMessage(requestFrom(text), { label: 'sig-b26', components, params: { created: 1618884473, keyid: 'test-key-ed25519' } }, (base) => sign(null, base, privateKey))
  assert.ok(published.includes(`Signature-Input: ${inputMember}\n`))
  assert.ok(published.includes(`Signature: ${signatureMember}\n`))
})

/** The appendix has no case for these two: signed here, by node:crypto. */
test('rsa-v1_5-sha256 and ecdsa-p384-sha384 verify, and only with the key they were made with', () => {
  const message = requestFrom('GET /a HTTP/1.1\nHost: example.com\n\n')
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const cases = [
    { alg: 'rsa-v1_5-sha256', key: rsa.publicKey, make: (base: Uint8Array) => sign('sha256', base, rsa.privateKey) },
    { alg: 'ecdsa-p384-sha384', key: curve.publicKey, make: (base: Uint8Array) => sign('sha384', base, { key: curve.privateKey, dsaEncoding: 'ieee-p1363' }) },
  ] as const
  for (const { alg, key, make } of cases) {
    const { inputMember, signatureMember } = signMessage(message, { label: 'sig', components: [componentOf('@path')], params: { alg } }, make)
    const signed = signatureOf(parseSignatureFields(['Signature-Input', inputMember, 'Signature', signatureMember]), 'sig')
    assert.ok(signed !== undefined)
    assert.ok(verifySignature(message, signed, { alg, key }) !== undefined)
    assert.equal(verifySignature({ ...message, requestTarget: '/b' }, signed, { alg, key }), undefined)
    // The key's algorithm decides: another key is refused, and so is a message that names another algorithm.
    assert.throws(() => verifySignature(message, signed, { alg, key: p256.publicKey }), { name: 'MessageSignatureError', code: 'key_invalid' })
    assert.throws(() => verifySignature(message, signed, { alg: 'hmac-sha256', key: createSecretKey(Buffer.alloc(32)) }), { code: 'key_invalid' })
  }
})

test('a public key is never taken for an HMAC secret, and a short RSA key for none at all', () => {
  const message = requestFrom('GET /a HTTP/1.1\nHost: example.com\n\n')
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const { inputMember, signatureMember } = signMessage(message, { label: 'sig', components: [], params: {} }, (base) => sign('sha256', base, short.privateKey))
  const signed = signatureOf(parseSignatureFields(['Signature-Input', inputMember, 'Signature', signatureMember]), 'sig')
  assert.ok(signed !== undefined)
  assert.throws(() => verifySignature(message, signed, { alg: 'hmac-sha256', key: short.publicKey }), { code: 'key_invalid' })
  assert.throws(() => verifySignature(message, signed, { alg: 'rsa-v1_5-sha256', key: short.publicKey }), { code: 'key_invalid' })
})
