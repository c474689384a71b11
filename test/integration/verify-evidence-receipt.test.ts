/** Evidence receipts (version 2) of our own signing: the envelope's rules, which no published file breaks for us. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import { compareUtf8, quoteGo } from '../../src/receipt/go-json.ts'
import { verifyRecorder } from '../../src/verify/index.ts'
import { Evidence, KEY, TIME } from '../support/build-evidence.ts'

const BLANK = { signer_key_id: '', key_purpose: '', algorithm: '', signature: '' }
const PAYLOAD = { action_type: 'http_request', target: 'https://a.example/?x=<&', verdict: 'allow', transport: 'fetch', policy_sources: ['scanner'], winning_source: 'scanner' }
const CANONICALIZATION = {
  jcs_profile: 'pipelock-jcs-rfc8785-nfc-v1',
  jcs_version: 'rfc8785',
  hash_alg: 'sha256',
  sig_alg: 'ed25519',
  redaction_ruleset_id: 'pipelock-transform-v1',
  redaction_ruleset_version: '1',
  redaction_ruleset_hash: 'sha256:541896788b42651a202448894583a847db9d1aa081c33a7e1f0512303d72527e',
}

/** The canonical form, written a second time here so that the test does not ask the verifier what is right. */
function canonical(value: unknown): string {
  if (typeof value === 'string') return quoteGo(value.normalize('NFC'))
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([name, held]): [string, unknown] => [name.normalize('NFC'), held])
  return `{${members.toSorted(([a], [b]) => compareUtf8(a, b)).map(([name, held]) => `${quoteGo(name)}:${canonical(held)}`).join(',')}}`
}

interface Signed {
  readonly detail: string
  readonly hash: string
}

function anEvidenceReceipt(fields: object = {}, proof: object = {}): Signed {
  const receipt = {
    record_type: 'evidence_receipt_v2', receipt_version: 2, payload_kind: 'proxy_decision', event_id: 'e', timestamp: TIME,
    chain_seq: 0, chain_prev_hash: 'genesis', payload: PAYLOAD, ...fields,
  }
  const signature = `ed25519:${KEY.sign(Buffer.from(canonical({ ...receipt, signature: BLANK })))}`
  const signed = { ...receipt, signature: { signer_key_id: KEY.publicKey, key_purpose: 'receipt-signing', algorithm: 'ed25519', signature, ...proof } }
  return { detail: JSON.stringify(signed), hash: createHash('sha256').update(canonical(signed)).digest('hex') }
}

function codes(receipts: readonly Signed[], kind = 'proxy_decision'): string[] {
  const evidence = new Evidence()
  evidence.open()
  for (const { detail } of receipts) evidence.entry({ type: 'evidence_receipt', eventKind: kind, transport: 'fetch', summary: '', detail })
  return verifyRecorder(evidence.files(), { trustedKeys: [KEY.publicKey] }).faults.map(({ code }) => code)
}

test('evidence receipts of our own signing are valid, and name each other', () => {
  const first = anEvidenceReceipt({ actor: 'e\u0301', delegation_chain: ['a'], contract_generation: 1 })
  const second = anEvidenceReceipt({ chain_seq: 1, chain_prev_hash: first.hash })
  assert.deepEqual(codes([first, second]), [])
  assert.deepEqual(codes([first, anEvidenceReceipt({ chain_seq: 1, chain_prev_hash: 'a'.repeat(64) })]), ['evidence_chain'])
  assert.deepEqual(codes([first, anEvidenceReceipt({ chain_seq: 2, chain_prev_hash: first.hash })]), ['evidence_chain'])
})

test('what must be understood is declared whole: profile and crit together, nothing unknown', () => {
  assert.deepEqual(codes([anEvidenceReceipt({ canonicalization: CANONICALIZATION, crit: ['canonicalization'] })]), [])
  for (const fields of [
    { canonicalization: CANONICALIZATION },
    { crit: ['canonicalization'] },
    { canonicalization: CANONICALIZATION, crit: ['canonicalization', 'canonicalization'] },
    { canonicalization: CANONICALIZATION, crit: ['canonicalization', 'other'] },
    { canonicalization: { ...CANONICALIZATION, hash_alg: 'md5' }, crit: ['canonicalization'] },
  ]) assert.deepEqual(codes([anEvidenceReceipt(fields)]), ['evidence_invalid'], JSON.stringify(fields))
})

test('an optional member that is there is filled and of its type', () => {
  for (const name of ['principal', 'actor', 'policy_hash', 'active_manifest_hash', 'contract_hash', 'selector_id']) {
    assert.deepEqual(codes([anEvidenceReceipt({ [name]: 'x' })]), [], name)
    assert.deepEqual(codes([anEvidenceReceipt({ [name]: '' })]), ['evidence_invalid'], name)
    assert.deepEqual(codes([anEvidenceReceipt({ [name]: 7 })]), ['member_type'], name)
  }
  assert.deepEqual(codes([anEvidenceReceipt({ delegation_chain: [] })]), ['evidence_invalid'])
  assert.deepEqual(codes([anEvidenceReceipt({ delegation_chain: 'x' })]), ['member_type'])
  assert.deepEqual(codes([anEvidenceReceipt({ contract_generation: 0 })]), ['evidence_invalid'])
})

test('members and payload are closed lists, and the key has the purpose of the kind', () => {
  assert.deepEqual(codes([anEvidenceReceipt({ more: 1 })]), ['unknown_member'])
  assert.deepEqual(codes([anEvidenceReceipt({ payload: { ...PAYLOAD, more: 1 } })]), ['unknown_member'])
  assert.deepEqual(codes([anEvidenceReceipt({ payload_kind: 'other' })], 'other'), ['evidence_invalid'])
  assert.deepEqual(codes([anEvidenceReceipt({}, { key_purpose: 'contract-activation-signing' })]), ['evidence_invalid'])
  assert.deepEqual(codes([anEvidenceReceipt({}, { algorithm: 'rsa' })]), ['evidence_invalid'])
})

test('another signature, or another text under it, is refused', () => {
  assert.deepEqual(codes([anEvidenceReceipt({}, { signature: `ed25519:${'0'.repeat(128)}` })]), ['evidence_signature'])
  const { detail, hash } = anEvidenceReceipt()
  assert.deepEqual(codes([{ detail: detail.replace('"allow"', '"block"'), hash }]), ['evidence_signature'])
})
