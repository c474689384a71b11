/** The recorder after a crash: killed processes, torn files, copied folders. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, copyFile, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { assertVerifies, newestOf, readEvidence, verifyFolder } from '../support/read-evidence.ts'
import { admit, aRecorder, aSigner, inFolder, someFacts } from '../support/recorder-rig.ts'

const CHILD = fileURLToPath(new URL('../support/append-until-killed.ts', import.meta.url))

/** @returns the ids that the child told to be acknowledged before it was killed */
async function appendAndKill(dir: string, afterMs: number): Promise<string[]> {
  const child = spawn(process.execPath, [CHILD, dir], { stdio: ['ignore', 'pipe', 'inherit'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(child.stdout, 'data')
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  child.kill('SIGKILL')
  await once(child, 'close')
  const [ready, ...ids] = Buffer.concat(chunks).toString().split('\n').slice(0, -1)
  assert.equal(ready, 'ready')
  return ids
}

async function onlyShard(dir: string): Promise<string> {
  const shards = (await readdir(dir)).filter((name) => name.endsWith('.jsonl'))
  assert.equal(shards.length, 1)
  return join(dir, shards[0]!)
}

test('every acknowledged receipt survives kill -9 at any moment, and the next run continues the durable tail', () =>
  inFolder(async (dir) => {
    const acknowledged: string[] = []
    for (const afterMs of [3, 40, 111, 263, 7]) acknowledged.push(...(await appendAndKill(dir, afterMs)))
    const recorder = await aRecorder(dir)
    const { prior, openIntents, openIntentsComplete } = recorder.resumed
    assert.ok(openIntentsComplete)
    await recorder.close()

    const sessions = await readEvidence(dir)
    assert.equal(sessions.size, 6)
    const ids = new Set([...sessions.values()].flatMap(({ receipts }) => receipts.map(({ record }) => record.action_id)))
    assert.ok(acknowledged.length > 100, `${acknowledged.length} acknowledged`)
    assert.deepEqual(acknowledged.filter((id) => !ids.has(id)), [])

    let linked = 0
    for (let session = newestOf(sessions); session.prior !== 'none'; linked++) {
      const [id = '', seq, hash] = session.prior.split(':')
      session = sessions.get(id)!
      assert.deepEqual([Number(seq), hash], [session.receipts.length - 1, session.receipts.at(-1)?.hash])
    }
    assert.equal(linked, 5)
    const verification = await assertVerifies(dir, aSigner())
    assert.ok(openIntents.every((id) => verification.openIntents.some(({ actionId }) => actionId === id)))

    const last = sessions.get(prior?.session ?? '')!
    const phases = (phase: string) => last.receipts.filter(({ record }) => record.decision_phase === phase).map(({ record }) => record.action_id)
    const ended = new Set(phases('outcome'))
    assert.deepEqual([...openIntents].sort(), phases('intent').filter((id) => !ended.has(id)).sort())
  }))

const tails: Record<string, Buffer> = {
  'half a line': Buffer.from('{"v":2,"seq":3,"ts":"2026-'),
  'a block of NULs': Buffer.alloc(4096),
  'NULs with whole lines behind them': Buffer.concat([Buffer.alloc(100), Buffer.from('{"v":2}\n{"v":2}\n')]),
}

for (const [name, tail] of Object.entries(tails)) {
  test(`${name} at the end is moved aside, and the rest verifies`, () =>
    inFolder(async (dir) => {
      const before = await aRecorder(dir)
      await admit(before, { actionId: 'open', decisionPhase: 'intent' }).durable
      await before.close()
      const shard = await onlyShard(dir)
      const { size } = await stat(shard)
      await appendFile(shard, tail)
      assert.ok(!(await verifyFolder(dir, [aSigner()])).valid)

      const recorder = await aRecorder(dir)
      assert.deepEqual(recorder.resumed.torn.map(({ bytes }) => bytes), [tail.length])
      assert.deepEqual(recorder.resumed.openIntents, ['open'])
      await recorder.close()
      assert.equal((await stat(shard)).size, size)
      assert.deepEqual(await readFile(`${shard}.torn`), tail)
      assert.equal((await readEvidence(dir)).size, 2)
      await assertVerifies(dir, aSigner())
    }))
}

test('a session whose first line was torn never began', () =>
  inFolder(async (dir) => {
    const before = await aRecorder(dir)
    await before.close()
    const first = before.resumed
    const name = `evidence-chaperone.run.${'0'.repeat(32)}-0.jsonl`
    await writeFile(join(dir, name), '{"v":2,"seq":0')
    const recorder = await aRecorder(dir)
    await recorder.close()
    assert.equal(first.prior, undefined)
    assert.equal(recorder.resumed.torn[0]?.shard, name)
    assert.deepEqual(recorder.resumed.unlinked, [])
    const names = await readdir(dir)
    assert.ok(names.includes(`${name}.torn`) && !names.includes(name))
    assert.notEqual(newestOf(await readEvidence(dir)).prior, 'none')
  }))

test('a last shard that is nothing but a torn line is removed, and the tail is that of the shard before', () =>
  inFolder(async (dir) => {
    const before = await aRecorder(dir, { limits: { maxEntriesPerShard: 2, checkpointInterval: 1000 } })
    for (let i = 0; i < 4; i++) await admit(before).durable
    const head = before.durableHead()
    await before.close()
    const shards = (await readdir(dir)).filter((name) => name.endsWith('.jsonl')).sort()
    assert.equal(shards.length, 4)
    // What stood behind the head is cut back to the middle of a line, as if the crash had come there.
    await truncate(join(dir, shards[3]!), 0)
    await truncate(join(dir, shards[2]!), 20 + (await readFile(join(dir, shards[2]!), 'utf8')).indexOf('\n'))
    await appendFile(join(dir, shards[3]!), 'x')
    const recorder = await aRecorder(dir)
    assert.equal(recorder.resumed.prior?.session, head?.session)
    assert.equal(recorder.resumed.prior?.seq, 4)
    await recorder.close()
  }))

test('the newest session is found by its links, whatever the file times say', () =>
  inFolder(async (dir) => {
    const heads: (string | undefined)[] = []
    for (let i = 0; i < 4; i++) {
      const recorder = await aRecorder(dir)
      assert.equal(recorder.resumed.prior?.session, heads.at(-1))
      heads.push(recorder.stats().session)
      await recorder.close()
      // An old file, touched now.
      const old = join(dir, `evidence-${heads[0] ?? ''}-0.jsonl`)
      await copyFile(old, `${old}.copy`)
      await copyFile(`${old}.copy`, old)
    }
    assert.equal((await readEvidence(dir)).size, 4)
  }))

test('sessions that nothing continues are told', () =>
  inFolder(async (dir) => {
    await inFolder(async (other) => {
      const stray = await aRecorder(other)
      await stray.close()
      const recorder = await aRecorder(dir)
      await recorder.close()
      const [name = ''] = await readdir(other)
      await copyFile(join(other, name), join(dir, name))
      const next = await aRecorder(dir)
      await next.close()
      assert.deepEqual([...next.resumed.unlinked, next.resumed.prior?.session].length, 2)
    })
  }))

test('a lone later shard is told, and not taken for the newest session', () =>
  inFolder(async (dir) => {
    const id = `chaperone.run.${'a'.repeat(32)}`
    await writeFile(join(dir, `evidence-${id}-500.jsonl`), '{"v":2,"seq":500}\n')
    const recorder = await aRecorder(dir)
    assert.deepEqual(recorder.resumed.unlinked, [id])
    assert.equal(recorder.resumed.prior, undefined)
    recorder.append(someFacts(), 'admission')
    await recorder.close()
  }))
