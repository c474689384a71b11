/** The recorder when the disk fails, fills up or stalls: nothing is acknowledged that is not there, and it recovers by itself. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import { assertVerifies, newestOf, readEvidence } from '../support/read-evidence.ts'
import { admit, aRecorder, aSigner, type DiskFaults, faultyFolder, inFolder, refused, someFacts, until } from '../support/recorder-rig.ts'

const unwritable = { name: 'RecorderError', denial: { reason: 'receipt_unwritable' } }
const isUnwritable = (error: unknown) => {
  assert.ok(error instanceof Error && 'denial' in error)
  assert.equal(error.name, unwritable.name)
  assert.equal((error.denial as { reason: string }).reason, unwritable.denial.reason)
  return true
}

const causes: Record<string, Omit<DiskFaults, 'retriedSyncs'>> = {
  'a failed fdatasync': { sync: { code: 'EIO' } },
  'a failed write': { write: { code: 'EIO', partial: 0 } },
  'a full disk in the middle of a line': { write: { code: 'ENOSPC', partial: 700 } },
}

for (const [name, cause] of Object.entries(causes)) {
  test(`${name} fails its waiters and ends the session; a new one continues the last acknowledged head`, () =>
    inFolder(async (dir) => {
      const faults: DiskFaults = { retriedSyncs: 0 }
      const recorder = await aRecorder(dir, { files: faultyFolder(dir, faults) })
      const first = recorder.stats().session
      const kept = admit(recorder, { actionId: 'kept' })
      await kept.durable

      Object.assign(faults, cause, { create: { code: 'EIO' } })
      const lost = [admit(recorder, { actionId: 'lost', decisionPhase: 'intent' }), admit(recorder)]
      for (const { durable } of lost) await assert.rejects(durable, isUnwritable)
      assert.equal(refused(recorder).reason, 'receipt_unwritable')
      assert.equal(refused(recorder).reason, 'receipt_unwritable')
      assert.ok('reason' in recorder.append(someFacts({ decisionPhase: 'outcome' }), 'completion'))
      assert.equal(recorder.stats().state, 'failed')
      assert.deepEqual(recorder.durableHead(), { session: first, seq: kept.seq, hash: kept.hash })

      await until(() => recorder.stats().failures > 2)
      Object.assign(faults, { sync: undefined, write: undefined, create: undefined })
      await until(() => recorder.stats().state === 'open')
      await admit(recorder, { actionId: 'after' }).durable
      await recorder.close()

      const sessions = await readEvidence(dir)
      const next = newestOf(sessions)
      assert.equal(sessions.size, 2)
      assert.equal(next.prior, `${first}:${kept.seq}:${kept.hash}`)
      assert.equal(sessions.get(first)?.receipts.length, 2)
      assert.equal(next.receipts[1]?.record.action_id, 'after')
      const close = next.receipts.at(-1)?.record.session_control
      assert.ok(close?.kind === 'session_close' && Number(close.close.fsync_errors_gated) > 0 && Number(close.close.durability_blocks) === 3)
      assert.equal(faults.retriedSyncs, 0)
      await assertVerifies(dir, aSigner())
    }))
}

test('a failure in the flush that rolls sessions continues from before the roll', () =>
  inFolder(async (dir) => {
    const faults: DiskFaults = { retriedSyncs: 0 }
    const recorder = await aRecorder(dir, { files: faultyFolder(dir, faults), limits: { maxEntriesPerShard: 4, maxShards: 1, checkpointInterval: 100 } })
    const kept = admit(recorder)
    await kept.durable
    faults.sync = { code: 'EIO' }
    const lost = Array.from({ length: 12 }, () => admit(recorder))
    await Promise.all(lost.map(({ durable }) => assert.rejects(durable, isUnwritable)))
    faults.sync = undefined
    await until(() => recorder.stats().state === 'open')
    await recorder.close()
    await assertVerifies(dir, aSigner())
    assert.ok(newestOf(await readEvidence(dir)).prior.endsWith(`:${kept.seq}:${kept.hash}`))
  }))

test('a start on a disk that fails is refused, and the next start mends what it left', () =>
  inFolder(async (dir) => {
    const faults: DiskFaults = { write: { code: 'EIO', partial: 100 }, retriedSyncs: 0 }
    await assert.rejects(aRecorder(dir, { files: faultyFolder(dir, faults) }), isUnwritable)
    const recorder = await aRecorder(dir)
    assert.equal(recorder.resumed.torn[0]?.bytes, 100)
    assert.equal(recorder.resumed.prior, undefined)
    await recorder.close()
    assert.equal(newestOf(await readEvidence(dir)).prior, 'none')
  }))

test('exchanges that were open when the session failed stay listed, and their outcomes carry no phase', () =>
  inFolder(async (dir) => {
    const faults: DiskFaults = { retriedSyncs: 0 }
    const recorder = await aRecorder(dir, { files: faultyFolder(dir, faults) })
    await admit(recorder, { actionId: 'running', decisionPhase: 'intent' }).durable
    faults.sync = { code: 'EIO' }
    await assert.rejects(admit(recorder, { actionId: 'refused', decisionPhase: 'intent' }).durable, isUnwritable)
    faults.sync = undefined
    await until(() => recorder.stats().state === 'open')
    assert.equal(recorder.stats().openIntents, 1)
    recorder.append(someFacts({ actionId: 'running', decisionPhase: 'outcome' }), 'completion')
    assert.equal(recorder.stats().openIntents, 0)
    await recorder.close()
    const outcome = newestOf(await readEvidence(dir)).receipts[1]?.record
    assert.deepEqual([outcome?.action_id, outcome?.decision_phase], ['running', undefined])
    await assertVerifies(dir, aSigner())
  }))

test('a key that is rotated while the disk fails signs what comes after', () =>
  inFolder(async (dir) => {
    let release: () => void = () => undefined
    const faults: DiskFaults = { retriedSyncs: 0 }
    const recorder = await aRecorder(dir, { files: faultyFolder(dir, faults) })
    Object.assign(faults, { sync: { code: 'EIO' }, create: { code: 'EIO' } })
    await assert.rejects(admit(recorder).durable, isUnwritable)
    await recorder.rotateKey(aSigner(2))
    // The session_open of the new session is on its way to the disk when the key changes once more.
    Object.assign(faults, { sync: undefined, create: undefined, stall: new Promise<void>((resolve) => { release = resolve }) })
    await until(() => recorder.stats().sessions > 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    await recorder.rotateKey(aSigner(3))
    recorder.usePolicy('second')
    release()
    await until(() => recorder.stats().state === 'open')
    await admit(recorder, { actionId: 'after' }).durable
    await recorder.close()

    const sessions = await readEvidence(dir)
    const next = newestOf(sessions)
    assert.equal(next.receipts[1]?.record.action_id, 'after')
    assert.equal(next.receipts[1].record.policy_hash, 'second')
    assert.ok(next.receipts.every(({ signerKey }) => signerKey === aSigner(3).publicKeyHex))
    const before = sessions.get(next.prior.split(':')[0]!)
    assert.deepEqual(before?.receipts.map(({ signerKey }) => signerKey), [aSigner(2).publicKeyHex, aSigner(2).publicKeyHex])
  }))

test('a shard that cannot be mended does not keep a new session away; one on a full disk waits for room', () =>
  inFolder(async (dir) => {
    for (const code of ['EIO', 'ENOSPC']) {
      const faults: DiskFaults = { retriedSyncs: 0 }
      const files = faultyFolder(dir, faults)
      let mendable = false
      const recorder = await aRecorder(dir, { files: { ...files, read: (name, max) => (mendable ? files.read(name, max) : files.read(name, max).then(() => { throw Object.assign(new Error(code), { code }) })), list: () => Promise.resolve([]) } })
      faults.sync = { code: 'EIO' }
      await assert.rejects(admit(recorder).durable, isUnwritable)
      faults.sync = undefined
      if (code === 'ENOSPC') {
        await until(() => recorder.stats().lastFault.includes('cannot be repaired: ENOSPC'))
        assert.equal(recorder.stats().state, 'failed')
        mendable = true
      }
      await until(() => recorder.stats().state === 'open')
      await admit(recorder).durable
      await recorder.close()
    }
  }))

test('admissions are refused while the queue is full, outcomes are not', () =>
  inFolder(async (dir) => {
    let release: () => void = () => undefined
    const faults: DiskFaults = { retriedSyncs: 0 }
    const recorder = await aRecorder(dir, { files: faultyFolder(dir, faults), maxQueued: 10 })
    faults.stall = new Promise((resolve) => { release = resolve })
    const placed = Array.from({ length: 10 }, (_, i) => admit(recorder, { actionId: `${i}`, decisionPhase: 'intent' }))
    const denial = refused(recorder)
    assert.deepEqual([denial.reason, denial.retryAfterSeconds], ['recorder_busy', 1])
    const outcome = recorder.append(someFacts({ actionId: '0', decisionPhase: 'outcome' }), 'completion')
    assert.ok('seq' in outcome)
    release()
    await Promise.all([...placed.map(({ durable }) => durable), outcome.durable])
    await admit(recorder).durable
    await recorder.close()
    assert.equal(newestOf(await readEvidence(dir)).receipts.length, 14)
  }))

test('no more intents than the bound stay open', () =>
  inFolder(async (dir) => {
    const recorder = await aRecorder(dir, { maxOpenIntents: 2 })
    admit(recorder, { actionId: 'a', decisionPhase: 'intent' })
    admit(recorder, { actionId: 'b', decisionPhase: 'intent' })
    assert.equal(refused(recorder, { decisionPhase: 'intent' }).reason, 'recorder_busy')
    admit(recorder, { verdict: 'block' })
    recorder.append(someFacts({ actionId: 'a', decisionPhase: 'outcome' }), 'completion')
    admit(recorder, { actionId: 'c', decisionPhase: 'intent' })
    await recorder.close()
  }))

test('a second intent of an open action is refused', () =>
  inFolder(async (dir) => {
    const recorder = await aRecorder(dir)
    admit(recorder, { actionId: 'a', decisionPhase: 'intent' })
    assert.equal(refused(recorder, { actionId: 'a', decisionPhase: 'intent' }).reason, 'internal_error')
    await recorder.close()
    assert.equal(newestOf(await readEvidence(dir)).receipts.length, 3)
  }))

test('below the low-water mark nothing is admitted, outcomes still are, and room lifts it', () =>
  inFolder(async (dir) => {
    const faults: DiskFaults = { freeBytes: 999, retriedSyncs: 0 }
    const recorder = await aRecorder(dir, { files: faultyFolder(dir, faults), lowWaterBytes: 1000 })
    assert.match(refused(recorder).detail, /low-water mark/)
    const outcome = recorder.append(someFacts({ decisionPhase: 'outcome' }), 'completion')
    assert.ok('seq' in outcome)
    await outcome.durable
    faults.freeBytes = 1000
    await until(() => !recorder.stats().isDiskLow)
    await admit(recorder).durable
    await recorder.close()
  }))

test('a closed recorder admits nothing and closes once', () =>
  inFolder(async (dir) => {
    const recorder = await aRecorder(dir)
    await Promise.all([recorder.close('test'), recorder.close()])
    assert.equal(refused(recorder).reason, 'receipt_unwritable')
    await assert.rejects(recorder.rotateKey({ publicKeyHex: '', fingerprint: '', sign: () => Buffer.alloc(0) }), isUnwritable)
    const close = newestOf(await readEvidence(dir)).receipts.at(-1)?.record.session_control
    assert.equal(close?.kind === 'session_close' ? close.close.close_reason : '', 'test')
  }))

test('a close whose flush fails says so', () =>
  inFolder(async (dir) => {
    const faults: DiskFaults = { retriedSyncs: 0 }
    const recorder = await aRecorder(dir, { files: faultyFolder(dir, faults) })
    faults.sync = { code: 'EIO' }
    await assert.rejects(recorder.close(), isUnwritable)
  }))

/** @returns whether a small file system of its own could be mounted on the folder */
function mountTmpfs(dir: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', dir], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test('a real full disk refuses, and room made by the operator is enough to go on', async (t) => {
  await inFolder(async (dir) => {
    if (!mountTmpfs(dir)) {
      t.skip('needs the right to mount a tmpfs')
      return
    }
    try {
      await writeFile(join(dir, 'ballast'), Buffer.alloc(100_000))
      const recorder = await aRecorder(dir)
      let acknowledged = 0
      await assert.rejects(async () => {
        for (;;) {
          await admit(recorder, { actionId: `n${acknowledged}` }).durable
          acknowledged++
        }
      }, isUnwritable)
      assert.ok(acknowledged > 10)
      await rm(join(dir, 'ballast'))
      await until(() => recorder.stats().state === 'open')
      await admit(recorder, { actionId: 'after' }).durable
      await recorder.close()
      const sessions = await readEvidence(dir)
      const ids = [...sessions.values()].flatMap(({ receipts }) => receipts.map(({ record }) => record.action_id))
      for (let i = 0; i < acknowledged; i++) assert.ok(ids.includes(`n${i}`), `n${i}`)
      assert.ok(newestOf(sessions).receipts.some(({ record }) => record.action_id === 'after'))
      await assertVerifies(dir, aSigner())
      assert.ok((await readdir(dir)).every((name) => !name.endsWith('.tmp')))
    } finally {
      execFileSync('umount', [dir])
    }
  })
})
