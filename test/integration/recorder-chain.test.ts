/** The recorder on a healthy disk: what it writes verifies from the first byte to the last, however it is cut into files. */

import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import { createManualClock } from '../../src/base/clock.ts'
import { assertVerifies, newestOf, readEvidence } from '../support/read-evidence.ts'
import { admit, aRecorder, aSigner, inFolder, recorderOptions, someFacts } from '../support/recorder-rig.ts'

test('a session opens, holds its receipts in order, and closes with root and checkpoint', () =>
  inFolder(async (dir) => {
    const recorder = await aRecorder(dir)
    const intent = admit(recorder, { decisionPhase: 'intent', actionId: 'one' })
    await intent.durable
    assert.deepEqual(recorder.durableHead(), { session: recorder.stats().session, seq: intent.seq, hash: intent.hash })
    recorder.append(someFacts({ decisionPhase: 'outcome', actionId: 'one', layer: 'outcome' }), 'completion')
    await recorder.close()

    const session = newestOf(await readEvidence(dir))
    assert.match(session.id, /^chaperone\.run\.[0-9a-f]{32}$/)
    assert.deepEqual(session.types, ['action_receipt', 'action_receipt', 'action_receipt', 'action_receipt', 'transcript_root', 'checkpoint'])
    assert.deepEqual(session.receipts.map(({ record }) => record.decision_phase ?? record.session_control?.kind), ['session_open', 'intent', 'outcome', 'session_close'])
    assert.equal(session.receipts[1]?.hash, intent.hash)
    assert.equal(new Set(session.receipts.map(({ record }) => record.run_nonce)).size, 1)
    assert.deepEqual(session.receipts[0]?.record.precedent_refs, ['prior-chain:none', 'durability:durable'])
  }))

test('thousands of concurrent receipts over many small files are one unbroken chain', () =>
  inFolder(async (dir) => {
    const recorder = await aRecorder(dir, { limits: { maxEntriesPerShard: 250, maxShardBytes: 200_000, checkpointInterval: 100 } })
    const acknowledged: number[] = []
    const agent = async (name: string) => {
      for (let i = 0; i < 50; i++) {
        const actionId = `${name}-${i}`
        const placed = admit(recorder, { actionId, decisionPhase: 'intent', agentKey: name })
        await placed.durable
        acknowledged.push(placed.seq)
        recorder.append(someFacts({ actionId, decisionPhase: 'outcome', agentKey: name }), 'completion')
      }
    }
    await Promise.all(Array.from({ length: 40 }, (_, i) => agent(`agent-${i}`)))
    await recorder.close()

    const { receipts, types, shardLines } = newestOf(await readEvidence(dir))
    assert.equal(receipts.length, 4002)
    assert.deepEqual((await assertVerifies(dir, aSigner())).openIntents, [])
    assert.equal(new Set(acknowledged).size, 2000)
    assert.ok(types.filter((type) => type === 'checkpoint').length >= 40)
    assert.ok(shardLines.length > 16 && Math.max(...shardLines) <= 250)
    for (const name of await readdir(dir)) {
      const { size, mode } = await stat(join(dir, name))
      assert.ok(size <= 200_000, `${name}: ${size}`)
      assert.equal(mode & 0o777, 0o600)
    }
  }))

test("one agent's receipts name the one before, from none on", () =>
  inFolder(async (dir) => {
    const recorder = await aRecorder(dir)
    const placed = ['a', 'b', 'a', 'b', 'a'].map((agentKey) => admit(recorder, { agentKey }))
    admit(recorder)
    await recorder.close()
    const { receipts } = newestOf(await readEvidence(dir))
    const refs = receipts.slice(1, 7).map(({ record }) => record.precedent_refs?.[1])
    const to = (i: number) => `agent-prev:${placed[i]!.seq}:${placed[i]!.hash}`
    assert.deepEqual(refs, ['agent-prev:none', 'agent-prev:none', to(0), to(1), to(2), undefined])
  }))

test('a full session rolls over into a new one that names its head', () =>
  inFolder(async (dir) => {
    const recorder = await aRecorder(dir, { limits: { maxEntriesPerShard: 5, maxShards: 2, checkpointInterval: 1000 } })
    for (let i = 0; i < 40; i++) await admit(recorder).durable
    await recorder.close()
    const sessions = await readEvidence(dir)
    assert.ok(sessions.size > 3)
    await assertVerifies(dir, aSigner())
    for (let session = newestOf(sessions); session.prior !== 'none'; ) {
      const [id = '', seq, hash] = session.prior.split(':')
      const before = sessions.get(id)!
      assert.deepEqual([Number(seq), hash], [before.receipts.length - 1, before.receipts.at(-1)?.hash])
      assert.ok(before.shardLines.length <= 3)
      session = before
    }
    const actions = [...sessions.values()].flatMap(({ receipts }) => receipts.filter(({ record }) => record.transport === 'forward'))
    assert.equal(actions.length, 40)
  }))

