/** Recorder files as they lie in a folder: entries, shards, sessions, and what can happen to them. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import { ENTRY_TYPE } from '../../src/receipt/entry.ts'
import { type SourceFile, type Verification, verifyRecorder } from '../../src/verify/index.ts'
import { aKey, Evidence, KEY, TIME } from '../support/build-evidence.ts'

const TRUSTED = { trustedKeys: [KEY.publicKey] }

function verify(files: readonly SourceFile[]): Verification {
  return verifyRecorder(files, TRUSTED)
}

/** @returns distinct codes, in the order found */
function codes(files: readonly SourceFile[]): string[] {
  return [...new Set(verify(files).faults.map(({ code }) => code))]
}

function warnings(files: readonly SourceFile[]): string[] {
  return [...new Set(verify(files).warnings.map(({ code }) => code))]
}

/** @returns codes of a whole session of which one line is edited as text */
function edited(at: number, from: string | RegExp, to: string): string[] {
  const evidence = Evidence.whole()
  const line = evidence.lines[at]!
  evidence.lines[at] = line.replace(from, to)
  assert.notEqual(evidence.lines[at], line)
  return codes(evidence.files())
}

test('shards in any order, or put together in one file, are one session', () => {
  const evidence = Evidence.whole()
  const shards = evidence.files(4, 7)
  for (const files of [shards, shards.toReversed(), evidence.files(), [{ name: 'all.jsonl', content: evidence.text }]]) {
    const result = verify(files)
    assert.deepEqual([result.valid, result.faults, result.warnings, result.counts.sessions], [true, [], [], 1])
  }
  assert.deepEqual(verify(shards).sessions[0]?.files, shards.map(({ name }) => name))
})

test('shards under other names are ordered by their first entry', () => {
  const [first, second] = Evidence.whole().files(4) as [SourceFile, SourceFile]
  assert.deepEqual(codes([{ ...second, name: 'a.jsonl' }, { ...first, name: 'b.jsonl' }]), [])
})

test('a shard that is missing, alone, given twice or under another name is a fault', () => {
  const shards = Evidence.whole().files(4, 7)
  assert.deepEqual(codes(shards.toSpliced(1, 1)).slice(0, 2), ['entry_sequence', 'entry_link'])
  assert.ok(codes(shards.slice(1)).includes('entry_sequence'))
  assert.ok(codes(shards.slice(1)).includes('chain_start'))
  assert.ok(codes([...shards, { ...shards[1]!, name: 'copy.jsonl' }]).includes('entry_sequence'))
  const renamed = shards.with(1, { ...shards[1]!, name: shards[1]!.name.replace('-4.', '-5.') })
  assert.deepEqual(codes(renamed), ['file_name_mismatch'])
  const foreign = shards.with(1, { ...shards[1]!, name: shards[1]!.name.replace('.111', '.211') })
  assert.ok(codes(foreign).includes('mixed_sessions'))
})

