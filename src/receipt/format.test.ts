/** Receipt v1 and the action record inside it: which members stand, how they are hashed, how times are written. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type ActionRecord, classifyMethod, formatTimestamp, genesisHash, receiptHash, receiptJson, recordDigest, recordJson, reference } from './format.ts'

const RECORD: ActionRecord = {
  version: 1, action_id: 'id', action_type: 'read', timestamp: '2026-05-01T10:00:00Z', principal: '', actor: '', delegation_chain: null, target: 'https://a/?x=1&y=2',
  side_effect_class: 'none', reversibility: 'full', policy_hash: '', verdict: 'allow', transport: 'forward', chain_prev_hash: 'genesis', chain_seq: 0,
}

test('members that always stand do so when empty, others vanish', () => {
  assert.equal(
    recordJson({ ...RECORD, venue: '', session_contaminated: false, precedent_refs: [] }),
    '{"version":1,"action_id":"id","action_type":"read","timestamp":"2026-05-01T10:00:00Z","principal":"","actor":"","delegation_chain":null,'
      + '"target":"https://a/?x=1\\u0026y=2","side_effect_class":"none","reversibility":"full","policy_hash":"","verdict":"allow","transport":"forward",'
      + '"chain_prev_hash":"genesis","chain_seq":0}',
  )
})

test('a receipt holds record, signature and key, and an extension last as it is', () => {
  const receipt = { version: 1, action_record: RECORD, signature: 's', signer_key: 'k' } as const
  assert.equal(receiptJson(receipt), `{"version":1,"action_record":${recordJson(RECORD)},"signature":"s","signer_key":"k"}`)
  assert.ok(receiptJson({ ...receipt, ext: '{"b":1.0}' }).endsWith('"signer_key":"k","ext":{"b":1.0}}'))
  assert.equal(receiptHash(receipt), receiptHash(receiptJson(receipt)))
  assert.deepEqual(recordDigest(RECORD), recordDigest(recordJson(RECORD)))
})

test('every member that binds a genesis changes it; the posture key id does not', () => {
  const open = { run_nonce: 'r', open_nonce: 'o', recorder_session: 's', policy_hash: 'p', signer_key_epoch: 'k', heartbeat_seconds: 60, chain_open_seq: 0 }
  const hash = genesisHash(open)
  assert.match(hash, /^g1:[0-9a-f]{64}$/)
  assert.equal(genesisHash({ ...open, posture_signer_key_id: 'x', chain_open_seq: 9 }), hash)
  assert.equal(genesisHash({ ...open, heartbeat_seconds: -5 }), genesisHash({ ...open, heartbeat_seconds: 0 }))
  for (const name of ['run_nonce', 'recorder_session', 'genesis_anchor_head', 'contained_uid']) assert.notEqual(genesisHash({ ...open, [name]: 'x' }), hash, name)
  // Length frames: moving a character from one member to the next is another hash.
  assert.notEqual(genesisHash({ ...open, run_nonce: 'ro', open_nonce: '' }), hash)
})

test('times are written as Go writes them', () => {
  const written = ['2026-05-01T10:00:00.120Z', '2026-05-01T10:00:00.000Z', '2026-05-01T10:00:10.100Z', '2026-05-01T10:00:00.001Z'].map((time) => formatTimestamp(Date.parse(time)))
  assert.deepEqual(written, ['2026-05-01T10:00:00.12Z', '2026-05-01T10:00:00Z', '2026-05-01T10:00:10.1Z', '2026-05-01T10:00:00.001Z'])
})

test('methods have their class', () => {
  assert.deepEqual(['GET', 'CONNECT', 'POST', 'DELETE', 'BREW'].map((method) => classifyMethod(method).side_effect_class), ['external_read', 'external_read', 'external_write', 'external_write', 'none'])
  assert.equal(classifyMethod('DELETE').reversibility, 'irreversible')
  assert.equal(classifyMethod('get').action_type, 'unclassified')
})

test('a reference has a prefix, safe characters and at most 512 bytes', () => {
  assert.equal(reference('digest', 'sha-256=a b|"é'), 'digest:sha-256=a%20b%7C%22%C3%A9')
  assert.ok(Buffer.byteLength(reference('claimed', ' '.repeat(600))) <= 512)
})