test('a new key signs a new session, and the old one names it in its close', () =>
  inFolder(async (dir) => {
    const recorder = await aRecorder(dir)
    admit(recorder, { actionId: 'spans', decisionPhase: 'intent' })
    const first = recorder.stats().session
    await recorder.rotateKey(aSigner(2))
    recorder.append(someFacts({ actionId: 'spans', decisionPhase: 'outcome', layer: 'outcome' }), 'completion')
    await recorder.close()

    const sessions = await readEvidence(dir)
    const next = newestOf(sessions)
    await assertVerifies(dir, aSigner(), aSigner(2))
    const close = sessions.get(first)!.receipts.at(-1)!
    assert.deepEqual(close.record.precedent_refs, [`successor-key:${aSigner(2).publicKeyHex}`])
    assert.ok(next.receipts.every(({ signerKey }) => signerKey === aSigner(2).publicKeyHex))
    assert.ok(next.prior.startsWith(`${first}:`))
    // Its intent stands in the other session: with a phase, verifiers would call it an outcome without intent.
    assert.equal(next.receipts[1]?.record.action_id, 'spans')
    assert.equal(next.receipts[1].record.decision_phase, undefined)
  }))

test('heartbeats count up and list what has been open for more than a minute', () =>
  inFolder(async (dir) => {
    const clock = createManualClock()
    const recorder = await aRecorder(dir, { heartbeatSeconds: 1, clock })
    admit(recorder, { actionId: 'slow', decisionPhase: 'intent' })
    admit(recorder, { actionId: 'done', decisionPhase: 'intent' })
    clock.advance(61_000)
    admit(recorder, { actionId: 'young', decisionPhase: 'intent' })
    recorder.append(someFacts({ actionId: 'done', decisionPhase: 'outcome' }), 'completion')
    await new Promise((resolve) => setTimeout(resolve, 2200))
    await recorder.close()
    const beats = newestOf(await readEvidence(dir)).receipts.filter(({ record }) => record.session_control?.kind === 'heartbeat')
    assert.ok(beats.length >= 2)
    await assertVerifies(dir, aSigner())
    assert.equal(beats[0]?.record.pattern, 'open=2 over_60s=1 ids=slow')
  }))

test('whatever facts quote is printable and bounded on disk', () =>
  inFolder(async (dir) => {
    const recorder = await aRecorder(dir)
    const evil = `a\u0085b\u2028c\ud800d\n\0"<&>${'x'.repeat(5000)}`
    admit(recorder, { target: evil, actor: evil, pattern: evil, precedentRefs: [evil, ...Array.from({ length: 90 }, () => 'claimed:x')], delegationChain: [evil] })
    await recorder.close()
    const record = newestOf(await readEvidence(dir)).receipts[1]!.record
    for (const text of [record.target, record.actor, record.pattern, ...record.precedent_refs!, ...record.delegation_chain!]) {
      assert.doesNotMatch(text!, /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd]/)
      assert.ok(Buffer.byteLength(text!) <= 2048)
    }
    assert.ok(Buffer.byteLength(record.precedent_refs![0]!) <= 512)
    assert.equal(record.precedent_refs!.length, 64)
    await assertVerifies(dir, aSigner())
  }))

test('the policy of a receipt is its own, else the current one', () =>
  inFolder(async (dir) => {
    const recorder = await aRecorder(dir)
    admit(recorder)
    recorder.usePolicy('second')
    admit(recorder)
    admit(recorder, { policyHash: 'own' })
    await recorder.close()
    const hashes = newestOf(await readEvidence(dir)).receipts.map(({ record }) => record.policy_hash)
    assert.deepEqual(hashes, ['defaults', 'defaults', 'second', 'own', 'second'])
  }))

test('a buffered recorder says so in its first receipt', () =>
  inFolder(async (dir) => {
    const recorder = await aRecorder(dir, { durability: 'buffered' })
    await admit(recorder).durable
    assert.equal(recorder.stats().commit.syncs, 0)
    await recorder.close()
    assert.equal(newestOf(await readEvidence(dir)).receipts[0]?.record.precedent_refs?.[1], 'durability:buffered')
  }))

test('a folder that cannot be made is refused by name', () =>
  inFolder(async (dir) => {
    const recorder = await aRecorder(dir)
    await recorder.close()
    const [shard = ''] = await readdir(dir)
    await assert.rejects(aRecorder(join(dir, shard)), { name: 'RecorderError', message: /expected a folder for evidence/ })
    assert.equal(recorderOptions(dir).dir, dir)
  }))
