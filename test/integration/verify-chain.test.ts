/** The receipt chain of one session: links, runs, pairs, key transitions, sub-chains. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { LEGACY_GENESIS, LIFECYCLE } from '../../src/receipt/format.ts'
import { type Verification, verifyAgentChain, verifyRecorder } from '../../src/verify/index.ts'
import { aKey, aReceipt, aRecord, Evidence, KEY } from '../support/build-evidence.ts'

const OTHER = aKey('b')
const TRUSTED = { trustedKeys: [KEY.publicKey, OTHER.publicKey] }

function verify(evidence: Evidence, options = TRUSTED): Verification {
  return verifyRecorder(evidence.files(), options)
}

/** @returns distinct codes, in the order found */
function codes(evidence: Evidence): string[] {
  return [...new Set(verify(evidence).faults.map(({ code }) => code))]
}

/** @returns codes of a session that is opened, then given `steps` */
function afterOpen(steps: (evidence: Evidence) => void): string[] {
  const evidence = new Evidence()
  evidence.open()
  steps(evidence)
  return codes(evidence)
}

test('a whole session is valid without a word', () => {
  const result = verify(Evidence.whole())
  assert.deepEqual([result.valid, result.faults, result.warnings, result.openIntents], [true, [], [], []])
  assert.deepEqual([result.counts.receipts, result.counts.entries, result.counts.checkpoints], [9, 11, 1])
})

test('a chain from the plain genesis needs no session control', () => {
  const evidence = new Evidence()
  evidence.add()
  evidence.add()
  assert.deepEqual(codes(evidence), [])
  assert.deepEqual(verifyRecorder([{ name: 'x.jsonl', content: evidence.receipts.join('\n') + '\n' }], TRUSTED).faults, [])
})

test('a run nonce without an open session is refused', () => {
  const evidence = new Evidence()
  evidence.runNonce = 'n'
  evidence.add()
  assert.deepEqual(codes(evidence), ['run_nonce_mismatch'])
})

test('every receipt of a run carries its nonce', () => {
  assert.deepEqual(afterOpen((evidence) => { evidence.add({ run_nonce: undefined }) }), ['run_nonce_mismatch'])
  assert.deepEqual(afterOpen((evidence) => { evidence.add({ run_nonce: 'other' }) }), ['run_nonce_mismatch'])
})

test('a bound genesis follows from its session_open, member by member', () => {
  const forged = new Evidence()
  forged.head = { seq: -1, hash: `g1:${'0'.repeat(64)}` }
  forged.add()
  assert.deepEqual(codes(forged), ['chain_start'])

  const record = aRecord({
    chain_prev_hash: `g1:${'0'.repeat(64)}`, run_nonce: 'n', transport: LIFECYCLE.transport,
    session_control: {
      kind: 'session_open',
      open: { run_nonce: 'n', open_nonce: 'o', recorder_session: 's', policy_hash: '', signer_key_epoch: '', heartbeat_seconds: -1, chain_open_seq: 0, genesis_hash: `g1:${'0'.repeat(64)}` },
    },
  })
  const result = verifyRecorder([{ name: 'x.jsonl', content: `${aReceipt(record)}\n` }], TRUSTED)
  assert.deepEqual(result.faults.map(({ code }) => code), ['genesis_mismatch'])
})

test('a new chain names no chain before it', () => {
  for (const prior of [{ prior_chain_head: 'a'.repeat(64) }, { prior_chain_seq: 1 }]) {
    const evidence = new Evidence()
    evidence.open(undefined, prior)
    assert.deepEqual(codes(evidence), ['control_invalid'])
  }
})

test('a session_open on the plain genesis, or a chain that names something before, is no beginning', () => {
  const plain = new Evidence()
  plain.open(undefined, {}, { chain_prev_hash: LEGACY_GENESIS })
  assert.deepEqual(codes(plain), ['chain_start'])
  const unbound = new Evidence()
  unbound.add({ chain_prev_hash: 'a'.repeat(64) })
  assert.deepEqual(codes(unbound), ['chain_start'])
  const late = new Evidence()
  late.head = { seq: 6, hash: 'a'.repeat(64) }
  late.add()
  assert.deepEqual(codes(late), ['chain_start'])
})

