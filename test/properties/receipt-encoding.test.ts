/** Whatever a receipt holds, reading what was written gives it back, and the verifier agrees with the encoder. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { type EntryFields, sealEntry, sealOwnEntry } from '../../src/receipt/entry.ts'
import { type ActionRecord, formatTimestamp, receiptHash, recordJson, sanitizeText } from '../../src/receipt/format.ts'
import { compactGo, quoteGo } from '../../src/receipt/go-json.ts'
import { type ReceiptFacts, recordFromFacts } from '../../src/receipt/receipt-facts.ts'
import { recordText } from '../../src/receipt/record-text.ts'
import { verifyReceipt, verifyRecorder } from '../../src/verify/index.ts'
import { aReceipt, aRecord, Evidence, KEY } from '../support/build-evidence.ts'

const TRUSTED = { trustedKeys: [KEY.publicKey] }

/** Any well-formed text, controls and separators included. */
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\u2028<&>', '\b\f\n\u0001', '\u{1f600}\ufffd', '\u0085', '\\ud800', '"\\'))
const someText = text.filter((value) => value !== '')
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const time = fc.date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true }).map((date) => formatTimestamp(date.getTime()))

const record: fc.Arbitrary<ActionRecord> = fc.record({
  action_id: someText, timestamp: time, principal: text, actor: text, delegation_chain: fc.option(fc.array(text)), target: someText,
  intent: text, data_classes_in: fc.array(text), policy_hash: text, verdict: someText, transport: someText, pattern: text,
  session_contaminated: fc.boolean(), contract_generation: uint64, chain_seq: uint64, chain_prev_hash: text,
  recent_taint_sources: fc.array(fc.record({ url: text, kind: text, level: fc.integer({ min: 0, max: 255 }), timestamp: time, match_reason: text }), { maxLength: 3 }),
  redaction: fc.record({ profile: text, by_class: fc.array(fc.tuple(text, fc.nat())).map((pairs) => new Map(pairs)), cache_boundary_kept: fc.boolean() }),
  precedent_refs: fc.array(text, { maxLength: 4 }),
}).map((fields) => aRecord(fields))

test('what is encoded is read back as the same bytes, under the same signature', () => {
  fc.assert(fc.property(record, (fields) => {
    const receipt = aReceipt(fields)
    const { valid, faults, receipt: read } = verifyReceipt(receipt, TRUSTED)
    assert.deepEqual(faults, [])
    assert.ok(valid)
    assert.equal(read?.hash, receiptHash(receipt))
  }), { numRuns: 300 })
})

test('the order of members and white space do not change what a receipt says', () => {
  fc.assert(fc.property(record, (fields) => {
    const receipt = aReceipt(fields)
    // Numbers beyond 2^53 would not survive JSON.parse: the turning is done on those that do.
    fc.pre(Number.isSafeInteger(Number(fields.chain_seq)) && Number.isSafeInteger(Number(fields.contract_generation)))
    const turned = JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(receipt) as object).toReversed()), null, 2)
    assert.equal(verifyReceipt(turned, TRUSTED).receipt?.hash, receiptHash(receipt))
  }), { numRuns: 100 })
})

test('quoted text is JSON for the same text, escaped as Go does, and compacting leaves it alone', () => {
  fc.assert(fc.property(fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }), (value) => {
    const quoted = quoteGo(value)
    assert.equal(JSON.parse(quoted), Buffer.from(value).toString())
    assert.doesNotMatch(quoted, /[<>&\u2028\u2029]|\\u[dD][89a-fA-F][0-9a-f]{2}(?<!\\\\u....)/)
    assert.equal(compactGo(` ${quoted} `), quoted)
  }))
})

test('sanitized text is printable, bounded, and the same when sanitized again', () => {
  fc.assert(fc.property(text, fc.integer({ min: 3, max: 60 }), (value, maxBytes) => {
    const clean = sanitizeText(value, maxBytes)
    assert.ok(Buffer.byteLength(clean) <= maxBytes)
    assert.doesNotMatch(clean, /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd]/)
    assert.equal(sanitizeText(clean, maxBytes), clean)
  }))
})

test('an entry is read back as it was written, whatever its members hold', () => {
  const member = text.filter((value) => !/[\0\u0085\u2028\u2029]/.test(value))
  const entry = fc.record({ timestamp: time.filter((value) => value.endsWith('Z')), traceId: member, summary: member, rawRef: member })
  fc.assert(fc.property(entry, (fields: Partial<EntryFields>) => {
    const evidence = new Evidence()
    evidence.add({}, { entry: fields })
    const { faults, warnings } = verifyRecorder(evidence.files(), TRUSTED)
    assert.deepEqual([faults, warnings.filter(({ code }) => code !== 'summary_differs')], [[], []])
    assert.equal(sealEntry({ version: 2, seq: 0, sessionId: 's', type: 't', transport: '', detail: '{}', prevHash: 'genesis', timestamp: '', summary: '', ...fields }).line.includes('\n'), false)
  }))
})

/** Also what is too long, and what UTF-16 cannot say. */
const anyText = fc.oneof(text, fc.string(), fc.constantFrom('', '\ud800', 'a'.repeat(513), 'é'.repeat(1500), '\u007f'.repeat(900)))
const maybe = fc.option(anyText, { nil: undefined })
const millisecond = fc.integer({ min: 0, max: 253_402_300_799_000 })

const facts: fc.Arbitrary<ReceiptFacts> = fc.record({
  actionId: anyText, parentActionId: maybe, timestampMs: millisecond, principal: maybe, actor: anyText, target: anyText,
  verdict: fc.constantFrom('allow', 'warn', 'block', 'strip', 'redirect'), decisionPhase: fc.constantFrom(undefined, 'intent', 'outcome'),
  transport: anyText, method: fc.oneof(maybe, fc.constantFrom('GET', 'POST', 'DELETE')), layer: maybe, pattern: maybe, severity: maybe,
  redaction: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.record({ profile: text }) }),
  requestId: maybe, delegationChain: fc.option(fc.array(anyText, { maxLength: 40 })), venue: maybe,
  precedentRefs: fc.array(anyText, { maxLength: 70 }), policyHash: maybe,
})

const position = fc.record({
  prevHash: fc.constantFrom('genesis', 'a'.repeat(64)), seq: fc.nat(), runNonce: fc.constant('0'.repeat(32)), principal: anyText,
  policyHash: anyText, isPaired: fc.boolean(), agentPrev: fc.constantFrom(undefined, 'agent-prev:none', `agent-prev:7:${'b'.repeat(64)}`),
})

test('the text of an exchange is that of its record, byte for byte', () => {
  fc.assert(fc.property(facts, position, (some, where) => {
    assert.equal(recordText(some, where), recordJson(recordFromFacts(some, where)))
  }), { numRuns: 1000 })
})

test('an entry of our own is sealed as any other', () => {
  fc.assert(fc.property(text, text, time, fc.nat(), (transport, summary, timestamp, seq) => {
    const own = { seq, timestamp, sessionId: 'chaperone.run.0a', type: 'action_receipt', eventKind: 'read', transport, summary, detail: '{"a":1}', prevHash: 'genesis' }
    assert.deepEqual(sealOwnEntry(own), sealEntry({ version: 2, ...own }))
  }))
})
