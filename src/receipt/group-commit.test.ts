/** Group commit over a folder in memory: what shares a flush, when it starts, and what happens after the first error. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { SYSTEM_CLOCK } from '../base/clock.ts'
import { type Durability, GroupCommit, type Mark } from './group-commit.ts'
import type { RecorderError } from './recorder-error.ts'
import type { Done, RecorderFiles, ShardWriter } from './recorder-files.ts'

interface Rig {
  readonly calls: string[]
  readonly marks: Mark[]
  readonly failures: RecorderError[]
  /** Name of the call that fails, from now on. */
  fail: string
  readonly commit: GroupCommit
}

function aRig(durability: Durability = 'durable'): Rig {
  const calls: string[] = []
  const note = (call: string, done: Done) => {
    calls.push(call)
    setImmediate(() => { done(call.startsWith(rig.fail) && rig.fail !== '' ? Object.assign(new TypeError(call), { code: 'EIO' }) : null) })
  }
  const noted = (call: string) => new Promise<void>((resolve, reject) => {
    note(call, (error) => { if (error === null) resolve(); else reject(error) })
  })
  const writer: ShardWriter = {
    write: (bytes, done) => { note(`write ${bytes.toString()}`, done) },
    sync: (done) => { note('sync', done) },
    close: () => noted('close'),
  }
  const create = async (name: string) => {
    await noted(`create ${name}`)
    return writer
  }
  const marks: Mark[] = []
  const failures: RecorderError[] = []
  const commit = new GroupCommit({
    files: { create } as unknown as RecorderFiles,
    durability,
    clock: SYSTEM_CLOCK,
    onCommit: (mark) => marks.push(mark),
    onSync: () => undefined,
    onFailure: (error) => failures.push(error),
  })
  const rig: Rig = { calls, marks, failures, fail: '', commit }
  return rig
}

const head = (seq: number) => ({ session: 's', seq, hash: `h${seq}` })

test('lines of one turn share a write and a sync; lines that came meanwhile share the next', async () => {
  const { commit, calls, marks } = aRig()
  void commit.push('a', 'f', head(0))
  const first = commit.push('b', 'f', head(1))
  setImmediate(() => { void commit.push('c', 'f', head(2)); void commit.push('d', 'f', head(3)) })
  await first
  assert.deepEqual(marks, [{ head: head(1), shard: 'f', shardBytes: 2 }])
  await commit.end()
  assert.deepEqual(calls, ['create f', 'write ab', 'sync', 'write cd', 'sync', 'close'])
  assert.deepEqual(marks[1], { head: head(3), shard: 'f', shardBytes: 4 })
  assert.equal(commit.stats.queued, 0)
})

test('a line for another file closes the one before after its sync', async () => {
  const { commit, calls } = aRig()
  void commit.push('a', 'f', head(0))
  await commit.push('b', 'g', head(1))
  assert.deepEqual(calls, ['create f', 'write a', 'sync', 'close', 'create g', 'write b', 'sync'])
  await commit.end()
})

test('a buffered one acknowledges after the write and syncs when it closes the file', async () => {
  const { commit, calls } = aRig('buffered')
  await commit.push('a', 'f', head(0))
  assert.deepEqual(calls, ['create f', 'write a'])
  await commit.end()
  assert.deepEqual(calls.slice(2), ['sync', 'close'])
})

for (const fail of ['create', 'write', 'sync']) {
  test(`a ${fail} that fails refuses all that wait, once, and nothing is tried after it`, async () => {
    const rig = aRig()
    rig.fail = fail
    const waiting = [rig.commit.push('a', 'f', head(0)), rig.commit.push('b', 'g', head(1))]
    for (const one of waiting) await assert.rejects(one, { name: 'RecorderError', message: 'the evidence file cannot be written: EIO' })
    const made = rig.calls.length
    rig.fail = ''
    await assert.rejects(rig.commit.push('c', 'h', head(2)), { name: 'RecorderError' })
    await assert.rejects(rig.commit.end(), { name: 'RecorderError' })
    await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal(rig.calls.length, made)
    assert.equal(rig.failures.length, 1)
    assert.deepEqual(rig.marks, [])
    await rig.commit.abandon()
  })
}

test('a file that cannot be closed is told at the end', async () => {
  for (const [durability, fail] of [['durable', 'close'], ['buffered', 'sync']] as const) {
    const rig = aRig(durability)
    await rig.commit.push('a', 'f', head(0))
    rig.fail = fail
    await assert.rejects(rig.commit.end(), { name: 'RecorderError', message: 'the evidence file cannot be closed: EIO' })
  }
})

test('letting go of a file never fails', async () => {
  const rig = aRig()
  await rig.commit.push('a', 'f', head(0))
  rig.fail = 'close'
  await rig.commit.abandon()
  await rig.commit.abandon()
})
