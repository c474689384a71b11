/** Evidence receipts of version 2 beside receipts of version 1: their own canonical form, signature and chain. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import { ENTRY_TYPE } from '../../src/receipt/entry.ts'
import { verifyRecorder } from '../../src/verify/index.ts'
import { aKey, Evidence, KEY, TIME } from '../support/build-evidence.ts'

const OTHER = aKey('b')
const TRUSTED = { trustedKeys: [KEY.publicKey, OTHER.publicKey] }
const CANONICALIZATION = {
  hash_alg: 'sha256', jcs_profile: 'pipelock-jcs-rfc8785-nfc-v1', jcs_version: 'rfc8785', redaction_ruleset_hash: 'x', redaction_ruleset_id: 'x',
  redaction_ruleset_version: '1', sig_alg: 'ed25519',
}
const PAYLOAD = { action_type: 'http_request', policy_sources: ['scanner'], target: 'https://a.example/', transport: 'fetch', verdict: 'allow', winning_source: 'scanner' }

interface Chain {
  seq: number
  prev: string
}

interface Made {
  readonly fields?: object
  readonly signature?: object
  readonly key?: typeof KEY
  /** Of the text, before it is signed and after. */
  readonly edit?: (text: string) => string
}

/** Sorted by name, which for these names is the order of their bytes; nothing in them needs an escape or NFC. */
function sorted(value: object): string {
  return JSON.stringify(value, (_key, held: unknown) =>
    typeof held === 'object' && held !== null && !Array.isArray(held) ? Object.fromEntries(Object.entries(held).toSorted(([a], [b]) => (a < b ? -1 : 1))) : held)
}

function addReceipt(evidence: Evidence, chain: Chain, { fields = {}, signature = {}, key = KEY, edit = (text) => text }: Made = {}): void {
  const receipt = {
    record_type: 'evidence_receipt_v2', receipt_version: 2, payload_kind: 'proxy_decision', event_id: 'e', timestamp: TIME, chain_seq: chain.seq,
    chain_prev_hash: chain.prev, payload: PAYLOAD, ...fields,
  }
  const blank = { algorithm: '', key_purpose: '', signature: '', signer_key_id: '' }
  const signed = `ed25519:${key.sign(Buffer.from(edit(sorted({ ...receipt, signature: blank }))))}`
  const stated = { algorithm: 'ed25519', key_purpose: 'receipt-signing', signature: signed, signer_key_id: key.publicKey, ...signature }
  const detail = edit(sorted({ ...receipt, signature: stated }))
  chain.seq++
  chain.prev = createHash('sha256').update(detail).digest('hex')
  evidence.entry({ type: ENTRY_TYPE.evidence, eventKind: receipt.payload_kind, transport: 'fetch', detail })
}

/** @returns codes of a session with one receipt of version 1 and what `steps` adds */
function codesAfter(steps: (evidence: Evidence, chain: Chain) => void, options: object = TRUSTED): string[] {
  const evidence = new Evidence()
  evidence.add()
  steps(evidence, { seq: 0, prev: 'genesis' })
  return verifyRecorder(evidence.files(), options).faults.map(({ code }) => code)
}

function codesOf(made: Made): string[] {
  return codesAfter((evidence, chain) => {
    addReceipt(evidence, chain, made)
  })
}

test('a chain of evidence receipts is valid, with and without a stated profile', () => {
  const codes = codesAfter((evidence, chain) => {
    addReceipt(evidence, chain)
    addReceipt(evidence, chain, { fields: { canonicalization: CANONICALIZATION, crit: ['canonicalization'], policy_hash: 'sha256:x', delegation_chain: ['a'] } })
    addReceipt(evidence, chain, { key: OTHER })
  })
  assert.deepEqual(codes, [])
})

test('kinds have their members and their purpose of key', () => {
  assert.deepEqual(codesOf({ fields: { payload_kind: 'contract_expired', payload: { contract_hash: 'x', rule_id: 'x', expiration_reason: 'x' } } }), [])
  const rotation = { payload_kind: 'key_rotation', payload: { key_id: 'x', key_purpose: 'x', old_status: 'x', new_status: 'x', roster_hash: 'x', authorization_id: 'x' } }
  assert.deepEqual(codesOf({ fields: rotation, signature: { key_purpose: 'contract-activation-signing' } }), [])
  assert.deepEqual(codesOf({ fields: rotation }), ['evidence_invalid'])
  assert.deepEqual(codesOf({ fields: { payload: { ...PAYLOAD, winning_source: undefined } } }), ['member_missing'])
  assert.deepEqual(codesOf({ fields: { payload: { ...PAYLOAD, note: 1 } } }), ['unknown_member'])
  assert.deepEqual(codesOf({ fields: { payload_kind: 'defer_opened', payload: { anything: [1, true, null] } } }), [])
  assert.deepEqual(codesOf({ fields: { payload_kind: '__proto__' } }), ['evidence_invalid'])
})

test('critical names are exactly those that apply', () => {
  assert.deepEqual(codesOf({ fields: { payload_kind: 'proxy_decision_with_spans', crit: ['source_spans'] } }), [])
  for (const fields of [
    { crit: ['canonicalization'] }, { canonicalization: CANONICALIZATION }, { canonicalization: CANONICALIZATION, crit: ['canonicalization', 'canonicalization'] },
    { payload_kind: 'proxy_decision_with_spans' }, { canonicalization: { ...CANONICALIZATION, jcs_version: 'x' }, crit: ['canonicalization'] },
  ]) assert.deepEqual(codesOf({ fields }), ['evidence_invalid'], JSON.stringify(fields))
  assert.deepEqual(codesOf({ fields: { crit: 'x' } }), ['member_type'])
  assert.deepEqual(codesOf({ fields: { canonicalization: { ...CANONICALIZATION, note: 'x' }, crit: ['canonicalization'] } }), ['unknown_member'])
})