test('heartbeats count from 1 and tell the receipt before', () => {
  assert.deepEqual(afterOpen((evidence) => { evidence.heartbeat(); evidence.heartbeat() }), [])
  for (const wrong of [{ beat: 2 }, { chain_head: 'x' }, { chain_seq_head: 7 }]) {
    assert.deepEqual(afterOpen((evidence) => { evidence.heartbeat(wrong) }), ['control_invalid'], JSON.stringify(wrong))
  }
  assert.deepEqual(afterOpen((evidence) => { evidence.heartbeat({ run_nonce: 'x' }) }), ['run_nonce_mismatch'])
  assert.deepEqual(afterOpen((evidence) => { evidence.heartbeat({ heartbeat_time: '2026-05-01T10:00:00.50Z' }) }), ['timestamp_form'])
})

test('failure counters never decrease', () => {
  assert.deepEqual(afterOpen((evidence) => { evidence.heartbeat({ durability_blocks: 2 }); evidence.close({ durability_blocks: 2 }) }), [])
  assert.deepEqual(afterOpen((evidence) => { evidence.heartbeat({ fsync_errors_gated: 2 }); evidence.close({ fsync_errors_gated: 1 }) }), ['control_invalid'])
})

test('a close tells sequence, root and count, and nothing follows it', () => {
  for (const wrong of [{ final_seq: 9 }, { root_hash: 'x' }, { receipt_count: 9 }]) {
    assert.deepEqual(afterOpen((evidence) => { evidence.close(wrong) }), ['control_invalid'], JSON.stringify(wrong))
  }
  assert.deepEqual(afterOpen((evidence) => { evidence.close(); evidence.add() }), ['after_close'])
  assert.deepEqual(afterOpen((evidence) => { evidence.close(); evidence.heartbeat() }), ['after_close'])
})

test('control without an open session, of another kind than its body, or on another transport is refused', () => {
  const unopened = new Evidence()
  unopened.add()
  unopened.heartbeat()
  assert.deepEqual(codes(unopened), ['control_without_open'])
  const heartbeat = { kind: 'heartbeat', heartbeat: {} } as never
  assert.deepEqual(afterOpen((evidence) => { evidence.control(heartbeat) }), ['timestamp_form'])
  for (const kind of ['session_close', '__proto__', 'zzz']) {
    const found = afterOpen((evidence) => {
      evidence.add({ transport: LIFECYCLE.transport, session_control: { kind, open: { run_nonce: 'n', open_nonce: 'o', recorder_session: '', policy_hash: '', signer_key_epoch: '', heartbeat_seconds: 1, chain_open_seq: 1 } } as never })
    })
    assert.deepEqual(found, ['control_invalid'], kind)
  }
  assert.deepEqual(afterOpen((evidence) => {
    evidence.heartbeat()
    evidence.control({ kind: 'session_close', close: { run_nonce: evidence.runNonce!, open_nonce: `open-${evidence.runNonce!}`, final_seq: 2, root_hash: evidence.head.hash, receipt_count: 3, close_reason: '', fsync_errors_gated: 0, durability_blocks: 0 } }, { transport: 'forward' })
  }), ['control_invalid'])
})

test('a restart inside a chain names the receipt before and takes new nonces', () => {
  assert.deepEqual(afterOpen((evidence) => { evidence.add(); evidence.open(undefined, { run_nonce: 'second' }); evidence.add() }), [])
  assert.deepEqual(afterOpen((evidence) => { evidence.open(undefined, { run_nonce: 'second', prior_chain_head: 'x' }) }), ['control_invalid'])
  assert.deepEqual(afterOpen((evidence) => { evidence.open(undefined, { run_nonce: 'second', genesis_hash: 'g1:x' }) }), ['control_invalid'])
  assert.deepEqual(afterOpen((evidence) => { evidence.open(undefined, { run_nonce: 'second', chain_open_seq: 0 }) }), ['control_invalid'])
  assert.deepEqual(afterOpen((evidence) => { evidence.open(undefined, { run_nonce: 'second', recorder_session: 'x' }) }), ['control_invalid'])
  assert.deepEqual(afterOpen((evidence) => { evidence.open() }), ['run_nonce_reused'])
})

test('a session_open behind a close is valid, and said', () => {
  const evidence = new Evidence()
  evidence.open()
  evidence.close()
  evidence.open(undefined, { run_nonce: 'second' })
  evidence.close()
  evidence.checkpoint()
  const { valid, warnings } = verify(evidence)
  assert.deepEqual([valid, warnings.map(({ code }) => code)], [true, ['open_after_close']])
})

test('an intent without outcome is listed as open, and is no fault', () => {
  const evidence = new Evidence()
  evidence.open()
  evidence.action('done')
  evidence.add({ action_id: 'left', decision_phase: 'intent' })
  evidence.close()
  const { valid, openIntents } = verify(evidence)
  assert.deepEqual([valid, openIntents.map(({ actionId, session, sequence }) => [actionId, session, sequence])], [true, [['left', evidence.session, 3]]])
})

