/** One receipt: where the Go and the Python verifier differ, the stricter rule holds. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type ActionRecord, encodeReceipt } from '../../src/receipt/format.ts'
import { verifyReceipt, verifyRecorder } from '../../src/verify/index.ts'
import { aKey, aReceipt, aRecord, Evidence, KEY } from '../support/build-evidence.ts'

const TRUSTED = { trustedKeys: [KEY.publicKey] }

function codes(content: string): string[] {
  return verifyReceipt(content, TRUSTED).faults.map(({ code }) => code)
}

/** @returns codes for a record whose text is edited before it is signed, so that the signature is good */
function codesOf(from: string, to: string, fields: Partial<ActionRecord> = {}): string[] {
  return codes(aReceipt(aRecord(fields), (text) => {
    assert.ok(text.includes(from), `${from} is not in the record`)
    return text.replace(from, to)
  }))
}

test('a receipt whose every member is used is valid', () => {
  const record = aRecord({
    parent_action_id: 'p', delegation_chain: ['a', 'b'], intent: 'i', data_classes_in: ['x'], decision_phase: 'intent', session_contaminated: true,
    recent_taint_sources: [{ url: 'u', kind: 'k', level: 5, timestamp: '2026-05-01T10:00:00+02:00' }], contract_generation: 2n ** 64n - 1n,
    redaction: { total_redactions: 2, by_class: new Map([['\u{1f600}', 1], ['\uffff', 2]]) }, shield: { partial: true, body_bytes: 10 },
    chain_seq: 2n ** 64n - 1n, venue: 'v', precedent_refs: ['digest:x'], pattern: '\b\f\u2028<>&\u0085',
  })
  assert.deepEqual(codes(aReceipt(record)), [])
})

test('an empty redaction survives, other empty members vanish', () => {
  assert.deepEqual(codes(aReceipt(aRecord({ redaction: {} }))), [])
  const padded = aReceipt(aRecord()).replace('"transport":', '"venue":"","session_contaminated":false,"precedent_refs":[],"contract_generation":0,"transport":')
  assert.deepEqual(codes(padded), [])
})

test('white space, order of members and spelling of escapes are free', () => {
  const receipt = JSON.parse(aReceipt(aRecord())) as Record<string, unknown>
  const turned = JSON.stringify(Object.fromEntries(Object.entries(receipt).toReversed()), null, 2)
  assert.deepEqual(codes(turned), [])
})

test('a delegation chain that is absent is refused, null and an empty list are not', () => {
  assert.deepEqual(codesOf('"delegation_chain":null,', ''), ['member_missing'])
  assert.deepEqual(codes(aReceipt(aRecord({ delegation_chain: [] }))), [])
})

for (const [spelling, why] of [
  ['2026-05-01T10:00:00.120Z', 'zero at the end'], ['2026-05-01T10:00:00.000Z', 'empty fraction'], ['2026-05-01T10:00:00+00:00', 'UTC as an offset'],
  ['2026-05-01t10:00:00Z', 'small letter'], ['2026-02-30T10:00:00Z', 'no such day'], ['2026-05-01T24:00:00Z', 'hour 24'],
  ['2026-05-01T10:00:60Z', 'second 60'], ['2026-05-01T10:00:00,5Z', 'comma'], ['0001-01-01T00:00:00Z', 'zero time'],
] as const) {
  test(`a time that Go writes otherwise is refused: ${why}`, () => {
    assert.deepEqual(codes(aReceipt(aRecord({ timestamp: spelling }))), ['timestamp_form'])
  })
}

test('a time with an offset or with nanoseconds is taken', () => {
  for (const timestamp of ['2026-05-01T10:00:00+02:00', '2024-02-29T23:59:59.123456789Z']) assert.deepEqual(codes(aReceipt(aRecord({ timestamp }))), [])
})

test('members have their types: a phase as a number, an integer with a point, null for text are refused', () => {
  assert.deepEqual(codesOf('"decision_phase":"intent"', '"decision_phase":1', { decision_phase: 'intent' }), ['member_type'])
  for (const number of ['0.0', '0e0', '-0', '-1', '18446744073709551616']) assert.deepEqual(codesOf('"chain_seq":0', `"chain_seq":${number}`), ['number_range'])
  assert.deepEqual(codesOf('"chain_seq":0', '"chain_seq":"0"'), ['member_type'])
  assert.deepEqual(codesOf('"principal":"a.example"', '"principal":null'), ['member_type'])
  assert.deepEqual(codesOf('"method":"GET"', '"precedent_refs":null'), ['member_type'])
})

test('unknown, duplicate and differently written members are refused; ext is the one exception', () => {
  assert.deepEqual(codesOf('"target":', '"note":1,"target":'), ['unknown_member'])
  assert.deepEqual(codesOf('"verdict":"allow"', '"verdict":"block","verdict":"allow"'), ['invalid_json'])
  assert.deepEqual(codesOf('"verdict":"allow"', '"\\u0076erdict":"block","verdict":"allow"'), ['invalid_json'])
  assert.deepEqual(codesOf('"verdict"', '"Verdict"'), ['member_missing'])
  const receipt = aReceipt(aRecord())
  assert.deepEqual(codes(receipt.replace('"signer_key"', '"note":1,"signer_key"')), ['unknown_member'])
  assert.deepEqual(codes(`${receipt.slice(0, -1)},"ext":{"b":1.0,"a":"<"}}`), [])
})