test('the envelope is held to its form', () => {
  const cases: readonly (readonly [Made, string])[] = [
    [{ fields: { record_type: 'x' } }, 'evidence_invalid'], [{ fields: { receipt_version: 3 } }, 'unsupported_version'], [{ fields: { event_id: '' } }, 'evidence_invalid'],
    [{ fields: { timestamp: '2026-05-01T10:00:00.50Z' } }, 'timestamp_form'], [{ fields: { note: 1 } }, 'unknown_member'], [{ fields: { event_id: undefined } }, 'member_missing'],
    [{ signature: { algorithm: 'x' } }, 'evidence_invalid'], [{ signature: { signature: 'x' } }, 'signature_form'], [{ signature: { note: 'x' } }, 'unknown_member'],
    [{ signature: { key_purpose: 'x' } }, 'evidence_invalid'], [{ fields: { contract_generation: 1.5 } }, 'number_range'], [{ fields: { contract_generation: 1e21 } }, 'number_range'],
    [{ fields: { principal: 'x', payload_kind: 'defer_opened', payload: { a: 1, b: 'a\u0301' } }, edit: (text) => text.replace('"b"', '"\u00e9":1,"e\u0301"') }, 'evidence_invalid'],
  ]
  for (const [made, code] of cases) assert.deepEqual(codesOf(made), [code], JSON.stringify(made))
})

test('numbers are signed as they are spelled, minus zero included', () => {
  const fields = { payload_kind: 'defer_opened', payload: { a: 1 } }
  assert.deepEqual(codesOf({ fields, edit: (text) => text.replace('{"a":1}', '{"a":-0}') }), [])
})

test('text is signed in NFC and with HTML escapes, keys in order of their bytes', () => {
  const codes = codesAfter((evidence) => {
    const head = '{"chain_prev_hash":"genesis","chain_seq":0,"event_id":"e","payload":'
    const middle = `,"payload_kind":"defer_opened","receipt_version":2,"record_type":"evidence_receipt_v2","signature":`
    const tail = `,"timestamp":"${TIME}"}`
    const canonical = '{"\u00e9":"\u00e9\\u003c","\uffff":1,"\u{1f600}":2}'
    const blank = '{"algorithm":"","key_purpose":"","signature":"","signer_key_id":""}'
    const signature = `ed25519:${KEY.sign(Buffer.from(head + canonical + middle + blank + tail))}`
    const stated = JSON.stringify({ algorithm: 'ed25519', key_purpose: 'receipt-signing', signature, signer_key_id: KEY.publicKey })
    const detail = `${head}{"\u{1f600}":2,"e\u0301":"e\u0301<","\uffff":1}${middle}${stated}${tail}`
    evidence.entry({ type: ENTRY_TYPE.evidence, eventKind: 'defer_opened', detail })
  })
  assert.deepEqual(codes, [])
})

test('a signer that is not trusted, a gap, a wrong link and an entry of another kind are faults', () => {
  assert.deepEqual(codesOf({ key: aKey('c') }), ['signer_untrusted'])
  assert.deepEqual(codesOf({ signature: { signer_key_id: OTHER.publicKey } }), ['evidence_signature'])
  assert.deepEqual(codesOf({ signature: { signer_key_id: 'x' } }), ['signer_untrusted', 'evidence_signature'])
  assert.deepEqual(codesOf({ fields: { chain_seq: 1 } }), ['evidence_chain'])
  assert.deepEqual(codesOf({ fields: { chain_prev_hash: 'x' } }), ['evidence_chain'])
  assert.deepEqual(codesAfter((evidence, chain) => {
    addReceipt(evidence, chain)
    addReceipt(evidence, chain, { fields: { chain_seq: 3 } })
  }), ['evidence_chain'])
  assert.deepEqual(codesAfter((evidence, chain) => {
    addReceipt(evidence, chain, { fields: { payload_kind: 'x' } })
    addReceipt(evidence, chain, { fields: { chain_seq: 3 } })
  }), ['evidence_invalid'])
})

test('without trusted keys both kinds of receipts must have one signer', () => {
  const unpinned = { allowUnpinned: true }
  assert.deepEqual(codesAfter((evidence, chain) => { addReceipt(evidence, chain) }, unpinned), [])
  assert.deepEqual(codesAfter((evidence, chain) => { addReceipt(evidence, chain, { key: OTHER }) }, unpinned), ['signer_changed'])
})

test('an entry that says another kind than its evidence receipt is a contradiction', () => {
  const evidence = new Evidence()
  evidence.add()
  addReceipt(evidence, { seq: 0, prev: 'genesis' })
  const [, line = ''] = evidence.lines
  const detail = line.slice(line.indexOf(',"detail":') + 10, line.lastIndexOf(',"prev_hash":'))
  evidence.lines.pop()
  evidence.entry({ seq: 1, type: ENTRY_TYPE.evidence, eventKind: 'x', transport: 'fetch', detail, prevHash: (JSON.parse(line) as { prev_hash: string }).prev_hash })
  assert.deepEqual(verifyRecorder(evidence.files(), TRUSTED).faults.map(({ code }) => code), ['entry_contradiction'])
})
