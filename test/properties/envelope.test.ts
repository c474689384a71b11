/** Envelopes under arbitrary input: what is signed verifies, what is changed does not, and nothing throws but its own error. */

import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { test } from 'node:test'

import fc from 'fast-check'

import { componentOf, type Component } from '../../src/envelope/component.ts'
import { isEnvelopeFault } from '../../src/envelope/envelope-reason.ts'
import type { RequestMessage } from '../../src/envelope/http-message.ts'
import { matchesDigest } from '../../src/envelope/content-digest.ts'
import { encodeMediation, parseMediation, type Mediation } from '../../src/envelope/mediation.ts'
import { MessageSignatureError } from '../../src/envelope/message-signature-error.ts'
import { signMessage, verifySignature } from '../../src/envelope/message-signature.ts'
import { parseTrustList } from '../../src/envelope/parse-trust-list.ts'
import { parseSignatureFields, signatureOf } from '../../src/envelope/signature-fields.ts'
import { stripMediation } from '../../src/envelope/strip-mediation.ts'
import { canonicalField, canonicalMember, parseMembers } from '../../src/envelope/structured-field.ts'
import { CaptureError, inspectEnvelope, verifyEnvelope } from '../../src/verify/envelope/index.ts'
import { BODY, createEnvelopeRig, inboundOf, newSigner } from '../support/envelope-rig.ts'

const signer = newSigner()
const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(signer.publicKeyHex, 'hex').toString('base64url') }, format: 'jwk' })

/** Text near the grammar of structured fields, where parsers break. */
const nearField = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 60 }),
  fc.array(fc.constantFrom('a', 'sig', 'pipelock1', '=', '(', ')', '"', '\\', ',', ' ', ';', ':', '?1', '@1', '1.0', '-', '%"', '%0a', '*', '\t', 'AQ==', '"@method"', 'tag="pipelock-mediation"', '\u00e9', '\n'), { maxLength: 25 }).map((parts) => parts.join('')),
)

function ownErrorsOnly(act: () => unknown): void {
  try {
    act()
  } catch (error) {
    assert.ok(error instanceof MessageSignatureError, String(error))
  }
}

test('no text makes a parser throw anything but its own error', () => {
  fc.assert(fc.property(nearField, nearField, (one, two) => {
    const headers = ['Signature-Input', one, 'Signature', two, 'Pipelock-Mediation', one]
    ownErrorsOnly(() => parseMediation(one))
    ownErrorsOnly(() => parseMembers(one))
    ownErrorsOnly(() => matchesDigest(one, BODY))
    for (const type of ['dictionary', 'list', 'item'] as const) ownErrorsOnly(() => canonicalField(one, type))
    ownErrorsOnly(() => canonicalMember(one, 'a'))
    ownErrorsOnly(() => signatureOf(parseSignatureFields(headers), 'sig'))
    stripMediation(headers)
  }), { numRuns: 3000 })
})

test('what is stripped once has nothing left to strip, and no mediation signature', () => {
  fc.assert(fc.property(nearField, nearField, (one, two) => {
    const once = stripMediation(['A', 'x', 'Signature-Input', one, 'Signature', two, 'Pipelock-Mediation', two])
    assert.deepEqual(stripMediation(once), once)
    assert.ok(!once.includes('Pipelock-Mediation'))
  }), { numRuns: 1000 })
})

test('a strict serialisation is its own serialisation', () => {
  fc.assert(fc.property(nearField, (text) => {
    for (const type of ['dictionary', 'list', 'item'] as const) {
      try {
        const canonical = canonicalField(text, type)
        assert.equal(canonicalField(canonical, type), canonical)
      } catch (error) {
        assert.ok(error instanceof MessageSignatureError)
      }
    }
  }), { numRuns: 3000 })
})

test('no value whatever makes the trust list throw', () => {
  fc.assert(fc.property(fc.anything({ maxDepth: 4 }), (value) => {
    parseTrustList(value)
    parseTrustList([value])
    parseTrustList([{ key_id: value, public_key: value, trust_domains: value, actors: value, not_before: value, revoked: value }])
  }), { numRuns: 500 })
})

test('an inbound request of any headers is refused or accepted, never a crash; without the key it is refused', async () => {
  const rig = createEnvelopeRig()
  const good = inboundOf(rig.signed())
  await fc.assert(fc.asyncProperty(nearField, nearField, fc.constantFrom('Signature', 'Signature-Input', 'Pipelock-Mediation', 'Host', 'Content-Digest'), fc.boolean(), async (one, two, name, isAdded) => {
    const headers = isAdded ? [...good.headers, name, one] : good.headers.map((text, at) => (at % 2 === 1 && good.headers[at - 1] === name ? one : text))
    const isSame = !isAdded && good.headers[good.headers.indexOf(name) + 1] === one
    const result = await rig.verify({ ...good, headers })
    assert.ok(isEnvelopeFault(result) || isSame || (isAdded && !['Host', 'Pipelock-Mediation'].includes(name)))
    assert.ok(isEnvelopeFault(await rig.verify({ method: 'GET', requestTarget: `/${two}`, headers: ['Host', 'b.example', 'Pipelock-Mediation', two, 'Signature', one, 'Signature-Input', two] })))
  }), { numRuns: 500 })
})

test('any bytes as a capture are a report or a CaptureError', () => {
  const hex = signer.publicKeyHex
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), nearField, (bytes, text) => {
    for (const capture of [bytes, Buffer.from(`GET /${text} HTTP/1.1\r\nHost: a\r\nSignature: ${text}\r\nSignature-Input: ${text}\r\n\r\n`)]) {
      for (const read of [() => inspectEnvelope(capture), () => !verifyEnvelope(capture, { keys: [hex] }).valid]) {
        try {
          assert.ok(read())
        } catch (error) {
          assert.ok(error instanceof CaptureError, String(error))
        }
      }
    }
  }), { numRuns: 500 })
})