test('an extension is part of the hash as it is spelled, compacted and escaped', () => {
  const receipt = aReceipt(aRecord())
  const withExt = (ext: string) => verifyReceipt(`${receipt.slice(0, -1)},"ext":${ext}}`, TRUSTED).receipt?.hash
  assert.equal(withExt('{ "a" : "<" }'), withExt('{"a":"\\u003c"}'))
  assert.notEqual(withExt('{"a":1}'), withExt('{"a":1.0}'))
  assert.notEqual(withExt('null'), verifyReceipt(receipt, TRUSTED).receipt?.hash)
})

test('lone surrogates, nesting beyond 128, trailing text and control characters are refused', () => {
  assert.deepEqual(codesOf('a.example', '\\ud800'), ['invalid_json'])
  assert.deepEqual(codesOf('a.example', '\ud800'), ['invalid_json'])
  assert.deepEqual(codesOf('a.example', 'a\u0001'), ['invalid_json'])
  const receipt = aReceipt(aRecord())
  const nested = (depth: number) => `${receipt.slice(0, -1)},"ext":${'['.repeat(depth)}${']'.repeat(depth)}}`
  assert.deepEqual([codes(nested(127)), codes(nested(128))], [[], ['invalid_json']])
  assert.deepEqual(codes(`${receipt} {}`), ['invalid_json'])
  assert.deepEqual(codes(`\ufeff${receipt}`), ['invalid_json'])
})

test('the rules of the record hold: versions, action id, type, target, verdict, transport', () => {
  assert.deepEqual(codesOf('{"version":1', '{"version":2'), ['unsupported_version'])
  for (const fields of [{ action_id: '' }, { action_type: 'zzz' as 'read' }, { target: '' }, { verdict: '' }, { transport: '' }]) {
    assert.deepEqual(codes(aReceipt(aRecord(fields))), ['record_invalid'])
  }
  assert.deepEqual(codes(aReceipt(aRecord()).replace('{"version":1,"action_record"', '{"version":2,"action_record"')), ['unsupported_version'])
})

test('signature and key are lower-case hex in their form, and belong to the content', () => {
  const receipt = aReceipt(aRecord())
  const [, signature = ''] = /"ed25519:([0-9a-f]+)"/.exec(receipt) ?? []
  assert.deepEqual(codes(receipt.replace(signature, signature.toUpperCase())), ['signature_form'])
  assert.deepEqual(codes(receipt.replace('ed25519:', '')), ['signature_form'])
  assert.deepEqual(codes(receipt.replace(KEY.publicKey, KEY.publicKey.toUpperCase())), ['signature_form'])
  assert.deepEqual(codes(receipt.replace('"method":"GET"', '"method":"PUT"')), ['signature_invalid'])
  assert.deepEqual(codes(encodeReceipt('{}', '', '')), ['member_missing'])
})

test('another signer is not trusted, though the signature is its own; two keys may be trusted', () => {
  const other = aKey('b')
  const receipt = aReceipt(aRecord(), undefined, other)
  assert.deepEqual(codes(receipt), ['signer_untrusted'])
  assert.equal(verifyReceipt(receipt, { trustedKeys: [KEY.publicKey, other.publicKey.toUpperCase()] }).valid, true)
  assert.deepEqual(verifyReceipt(receipt).faults.map(({ code }) => code), ['unpinned'])
  assert.equal(verifyReceipt(receipt, { allowUnpinned: true }).valid, true)
})

test('a receipt that was redacted on its way to the disk is told apart from a forged one', () => {
  assert.deepEqual(codesOf('"target":', '"redacted_fields":["target"],"target":'), ['receipt_redacted'])
  assert.deepEqual(codes('{"detected_patterns":[],"original_size":1,"redacted":true}'), ['receipt_redacted'])
})

test('an entry around a receipt is taken, with its hash checked', () => {
  const evidence = new Evidence()
  evidence.add()
  const line = evidence.lines[0]!
  assert.deepEqual(codes(line), [])
  assert.deepEqual(codes(line.replace('"summary":"receipt', '"summary":"Receipt')), ['entry_hash'])
})

test('no content throws: bytes that are not UTF-8, text that is no JSON, too much of it', () => {
  assert.deepEqual(verifyReceipt(Buffer.from([0xff, 0xfe]), TRUSTED).faults.map(({ code }) => code), ['invalid_utf8'])
  for (const content of ['', 'null', '[]', '"x"', '1']) assert.equal(verifyReceipt(content, TRUSTED).valid, false, content)
  assert.deepEqual(codes(`"${'x'.repeat(1_048_576)}"`), ['line_too_long'])
})

test('a raw line separator is refused in a file of lines, and its escape is not', () => {
  for (const [raw, code] of [['\u0085', 'line_separator'], ['x', undefined]] as const) {
    const evidence = new Evidence()
    evidence.add({ pattern: raw })
    assert.equal(verifyRecorder(evidence.files(), TRUSTED).faults[0]?.code, code)
  }
  const escaped = aReceipt(aRecord({ pattern: '\u0085' })).replace('\u0085', '\\u0085')
  assert.deepEqual(verifyRecorder([{ name: 'bare.jsonl', content: `${escaped}\n` }], TRUSTED).faults, [])
})

test('a cause never carries raw controls', () => {
  const { faults } = verifyReceipt(aReceipt(aRecord(), (text) => text.replace('"target":', '"\\u001b[2J":1,"target":')), TRUSTED)
  assert.equal(faults[0]?.code, 'unknown_member')
  assert.doesNotMatch(faults[0].cause, /[\u0000-\u001f\u007f-\u009f]/)
})