test('an outcome needs its intent before it, and each stands once', () => {
  assert.deepEqual(afterOpen((evidence) => { evidence.add({ decision_phase: 'outcome' }) }), ['outcome_without_intent'])
  assert.deepEqual(afterOpen((evidence) => { evidence.add(); evidence.add({ decision_phase: 'outcome' }) }), ['outcome_without_intent'])
  assert.deepEqual(afterOpen((evidence) => { evidence.action('x'); evidence.add({ action_id: 'x', decision_phase: 'outcome' }) }), ['duplicate_phase'])
  assert.deepEqual(afterOpen((evidence) => { evidence.action('x'); evidence.action('x') }), ['duplicate_phase'])
})

test('an intent of one run is not ended by an outcome of the next', () => {
  assert.deepEqual(afterOpen((evidence) => {
    evidence.add({ action_id: 'x', decision_phase: 'intent' })
    evidence.open(undefined, { run_nonce: 'second' })
    evidence.add({ action_id: 'x', decision_phase: 'outcome' })
  }), ['outcome_without_intent'])
})

test('another phase is said, not refused', () => {
  const evidence = new Evidence()
  evidence.add({ decision_phase: 'zzz' })
  assert.deepEqual([verify(evidence).valid, verify(evidence).warnings.map(({ code }) => code)], [true, ['unknown_phase']])
})

/** @param change of the second segment's first receipt */
function rotated(change: object = {}, transition: object = {}, open = true): Evidence {
  const evidence = new Evidence()
  if (open) evidence.open()
  evidence.add()
  const { seq, hash } = evidence.head
  const prior = { prior_signer_key: KEY.publicKey, prior_chain_seq: seq, prior_chain_hash: hash, ...transition }
  evidence.key = OTHER
  if (open) evidence.open(undefined, { run_nonce: 'second' }, { chain_seq: 0, key_transition: prior, ...change })
  else evidence.add({ chain_seq: 0, key_transition: prior, ...change })
  evidence.add()
  return evidence
}

test('a key transition between two trusted keys continues a bound chain', () => {
  assert.deepEqual(codes(rotated()), [])
})

test('a key transition is refused that does not fit, names another key, or stands on a chain without session_open', () => {
  assert.deepEqual(codes(rotated({}, { prior_chain_seq: 9 })), ['key_transition_invalid'])
  assert.deepEqual(codes(rotated({}, { prior_chain_hash: 'x' })), ['key_transition_invalid'])
  assert.deepEqual(codes(rotated({}, { prior_signer_key: OTHER.publicKey })), ['key_transition_invalid'])
  assert.deepEqual(codes(rotated({ chain_prev_hash: 'a'.repeat(64) })), ['broken_link'])
  assert.deepEqual(codes(rotated({}, {}, false)), ['key_transition_invalid'])
  const first = new Evidence()
  first.add({ key_transition: { prior_signer_key: KEY.publicKey, prior_chain_seq: 0, prior_chain_hash: 'x' } })
  assert.deepEqual(codes(first), ['key_transition_invalid'])
})

test('a key transition needs both keys trusted', () => {
  const evidence = rotated()
  assert.ok(verify(evidence, { trustedKeys: [KEY.publicKey] }).faults.some(({ code }) => code === 'signer_untrusted'))
  const unpinned = verifyRecorder(evidence.files(), { allowUnpinned: true })
  assert.deepEqual(unpinned.faults.map(({ code }) => code), ['key_transition_invalid'])
})

test('a signer that changes without a transition is refused, though both are trusted', () => {
  assert.deepEqual(afterOpen((evidence) => { evidence.key = OTHER; evidence.add() }), ['signer_changed'])
})

test('the same agent\'s receipts name each other: none, then sequence and hash of the one before', () => {
  const evidence = agents()
  assert.deepEqual(codes(evidence), [])
})

for (const [why, ref] of [
  ['an unknown receipt', `agent-prev:1:${'a'.repeat(64)}`], ['no form', 'agent-prev:x'], ['a hash of another sequence', 'sequence'], ['one that is continued already', 'fork'],
] as const) {
  test(`a sub-chain that names ${why} is broken`, () => {
    const evidence = agents()
    const hash = evidence.head.hash
    const last = evidence.head.seq
    if (ref === 'fork') evidence.add({ precedent_refs: [`agent-prev:${last}:${hash}`] })
    const wrong = ref === 'sequence' ? `agent-prev:${last + 5}:${hash}` : ref === 'fork' ? `agent-prev:${last}:${hash}` : ref
    evidence.add({ precedent_refs: [wrong] })
    assert.deepEqual(codes(evidence), ['agent_chain_broken'])
  })
}