const FIELD_VALUE = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 30 })
const NAME = fc.constantFrom('X-One', 'X-Two', 'X-Three')
const messages = fc.record({
  method: fc.constantFrom('GET', 'POST', 'get', 'M-SEARCH'),
  requestTarget: FIELD_VALUE.map((text) => `/${text.replaceAll(' ', '+')}`),
  pairs: fc.array(fc.tuple(NAME, FIELD_VALUE), { maxLength: 6 }),
})

function componentsOf(pairs: readonly (readonly [string, string])[], isBytes: boolean): Component[] {
  const names = [...new Set(pairs.map(([name]) => name.toLowerCase()))]
  return [...['@method', '@target-uri', '@authority', '@path', '@query'].map((name) => componentOf(name)), ...names.map((name) => componentOf(name, isBytes ? { bs: true } : {}))]
}

test('every request that is signed verifies, read back from its fields', () => {
  fc.assert(fc.property(messages, fc.boolean(), ({ method, requestTarget, pairs }, isBytes) => {
    const message: RequestMessage = { kind: 'request', method, scheme: 'https', authority: 'b.example', requestTarget, headers: pairs.flat() }
    const { inputMember, signatureMember } = signMessage(message, { label: 'sig', components: componentsOf(pairs, isBytes), params: { created: 1, keyid: 'k"\\', nonce: requestTarget } }, (base) => signer.sign(base))
    const signed = signatureOf(parseSignatureFields(['Signature-Input', inputMember, 'Signature', signatureMember]), 'sig')
    assert.ok(signed !== undefined)
    assert.ok(verifySignature(message, signed, { alg: 'ed25519', key }) !== undefined)
  }), { numRuns: 300 })
})

test('any single byte changed in a covered part of a mediated call is refused', async () => {
  const rig = createEnvelopeRig()
  const good = inboundOf(rig.signed({ request: { headers: ['Host', 'b.example', 'Content-Type', 'application/json', 'X-Two', 'one', 'X-Two', 'two'] } }))
  assert.ok(!isEnvelopeFault(await rig.verify(good)), 'the control')
  const places = good.headers.flatMap((text, at) => (at % 2 === 1 && good.headers[at - 1] !== 'Host' ? Array.from({ length: text.length }, (_, offset) => [at, offset] as const) : []))
  const flip = (text: string, offset: number, mask: number): string => text.slice(0, offset) + String.fromCharCode(text.charCodeAt(offset) ^ mask) + text.slice(offset + 1)
  await fc.assert(fc.asyncProperty(fc.constantFrom(...places), fc.integer({ min: 1, max: 127 }), async ([at, offset], mask) => {
    const headers = good.headers.map((text, index) => (index === at ? flip(text, offset, mask) : text))
    // White space around a value, and between the components of the list, is no part of either.
    fc.pre(headers[at]?.trim() === headers[at])
    const fresh = createEnvelopeRig()
    const result = await fresh.verify({ ...good, headers }, BODY, { trust: rig.rules.trust })
    assert.ok(isEnvelopeFault(result), `${good.headers[at - 1] ?? ''}: ${headers[at] ?? ''}`)
  }), { numRuns: 1500 })
  await fc.assert(fc.asyncProperty(fc.nat(good.requestTarget.length - 2), fc.integer({ min: 1, max: 127 }), async (offset, mask) => {
    const result = await createEnvelopeRig().verify({ ...good, requestTarget: flip(good.requestTarget, offset + 1, mask) }, BODY, { trust: rig.rules.trust })
    assert.ok(isEnvelopeFault(result))
  }), { numRuns: 200 })
  await fc.assert(fc.asyncProperty(fc.nat(BODY.length - 1), fc.integer({ min: 1, max: 255 }), async (offset, mask) => {
    const body = Buffer.from(BODY)
    body[offset] = (body[offset] ?? 0) ^ mask
    const result = await createEnvelopeRig().verify(good, body, { trust: rig.rules.trust })
    assert.equal(isEnvelopeFault(result) && result.reason, 'digest')
  }), { numRuns: 200 })
})

const word = fc.stringMatching(/^[a-z_]{1,12}$/)
const text = FIELD_VALUE.filter((value) => value !== '')
const spiffe = word.map((name) => `spiffe://a.example/agent/${name.replaceAll('_', '-')}x`)
const mediations: fc.Arbitrary<Mediation> = fc.record({
  actionType: word, verdict: word, sideEffect: FIELD_VALUE, actor: spiffe, authority: fc.constantFrom('bound', 'config-default', 'self-declared', ''),
  policyHash: fc.uint8Array({ minLength: 0, maxLength: 16 }).map((bytes) => Buffer.from(bytes)), requestId: fc.uuid(), timestamp: fc.nat(),
  taint: text, task: text, taskAuthority: text, authorityReference: text, reauthenticate: fc.constant(true), redirects: fc.integer({ min: 1, max: 9 }),
  audience: spiffe, head: fc.nat().map((seq) => ({ session: 's', seq, hash: 'ab'.repeat(32) })), hops: fc.array(spiffe, { minLength: 1, maxLength: 4 }),
  cause: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
}, { requiredKeys: ['actionType', 'verdict', 'sideEffect', 'actor', 'authority', 'policyHash', 'requestId', 'timestamp'], noNullPrototype: true })

test('every mediation header that is written is read back the same', () => {
  fc.assert(fc.property(mediations, (mediation) => {
    assert.deepEqual(parseMediation(encodeMediation(mediation)), mediation)
  }), { numRuns: 500 })
})
