/** Retention: what is deleted, in which order, and what is left to explain it. */

import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import { createManualClock, type ManualClock } from '../../src/base/clock.ts'
import { createRecorderFolder } from '../../src/receipt/recorder-folder-file.ts'
import { assertVerifies, newestOf, readEvidence, verifyFolder } from '../support/read-evidence.ts'
import { admit, aRecorder, aSigner, inFolder, until } from '../support/recorder-rig.ts'

const DAY_MS = 86_400_000

/** One run per day, each of three receipts. @returns the ids of their sessions */
async function runDaily(dir: string, clock: ManualClock, days: number): Promise<string[]> {
  const ids: string[] = []
  for (let day = 0; day < days; day++) {
    const recorder = await aRecorder(dir, { clock })
    ids.push(recorder.stats().session)
    await admit(recorder, { timestampMs: clock.nowMs() }).durable
    await recorder.close()
    clock.advance(DAY_MS)
  }
  return ids
}

test('sessions past their days are deleted oldest first, and a signed record tells their heads', () =>
  inFolder(async (dir) => {
    const clock = createManualClock()
    const ids = await runDaily(dir, clock, 5)
    const before = await readEvidence(dir)
    await writeFile(join(dir, `evidence-${ids[0] ?? ''}-0.jsonl.torn`), 'x')

    const recorder = await aRecorder(dir, { clock, retentionDays: 3 })
    assert.equal(recorder.stats().retired, 3)
    await recorder.close()

    const after = await readEvidence(dir)
    assert.deepEqual(ids.map((id) => after.has(id)), [false, false, false, true, true])
    const names = await readdir(dir)
    assert.deepEqual(names.filter((name) => name.startsWith('retired-')).sort(), ids.slice(0, 3).map((id) => `retired-${id}.json`).sort())
    assert.ok(!names.some((name) => name.includes(ids[0]!) && name.startsWith('evidence-')))

    // The oldest kept session names a predecessor that is gone; the record says the same head.
    const oldest = after.get(ids[3]!)!
    const text = await readFile(join(dir, `retired-${ids[2] ?? ''}.json`), 'utf8')
    const record = JSON.parse(text) as Record<string, string | number>
    assert.equal(oldest.prior, `${record['session_id']}:${record['final_seq']}:${record['head_hash']}`)
    assert.equal(record['head_hash'], before.get(ids[2]!)?.receipts.at(-1)?.hash)
    assert.equal(record['prior_session'], ids[1])

    // With the record the break is explained; without it, it is a fault.
    assert.equal((await assertVerifies(dir, aSigner())).counts.retiredSessions, 3)
    const hidden = join(dir, 'kept-elsewhere')
    await rename(join(dir, `retired-${ids[2] ?? ''}.json`), hidden)
    const unexplained = await verifyFolder(dir, [aSigner()])
    assert.ok(unexplained.faults.length + unexplained.warnings.length > 0)

    const signed = `${text.slice(0, text.lastIndexOf(',"signature"'))}}`
    const digest = createHash('sha256').update('chaperone-retired-session-v1\0').update(signed).digest()
    const key = createPublicKey({ key: Buffer.from(`302a300506032b6570032100${aSigner().publicKeyHex}`, 'hex'), format: 'der', type: 'spki' })
    assert.ok(verify(null, digest, key, Buffer.from(String(record['signature']).slice(8), 'hex')))
  }))

test('without retention days nothing is deleted', () =>
  inFolder(async (dir) => {
    const clock = createManualClock()
    await runDaily(dir, clock, 3)
    clock.advance(1000 * DAY_MS)
    const recorder = await aRecorder(dir, { clock })
    await recorder.close()
    assert.equal((await readEvidence(dir)).size, 4)
  }))

test('the newest session is never deleted, and the next run still continues it', () =>
  inFolder(async (dir) => {
    const clock = createManualClock()
    const [, last] = await runDaily(dir, clock, 2)
    clock.advance(1000 * DAY_MS)
    const recorder = await aRecorder(dir, { clock, retentionDays: 1 })
    assert.equal(recorder.resumed.prior?.session, last)
    await recorder.close()
    const sessions = await readEvidence(dir)
    assert.equal(sessions.size, 1)
    assert.ok(newestOf(sessions).prior.startsWith(`${last ?? ''}:`))
    const next = await aRecorder(dir, { clock, retentionDays: 1 })
    assert.equal(next.resumed.prior?.session, newestOf(sessions).id)
    await next.close()
  }))

test('an interrupted deletion is finished by the next run, with the record as it was', () =>
  inFolder(async (dir) => {
    const clock = createManualClock()
    const [first = ''] = await runDaily(dir, clock, 2)
    clock.advance(10 * DAY_MS)
    const record = join(dir, `retired-${first}.json`)
    await writeFile(record, 'as written before the interruption')
    const recorder = await aRecorder(dir, { clock, retentionDays: 1 })
    await recorder.close()
    assert.equal((await readEvidence(dir)).has(first), false)
    assert.equal(await readFile(record, 'utf8'), 'as written before the interruption')
  }))

test('a session that ends inside the days keeps everything behind it in time', () =>
  inFolder(async (dir) => {
    const clock = createManualClock()
    const ids = await runDaily(dir, clock, 2)
    // The clock went back: the second session is older by its own receipts than the first.
    clock.advance(-10 * DAY_MS)
    const back = await runDaily(dir, clock, 1)
    clock.advance(8 * DAY_MS)
    const recorder = await aRecorder(dir, { clock, retentionDays: 5 })
    await recorder.close()
    const kept = await readEvidence(dir)
    assert.deepEqual([...ids, ...back].map((id) => kept.has(id)), [true, true, true])
  }))

test('a recorder that runs on looks again each hour, and a folder it cannot list only stands in its stats', () =>
  inFolder(async (dir) => {
    const clock = createManualClock()
    const [first = ''] = await runDaily(dir, clock, 2)
    let isBroken = true
    const real = createRecorderFolder(dir)
    let lists = 0
    const list = () => (isBroken && lists++ > 0 ? Promise.reject(Object.assign(new TypeError(), { code: 'EACCES' })) : real.list())
    const recorder = await aRecorder(dir, { clock, retentionDays: 1, heartbeatSeconds: 1, files: { ...real, list } })
    assert.equal(recorder.stats().lastFault, 'old evidence cannot be deleted: EACCES')
    isBroken = false
    clock.advance(DAY_MS)
    await until(() => recorder.stats().retired > 0)
    await recorder.close()
    assert.equal((await readEvidence(dir)).has(first), false)
  }))

test('a session that cannot be read ends the deletion there: nothing behind it is touched', () =>
  inFolder(async (dir) => {
    const clock = createManualClock()
    const [first = '', second = ''] = await runDaily(dir, clock, 3)
    clock.advance(10 * DAY_MS)
    await rename(join(dir, `evidence-${second}-0.jsonl`), join(dir, `evidence-${second}-1.jsonl`))
    await writeFile(join(dir, `evidence-${second}-1.jsonl`), 'not an entry\n')
    const recorder = await aRecorder(dir, { clock, retentionDays: 1 })
    assert.equal(recorder.stats().retired, 0)
    assert.deepEqual(recorder.resumed.unlinked, [first])
    await recorder.close()
    assert.equal((await readdir(dir)).filter((name) => name.startsWith('evidence-')).length, 4)
  }))
