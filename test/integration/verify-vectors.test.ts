/** Evidence that others made: the published conformance files and a file of a real peer. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'

import { entryHash, sealEntry, type EntryFields } from '../../src/receipt/entry.ts'
import { type ActionRecord, genesisHash, type Receipt, receiptHash, receiptJson, recordJson } from '../../src/receipt/format.ts'
import { parseTrustedKey, verifyReceipt, verifyRecorder } from '../../src/verify/index.ts'
import { skipFor } from '../support/missed.ts'
import { sharedFolder } from '../support/shared-folder.ts'

const KEY = '4655a7e605c12ebb00a46037881c33c5bca5eb74b45a02e8e7261a7ff5a21678'

function vector(t: TestContext, ...parts: string[]): Buffer | undefined {
  const path = sharedFolder('vectors', ...parts)
  if (path === undefined) skipFor(t, 'the vectors of others')
  return path === undefined ? undefined : readFileSync(path)
}

test('the published single receipt has the published canonical bytes and hashes', (t) => {
  const content = vector(t, 'pipelock-receipts', 'valid-single.json')
  if (content === undefined) return
  const receipt = JSON.parse(content.toString()) as Receipt
  const canonical = recordJson(receipt.action_record)
  assert.equal(Buffer.byteLength(canonical), 523)
  assert.equal(createHash('sha256').update(canonical).digest('hex'), '5fd30d1f46ab86e20815fc79e1e23749e605d00b0c78fe30356196b5c6429639')
  assert.equal(receiptHash(receipt), '9994a67b9cb324bae8d648b5baccd5d5403600b2bc5047a40d0355a610f2dc44')
})

test('the published single receipt is valid, and its twin with a changed signature is not', (t) => {
  const valid = vector(t, 'pipelock-receipts', 'valid-single.json')
  const changed = vector(t, 'pipelock-receipts', 'invalid-signature.json')
  if (valid === undefined || changed === undefined) return
  const trusted = { trustedKeys: [KEY] }
  const good = verifyReceipt(valid, trusted)
  assert.deepEqual([good.valid, good.receipt?.record.action_id, good.trust], [true, 'conformance-00000', 'pinned'])
  const bad = verifyReceipt(changed, trusted)
  assert.equal(bad.valid, false)
  assert.deepEqual(bad.faults.map(({ code, cause }) => [code, cause]), [['signature_invalid', 'signature verification failed']])
  assert.equal(verifyRecorder([{ name: 'valid-single.json', content: valid }], trusted).valid, true)
  assert.equal(verifyRecorder([{ name: 'invalid-signature.json', content: changed }], trusted).valid, false)
})

test('the published chain is valid, whole and with its published root', (t) => {
  const content = vector(t, 'pipelock-receipts', 'valid-chain.jsonl')
  if (content === undefined) return
  const result = verifyRecorder([{ name: 'valid-chain.jsonl', content }], { trustedKeys: [KEY] })
  assert.deepEqual([result.valid, result.faults, result.warnings], [true, [], []])
  assert.deepEqual([result.counts.receipts, result.head?.sequence], [5, 4])
  assert.equal(result.head?.hash, 'be904bd5ca82adc26c2969872c23925f22ff24e33faf44a1185b9ffc0e2c2b5a')
})

test('the published broken chain breaks at sequence 3, with every signature good', (t) => {
  const content = vector(t, 'pipelock-receipts', 'broken-chain.jsonl')
  if (content === undefined) return
  const { valid, faults } = verifyRecorder([{ name: 'broken-chain.jsonl', content }], { trustedKeys: [KEY] })
  assert.equal(valid, false)
  assert.deepEqual([faults[0]?.code, faults[0]?.sequence, faults[0]?.cause], ['broken_link', 3, 'chain_prev_hash mismatch'])
  assert.ok(faults.every(({ code }) => code === 'broken_link'))
})

test('the file of a real peer is valid whole: receipts, evidence receipts, root and checkpoint', (t) => {
  const content = vector(t, 'pipelock-live', 'v3_2_0_live_chain.jsonl')
  const key = vector(t, 'pipelock-live', 'v3_2_0_live_chain.pub')
  if (content === undefined || key === undefined) return
  const result = verifyRecorder([{ name: 'live.jsonl', content }], { trustedKeys: [parseTrustedKey(key.toString())] })
  assert.deepEqual([result.valid, result.faults, result.warnings, result.openIntents], [true, [], [], []])
  assert.deepEqual([result.counts.entries, result.counts.receipts, result.counts.evidenceReceipts, result.counts.checkpoints], [19, 11, 6, 1])
  assert.equal(result.head?.hash, '623d13a756891c52b6a4b3d400a95c3324da7b5c3b11c95446fb11aee2ea3063')
})

test('a real peer\'s file is not valid under another key, and not without any', (t) => {
  const content = vector(t, 'pipelock-live', 'v3_2_0_live_chain.jsonl')
  if (content === undefined) return
  const files = [{ name: 'live.jsonl', content }]
  const other = verifyRecorder(files, { trustedKeys: [KEY] })
  assert.deepEqual([...new Set(other.faults.map(({ code }) => code))], ['signer_untrusted', 'checkpoint_invalid'])
  const unpinned = verifyRecorder(files)
  assert.deepEqual([unpinned.valid, unpinned.trust, unpinned.faults.map(({ code }) => code)], [false, 'unpinned', ['unpinned']])
  const allowed = verifyRecorder(files, { allowUnpinned: true })
  assert.deepEqual([allowed.valid, allowed.trust, allowed.warnings.map(({ code }) => code)], [true, 'unpinned', ['unpinned']])
})

test('any change to an evidence receipt of a real peer is found, though its entry is hashed again', (t) => {
  const content = vector(t, 'pipelock-live', 'v3_2_0_live_chain.jsonl')
  const key = vector(t, 'pipelock-live', 'v3_2_0_live_chain.pub')?.toString() ?? ''
  if (content === undefined) return
  const codes = (edit: (detail: string) => string) => {
    const rehashed = rehash(content.toString(), 2, edit)
    const found = verifyRecorder([{ name: 'live.jsonl', content: rehashed }], { trustedKeys: [key] }).faults.map(({ code }) => code)
    return new Set(found.filter((code) => code !== 'checkpoint_invalid'))
  }
  assert.deepEqual(codes((detail) => detail), new Set())
  assert.deepEqual(codes((detail) => detail.replace('"verdict":"allow"', '"verdict":"block"')), new Set(['evidence_signature', 'evidence_chain']))
  assert.deepEqual(codes((detail) => detail.replace('"crit":["canonicalization"]', '"crit":["canonicalization","x"]')), new Set(['evidence_invalid']))
  assert.deepEqual(codes((detail) => detail.replace('"crit":["canonicalization"],', '')), new Set(['evidence_invalid']))
  assert.deepEqual(codes((detail) => detail.replace('"payload_kind":"proxy_decision"', '"payload_kind":"zzz"')), new Set(['evidence_invalid']))
  assert.deepEqual(codes((detail) => detail.replace('receipt-signing', 'contract-activation-signing')), new Set(['evidence_invalid']))
  assert.deepEqual(codes((detail) => detail.replace('"payload":{', '"payload":{"note":1,')), new Set(['unknown_member']))
  assert.deepEqual(codes((detail) => detail.replace('"chain_seq":0', '"chain_seq":0.0')), new Set(['number_range']))
  assert.deepEqual(codes((detail) => detail.replace('"event_id"', '"note":1,"event_id"')), new Set(['unknown_member']))
})

test('the entries and the genesis of a real peer are encoded here byte for byte', (t) => {
  const content = vector(t, 'pipelock-live', 'v3_2_0_live_chain.jsonl')?.toString()
  if (content === undefined) return
  const lines = content.trimEnd().split('\n')
  for (const line of lines) {
    const fields = fieldsOf(line)
    assert.deepEqual(sealEntry(fields), { line, hash: entryHash(fields) })
    if (fields.type === 'action_receipt') assert.equal(receiptJson(JSON.parse(fields.detail) as Receipt), fields.detail)
  }
  const { action_record: opened } = JSON.parse(fieldsOf(lines[0]!).detail) as { action_record: ActionRecord }
  assert.ok(opened.session_control?.kind === 'session_open')
  assert.equal(genesisHash(opened.session_control.open), opened.chain_prev_hash)
})

/** Changes one entry's detail and hashes all entries from there again, as one would who has no key. */
function rehash(text: string, at: number, edit: (detail: string) => string): string {
  let prevHash = 'genesis'
  const lines = text.trimEnd().split('\n').map((line, index) => {
    const fields = fieldsOf(line)
    const sealed = sealEntry({ ...fields, prevHash, detail: index === at ? edit(fields.detail) : fields.detail })
    prevHash = sealed.hash
    return `${sealed.line}\n`
  })
  return lines.join('')
}

function fieldsOf(line: string): EntryFields {
  const entry = JSON.parse(line) as { v: 1 | 2; seq: number; ts: string; session_id: string; type: string; event_kind: string; transport: string; summary: string; prev_hash: string }
  const detail = line.slice(line.indexOf(',"detail":') + 10, line.lastIndexOf(',"prev_hash":'))
  return {
    version: entry.v, seq: entry.seq, timestamp: entry.ts, sessionId: entry.session_id, type: entry.type, eventKind: entry.event_kind,
    transport: entry.transport, summary: entry.summary, detail, prevHash: entry.prev_hash,
  }
}