test('every member of an entry is covered by its hash', () => {
  assert.deepEqual(edited(1, 'receipt: allow', 'receipt: block'), ['entry_hash'])
  assert.deepEqual(edited(1, /"ts":"2026/, '"ts":"2027'), ['entry_hash'])
  assert.deepEqual(edited(1, '"event_kind":"read",', ''), ['entry_hash'])
  assert.deepEqual(edited(1, '"type":"action', '"trace_id":"x","type":"action'), ['entry_hash'])
  assert.deepEqual(edited(1, '"prev_hash"', '"raw_ref":"x","prev_hash"'), ['entry_hash'])
  assert.deepEqual(edited(1, /"hash":"./, '"hash":"x'), ['entry_hash', 'entry_link'])
  // The entry held the intent: its outcome has lost it.
  assert.deepEqual(edited(1, '"v":2', '"v":3'), ['unsupported_version', 'outcome_without_intent'])
  assert.deepEqual(edited(1, '"v":2', '"v":1'), ['unknown_member', 'outcome_without_intent'])
  assert.deepEqual(edited(1, '"seq":1', '"seq":1,"note":1'), ['unknown_member', 'outcome_without_intent'])
})

test('an entry of version 1 is read by its own rules', () => {
  const evidence = new Evidence()
  for (let count = 0; count < 2; count++) evidence.add({}, { entry: { version: 1, eventKind: undefined } })
  assert.deepEqual(codes(evidence.files()), [])
  evidence.lines[1] = evidence.lines[1]!.replace('receipt: allow', 'receipt: block')
  assert.deepEqual(codes(evidence.files()), ['entry_hash'])
})

test('the text of a detail is hashed as it stands, not as it would be written again', () => {
  const evidence = new Evidence()
  evidence.add({}, { entry: {} })
  const [line = ''] = evidence.lines
  assert.deepEqual(codes([{ name: 'a.jsonl', content: `${line}\n` }]), [])
  assert.deepEqual(codes([{ name: 'a.jsonl', content: `${line.replace('"detail":{', '"detail":{ ')}\n` }]), ['entry_hash'])
})

test('what stands around a receipt agrees with it, though its hash is good', () => {
  for (const entry of [{ transport: 'x' }, { eventKind: 'write' }]) {
    const evidence = new Evidence()
    evidence.add({}, { entry })
    assert.deepEqual(codes(evidence.files()), ['entry_contradiction'])
  }
  const evidence = new Evidence()
  evidence.add({}, { entry: { summary: 'x' } })
  assert.deepEqual([codes(evidence.files()), warnings(evidence.files())], [[], ['summary_differs']])
})

test('an entry with NUL in a member, an empty session or a local time is refused', () => {
  for (const [entry, code] of [[{ summary: '\0' }, 'entry_invalid'], [{ sessionId: '' }, 'entry_invalid'], [{ timestamp: '2026-05-01T10:00:00+02:00' }, 'timestamp_form']] as const) {
    const evidence = new Evidence()
    evidence.add({}, { entry })
    assert.equal(codes([{ name: 'a.jsonl', content: evidence.text }])[0], code)
  }
})

test('unknown entry types are a fault, decisions a warning', () => {
  const evidence = new Evidence()
  evidence.add()
  evidence.entry({ type: 'zzz' })
  assert.deepEqual(codes(evidence.files()), ['unknown_entry_type'])
  const decided = new Evidence()
  decided.add()
  decided.entry({ type: ENTRY_TYPE.decision })
  assert.deepEqual([codes(decided.files()), warnings(decided.files())], [[], ['decision_not_checked']])
})

test('a checkpoint covers what is behind the last one, and a trusted key signs it', () => {
  const build = (fields: object) => {
    const evidence = new Evidence()
    evidence.add()
    evidence.checkpoint()
    evidence.add()
    evidence.checkpoint(fields)
    return codes(evidence.files())
  }
  assert.deepEqual(build({}), [])
  const wrong = [{ firstSeq: 0 }, { lastSeq: 1 }, { entryCount: 2 }, { signature: '' }, { signature: 'x' }, { signature: 'ab'.repeat(64) }]
  for (const fields of wrong) assert.deepEqual(build(fields), ['checkpoint_invalid'], JSON.stringify(fields))
  const foreign = new Evidence()
  foreign.add()
  foreign.key = aKey('b')
  foreign.checkpoint()
  assert.deepEqual(codes(foreign.files()), ['checkpoint_invalid'])
})

test('a transcript root tells the chain again, and only a checkpoint follows', () => {
  const build = (fields: object, then: (evidence: Evidence) => void = () => undefined) => {
    const evidence = new Evidence()
    evidence.add()
    evidence.transcriptRoot(fields)
    then(evidence)
    return codes(evidence.files())
  }
  assert.deepEqual(build({}, (evidence) => { evidence.checkpoint() }), [])
  const wrong = [{ sessionId: 'x' }, { finalSeq: 1 }, { rootHash: 'x' }, { receiptCount: 2 }, { startTime: '2026-05-01T10:00:00Z' }, { endTime: '2026-05-01T10:00:00Z' }]
  for (const fields of wrong) assert.deepEqual(build(fields), ['transcript_root_invalid'], JSON.stringify(fields))
  assert.deepEqual(build({}, (evidence) => { evidence.add() }), ['transcript_root_invalid'])
  const empty = new Evidence()
  empty.transcriptRoot()
  assert.deepEqual(codes(empty.files()), ['number_range', 'no_receipts'])
})

test('a torn tail names its file: a cut line, NUL bytes, a line feed that is missing', () => {
  const evidence = Evidence.whole()
  const torn = (change: (text: string) => string) => {
    const [file] = evidence.files() as [SourceFile]
    return verify([{ ...file, content: change(evidence.text) }])
  }
  for (const change of [(text: string) => text.slice(0, -100), (text: string) => `${text}\0\0\0`, (text: string) => `${text}\0\0\n`, (text: string) => `${text}{"v"`]) {
    const { faults } = torn(change)
    assert.deepEqual([...new Set(faults.map(({ code }) => code))], ['torn_tail'])
    assert.equal(faults[0]?.file, evidence.files()[0]?.name)
  }
  const { valid, warnings: found } = torn((text) => text.slice(0, -1))
  assert.deepEqual([valid, found.map(({ code }) => code)], [true, ['no_final_newline']])
})

test('a session that was not closed is said', () => {
  const evidence = new Evidence()
  evidence.open()
  assert.deepEqual([codes(evidence.files()), warnings(evidence.files())], [[], ['session_not_closed']])
})

test('a session that was closed without a checkpoint at its end is said', () => {
  const evidence = Evidence.whole()
  evidence.lines.pop()
  assert.deepEqual([codes(evidence.files()), warnings(evidence.files())], [[], ['unsealed_tail']])
})

test('files are bytes or text; bytes that are not UTF-8 are a fault', () => {
  const [file] = Evidence.whole().files() as [SourceFile & { content: string }]
  assert.deepEqual(codes([{ ...file, content: Buffer.from(file.content) }]), [])
  assert.deepEqual(codes([{ ...file, content: Buffer.from(file.content.replace('a.example', 'a.ex\xffple'), 'latin1') }]), ['invalid_utf8', 'entry_hash', 'signature_invalid', 'broken_link'])
})

test('blank lines, other spelling, empty and foreign files are said', () => {
  const evidence = Evidence.whole()
  const [file] = evidence.files() as [SourceFile]
  assert.deepEqual(warnings([{ ...file, content: evidence.text.replace('\n', '\n\n') }]), ['blank_line'])
  assert.deepEqual(warnings([{ ...file, content: evidence.text.replace('"v":2', '"v": 2') }]), ['entry_spelling'])
  assert.deepEqual(warnings([{ ...file, content: evidence.text.replaceAll('\n', '\r\n') }]), ['entry_spelling'])
  const others = [{ name: `evidence-${evidence.session}-11.jsonl`, content: '' }, { name: 'lock', content: '1' }, { name: `${file.name}.torn`, content: 'x' }]
  assert.deepEqual(warnings([file, ...others]).toSorted(), ['empty_file', 'file_ignored', 'torn_bytes_kept'])
  assert.deepEqual(codes([file, ...others]), [])
  assert.deepEqual(codes([file, { name: 'x.jsonl', content: 'x' }]), ['file_not_evidence'])
})

test('nothing to verify is not valid', () => {
  assert.deepEqual(codes([]), ['no_receipts'])
  assert.deepEqual(codes([{ name: 'x', content: '' }]), ['file_not_evidence', 'no_receipts'])
})

test('a line above 1 MiB is refused, and a shard above 8 MiB is said', () => {
  const long = new Evidence()
  long.add({ pattern: 'x'.repeat(1_048_576) })
  assert.deepEqual(codes(long.files()), ['line_too_long', 'no_receipts'])
  const large = new Evidence()
  for (let count = 0; count < 9; count++) large.add({ pattern: 'x'.repeat(1_000_000) })
  assert.deepEqual([codes(large.files()), warnings(large.files())], [[], ['over_reader_limit']])
})

/** Three sessions, each continuing the one before. */
function threeSessions(): [Evidence, Evidence, Evidence] {
  const first = Evidence.whole('1')
  const second = Evidence.whole('2', first)
  return [first, second, Evidence.whole('3', second)]
}

test('sessions are ordered along their links, whatever the order of the files', () => {
  const sessions = threeSessions()
  const files = sessions.flatMap((evidence) => evidence.files(5)).toReversed()
  const result = verify(files)
  assert.deepEqual([result.valid, result.faults, result.warnings], [true, [], []])
  assert.deepEqual(result.sessions.map(({ session }) => session), sessions.map(({ session }) => session))
  assert.equal(result.head?.hash, sessions[2].head.hash)
})

test('a missing session in the middle is a fault, and names who misses it', () => {
  const [first, , third] = threeSessions()
  const { faults } = verify([...first.files(), ...third.files()])
  assert.deepEqual(faults.map(({ code, session }) => [code, session]), [['predecessor_missing', third.session]])
})

test('a session whose end was cut off does not hold what the next one names', () => {
  const [first, second, third] = threeSessions()
  second.lines.splice(-4)
  const files = [first, second, third].flatMap((evidence) => evidence.files())
  assert.deepEqual(codes(files), ['predecessor_mismatch'])
})

test('receipts behind the one that the next session names are said', () => {
  const first = new Evidence('1')
  first.open()
  const linked = new Evidence('1')
  linked.head = { ...first.head }
  first.add()
  const second = Evidence.whole('2', linked)
  assert.deepEqual([codes([...first.files(), ...second.files()]), warnings([...first.files(), ...second.files()])], [[], ['session_not_closed', 'unacknowledged_tail']])
})

test('two sessions that continue the same one are a fork', () => {
  const [first, second] = threeSessions()
  const twin = Evidence.whole('4', first)
  assert.deepEqual(codes([first, second, twin].flatMap((evidence) => evidence.files())), ['fork'])
})

test('a run nonce that two sessions share is a fault', () => {
  const first = Evidence.whole('1')
  const second = new Evidence('2')
  second.open(first, { run_nonce: first.runNonce! })
  assert.deepEqual(codes([...first.files(), ...second.files()]), ['run_nonce_reused'])
})

test('more than one beginning is said', () => {
  assert.deepEqual(warnings([...Evidence.whole('1').files(), ...Evidence.whole('2').files()]), ['several_roots'])
})

test('a link that is malformed or given twice is a fault', () => {
  for (const refs of [['prior-chain:x'], ['prior-chain:none', 'prior-chain:none']]) {
    const evidence = new Evidence()
    evidence.open(undefined, {}, { precedent_refs: refs })
    assert.deepEqual(codes(evidence.files()), ['control_invalid'])
  }
})

function retirement(evidence: Evidence, changes: object = {}, key = KEY): SourceFile {
  const json = JSON.stringify({
    version: 1, session_id: evidence.session, final_seq: evidence.head.seq, head_hash: evidence.head.hash, prior_session: '', ended_at: TIME,
    retired_at: TIME, signer_key: key.publicKey, ...changes,
  })
  const digest = createHash('sha256').update('chaperone-retired-session-v1\0').update(json).digest()
  return { name: `retired-${evidence.session}.json`, content: `${json.slice(0, -1)},"signature":"ed25519:${key.sign(digest)}"}\n` }
}

test('a signed record explains a session that was retired', () => {
  const [first, second] = threeSessions()
  const files = [retirement(first), ...second.files()]
  assert.deepEqual([codes(files), warnings(files), verify(files).counts.retiredSessions], [[], ['predecessor_retired'], 1])
})

test('a record explains nothing that is not signed by a trusted key, tells another end, or is malformed', () => {
  const [first, second] = threeSessions()
  const explain = (file: SourceFile) => codes([file, ...second.files()])
  const missing = ['retirement_invalid', 'predecessor_missing']
  assert.deepEqual(explain(retirement(first, {}, aKey('b'))), missing)
  assert.deepEqual(explain(retirement(first, { version: 2 })), missing)
  assert.deepEqual(explain({ ...retirement(first), content: String(retirement(first).content).replace('ed25519:', '') }), missing)
  assert.deepEqual(explain({ ...retirement(first), content: String(retirement(first).content).replace('"prior_session":""', '"prior_session":"x"') }), missing)
  assert.deepEqual(explain(retirement(first, { head_hash: 'a'.repeat(64) })), ['predecessor_mismatch'])
  assert.deepEqual(explain(retirement(first, { final_seq: 1 })), ['predecessor_mismatch'])
  assert.deepEqual(explain({ name: 'retired-x.json', content: '{}' }), ['member_missing', 'predecessor_missing'])
  assert.deepEqual(explain({ name: 'retired-x.json', content: Buffer.from([0xff]) }), ['invalid_utf8', 'predecessor_missing'])
  assert.deepEqual(explain(retirement(second)), ['predecessor_missing'])
})

test('a single receipt over several lines, and a chain of bare receipts, are told from entries', () => {
  const evidence = new Evidence()
  evidence.add()
  evidence.add()
  const pretty = JSON.stringify(JSON.parse(evidence.receipts[0]!), null, 2)
  assert.deepEqual(verify([{ name: 'one.json', content: pretty }]).counts.receipts, 1)
  assert.deepEqual(codes([{ name: 'one.json', content: pretty }]), [])
  assert.deepEqual(codes([{ name: 'two.jsonl', content: evidence.receipts.map((text) => `${text}\n`).join('') }]), [])
  assert.deepEqual(verify([{ name: 'two.jsonl', content: evidence.receipts.join('\n') }]).counts.receipts, 2)
})