test('one agent\'s receipts verify without the others\', and a missing one shows', () => {
  const evidence = agents()
  const own = evidence.receipts.filter((text) => text.includes('agent/a"'))
  const file = (receipts: readonly string[]) => ({ name: 'a.jsonl', content: receipts.map((text) => `${text}\n`).join('') })
  const whole = verifyAgentChain(file(own), TRUSTED)
  assert.deepEqual([whole.valid, whole.faults, whole.receipts, whole.actors], [true, [], 4, ['spiffe://a.example/agent/a']])
  assert.equal(whole.head?.sequence, 7)
  assert.deepEqual(verifyAgentChain(file(own.toSpliced(1, 1)), TRUSTED).faults.map(({ code }) => code), ['agent_chain_broken'])
  assert.deepEqual(verifyAgentChain(file(own.slice(1)), TRUSTED).faults.map(({ code }) => code), ['agent_chain_broken'])
  assert.deepEqual(verifyAgentChain(file(own.toReversed()), TRUSTED).valid, false)
  assert.deepEqual(verifyAgentChain(file(evidence.receipts), TRUSTED).valid, false)
  assert.deepEqual(verifyAgentChain(file(own.with(0, own[0]!.replace('a=1', 'a=2'))), TRUSTED).faults.map(({ code }) => code), ['signature_invalid', 'agent_chain_broken'])
  assert.deepEqual(verifyAgentChain(file(own.with(1, '{}')), TRUSTED).faults.map(({ code }) => code), ['member_missing'])
  const odd = new Evidence()
  odd.add({ decision_phase: 'zzz', precedent_refs: ['agent-prev:none'] })
  assert.deepEqual(verifyAgentChain(file(odd.receipts), TRUSTED).warnings.map(({ code }) => code), ['unknown_phase'])
  assert.deepEqual(verifyAgentChain(file([]), TRUSTED).faults.map(({ code }) => code), ['no_receipts'])
  assert.deepEqual(verifyAgentChain(file(own)).faults.map(({ code }) => code), ['unpinned'])
})

test('one agent\'s entries of two sessions are one export; none inside a session is not', () => {
  const lines = [agents('1'), agents('2')].flatMap((evidence) => evidence.lines.filter((line) => line.includes('agent/a"')))
  const content = lines.map((line) => `${line}\n`).join('')
  assert.deepEqual(verifyAgentChain({ name: 'a.jsonl', content }, TRUSTED).faults, [])
  const evidence = agents()
  evidence.add({ actor: 'spiffe://a.example/agent/a', precedent_refs: ['agent-prev:none'] })
  const own = evidence.receipts.filter((text) => text.includes('agent/a"'))
  assert.deepEqual(verifyAgentChain({ name: 'a.jsonl', content: own.map((text) => `${text}\n`).join('') }, TRUSTED).faults.map(({ code }) => code), ['agent_chain_broken'])
})

test('after a break the chain is read on from what is there: one break, one fault', () => {
  const evidence = new Evidence()
  for (let count = 0; count < 6; count++) evidence.add({ action_id: `a${count}` })
  const bare = (receipts: readonly string[]) => verifyRecorder([{ name: 'x.jsonl', content: receipts.map((text) => `${text}\n`).join('') }], TRUSTED).faults
  assert.deepEqual(bare(evidence.receipts), [])
  assert.deepEqual(bare(evidence.receipts.toSpliced(2, 1)).map(({ code, sequence }) => [code, sequence]), [['sequence_gap', 3], ['broken_link', 3]])
  assert.deepEqual(bare(evidence.receipts.with(2, 'x')).map(({ code, line }) => [code, line]), [['invalid_json', 3]])
  assert.deepEqual(bare(evidence.receipts.slice(1)).map(({ code }) => code), ['chain_start', 'chain_start'])
})

/** Two agents in turn, four actions each side. */
function agents(name = '1'): Evidence {
  const evidence = new Evidence(name)
  evidence.open()
  const last = new Map<string, string>()
  for (let count = 0; count < 8; count++) {
    const agent = count % 2 === 0 ? 'a' : 'b'
    evidence.add({ actor: `spiffe://a.example/agent/${agent}`, action_id: `x${count}`, precedent_refs: [`agent-prev:${last.get(agent) ?? 'none'}`] })
    last.set(agent, `${evidence.head.seq}:${evidence.head.hash}`)
  }
  return evidence
}
