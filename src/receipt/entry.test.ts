/** Recorder entries: hash, members, checkpoints, transcript roots and file names, byte for byte. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import {
  checkpointDetail, checkpointSignedText, checkpointSummary, encodeEntry, type EntryFields, entryHash, evidenceFileName, isSessionId, parseEvidenceFileName,
  sealEntry, transcriptRootDetail, transcriptRootSummary,
} from './entry.ts'

const ENTRY: EntryFields = {
  version: 2, seq: 7, timestamp: '2026-05-01T10:00:00.5Z', sessionId: 's', type: 'action_receipt', eventKind: 'read', transport: 'forward',
  summary: 'receipt: allow read forward', detail: '{"a":1}', prevHash: 'genesis',
}

function sha256(...members: string[]): string {
  return createHash('sha256').update(members.join('\0')).digest('hex')
}

test('the hash is over the members joined by NUL; version 2 has the event kind, even empty', () => {
  const tail = ['forward', ENTRY.summary, '{"a":1}', '', 'genesis']
  const head = ['7', ENTRY.timestamp, 's', '', 'action_receipt']
  assert.equal(entryHash(ENTRY), sha256('2', ...head, 'read', ...tail))
  assert.equal(entryHash({ ...ENTRY, eventKind: undefined }), sha256('2', ...head, '', ...tail))
  assert.equal(entryHash({ ...ENTRY, version: 1 }), sha256('1', ...head, ...tail))
})

test('a line holds its members in order, and those that may be absent only when they are not empty', () => {
  const { line, hash } = sealEntry(ENTRY)
  assert.equal(
    line,
    '{"v":2,"seq":7,"ts":"2026-05-01T10:00:00.5Z","session_id":"s","type":"action_receipt","event_kind":"read","transport":"forward",'
      + `"summary":"receipt: allow read forward","detail":{"a":1},"prev_hash":"genesis","hash":"${hash}"}`,
  )
  const full = encodeEntry({ ...ENTRY, version: 1, traceId: 't', rawRef: 'r', seq: 2n ** 64n - 1n }, 'h')
  assert.deepEqual(Object.keys(JSON.parse(full) as object), ['v', 'seq', 'ts', 'session_id', 'trace_id', 'type', 'transport', 'summary', 'detail', 'raw_ref', 'prev_hash', 'hash'])
  assert.ok(full.includes('"seq":18446744073709551615,'))
})

test('a checkpoint signs the digits of the hash before it', () => {
  assert.equal(checkpointSignedText('0a').toString('latin1'), '0a')
  const span = { entryCount: 2, firstSeq: 3, lastSeq: 4 }
  assert.equal(checkpointDetail({ ...span, signature: 'x' }), '{"entry_count":2,"first_seq":3,"last_seq":4,"signature":"x"}')
  assert.equal(checkpointSummary(span), 'checkpoint: 2 entries [seq 3-4]')
})

test('a transcript root tells session, end and times', () => {
  const root = { sessionId: 's', finalSeq: 4, rootHash: '0123456789abcdef0', receiptCount: 5, startTime: 'a', endTime: 'b' }
  assert.equal(transcriptRootDetail(root), '{"session_id":"s","final_seq":4,"root_hash":"0123456789abcdef0","receipt_count":5,"start_time":"a","end_time":"b"}')
  assert.equal(transcriptRootSummary(root), 'transcript_root: 5 receipts, root=0123456789abcdef')
})

test('a file name is made of session and first entry, and read back', () => {
  for (const [sessionId, firstSeq] of [['chaperone.run.0a', 0n], ['proxy-3', 2n ** 64n - 1n]] as const) {
    assert.deepEqual(parseEvidenceFileName(evidenceFileName(sessionId, firstSeq)), { sessionId, firstSeq })
  }
  for (const name of ['evidence-s-01.jsonl', 'evidence-s-.jsonl', 'evidence-s-1.jsonl.torn', 'x']) assert.equal(parseEvidenceFileName(name), undefined)
  assert.deepEqual([isSessionId('chaperone.run.0a'), isSessionId(''), isSessionId('a/b')], [true, false, false])
})
