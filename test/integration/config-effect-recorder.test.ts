/** What each key of the flight recorder changes: on disk, under which key, and whether anything is forwarded at all. */

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { createManualClock } from '../../src/base/clock.ts'
import { createKeyFiles } from '../../src/keys/index.ts'
import { verifyRecorder } from '../../src/verify/index.ts'
import { readReceipts, startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { skipFor } from '../support/missed.ts'
import { startOrigin, type Origin } from '../support/origin.ts'
import { askProxy } from '../support/outcome-of.ts'
import { newestOf, readEvidence, type ReadSession } from '../support/read-evidence.ts'
import { admit, aRecorder } from '../support/recorder-rig.ts'
import { spawnCompanion } from '../support/spawn-companion.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const TIB = 1_099_511_627_776

const recorder = (keys: string): { allowLoopback: true; config: string } => ({ allowLoopback: true, config: `flight_recorder: {${keys}}\n` })

/** Sends so many requests, one after the other, and ends the companion. @returns the session it wrote */
async function sessionOf(companion: TestCompanion, { url }: Origin, requests: number): Promise<ReadSession> {
  for (let sent = 0; sent < requests; sent++) assert.equal(await askProxy(companion.port, url), '200')
  await companion.stop()
  return newestOf(await readEvidence(companion.receiptsDir))
}

test('config flight_recorder.dir: receipts are written there, else in the state folder', async (t) => {
  const origin = await startOrigin(t)
  const dir = join(temporaryFolder(t), 'evidence')
  const elsewhere = await startTestCompanion(t, recorder(`dir: ${JSON.stringify(dir)}`))
  const usual = await startTestCompanion(t, { allowLoopback: true })
  for (const { port, companion } of [elsewhere, usual]) {
    assert.equal(await askProxy(port, origin.url), '200')
    await companion.settle()
  }
  const exchanges = (folder: string): number => readReceipts(folder).filter(({ target }) => target.startsWith(origin.url)).length
  assert.equal(exchanges(dir), 2)
  assert.equal(exchanges(usual.receiptsDir), 2)
  assert.ok(!existsSync(elsewhere.receiptsDir) || exchanges(elsewhere.receiptsDir) === 0)
})

test('config flight_recorder.require: durable syncs before it forwards, buffered never syncs for an exchange', async (t) => {
  const origin = await startOrigin(t)
  const syncs = async (require: string): Promise<number> => {
    const companion = await startTestCompanion(t, recorder(`require: ${require}`))
    const figures = async () => (JSON.parse((await companion.admin('/stats')).text) as { receipts: { head: { seq: number }; commit: { syncs: number } } }).receipts
    const before = await figures()
    for (let sent = 0; sent < 3; sent++) assert.equal(await askProxy(companion.port, origin.url), '200')
    // The recorder's thread reports what it did a little later.
    await waitFor(async () => (await figures()).head.seq === before.head.seq + 6)
    return (await figures()).commit.syncs - before.commit.syncs
  }
  assert.ok((await syncs('durable')) >= 3)
  assert.equal(await syncs('buffered'), 0)
})

test('config flight_recorder.checkpoint_interval: a signed checkpoint follows that many entries', async (t) => {
  const origin = await startOrigin(t)
  const checkpoints = async (interval: number): Promise<number[]> => {
    const { types } = await sessionOf(await startTestCompanion(t, recorder(`checkpoint_interval: ${interval}`)), origin, 10)
    return types.flatMap((type, at) => (type === 'checkpoint' ? [at] : []))
  }
  const [often, seldom] = [await checkpoints(5), await checkpoints(1000)]
  assert.equal(seldom.length, 1, 'only the one that closes the session')
  assert.deepEqual(often.slice(0, 3), [5, 11, 17])
})

test('config flight_recorder.max_entries_per_file: the entry beyond starts a new file', async (t) => {
  const origin = await startOrigin(t)
  const files = async (entries: number): Promise<readonly number[]> => (await sessionOf(await startTestCompanion(t, recorder(`max_entries_per_file: ${entries}`)), origin, 10)).shardLines
  const small = await files(8)
  assert.ok(small.length >= 3)
  assert.ok(small.slice(0, -1).every((lines) => lines === 8), String(small))
  assert.equal((await files(1000)).length, 1)
})

test('config flight_recorder.retention_days: a session that is older is gone after the start, 0 keeps it', async (t) => {
  const dir = temporaryFolder(t)
  const old = await aRecorder(dir, { clock: createManualClock() })
  const { session } = old.stats()
  await admit(old, { timestampMs: createManualClock().nowMs() }).durable
  await old.close()

  const names = async (days: number): Promise<string[]> => {
    const companion = await startTestCompanion(t, recorder(`dir: ${JSON.stringify(dir)}, retention_days: ${days}`))
    await companion.stop()
    return readdirSync(dir).filter((name) => name.includes(session)).map((name) => name.replace(session, '*'))
  }
  assert.deepEqual(await names(0), ['evidence-*-0.jsonl'])
  assert.deepEqual(await names(36_500), ['evidence-*-0.jsonl'])
  assert.deepEqual(await names(1), ['retired-*.json'])
})

test('config flight_recorder.signing_key_path: receipts verify under this key and no other', async (t) => {
  const origin = await startOrigin(t)
  const path = join(temporaryFolder(t), 'own.key')
  const { publicKey } = await createKeyFiles(path)
  const companion = await startTestCompanion(t, recorder(`signing_key_path: ${JSON.stringify(path)}`))
  const usual = await startTestCompanion(t, { allowLoopback: true })
  assert.equal(companion.companion.publicKeyHex, publicKey.toString('hex'))
  assert.equal(existsSync(join(companion.stateDir, 'keys', 'receipt-signing.key')), false)

  await sessionOf(companion, origin, 2)
  const files = readdirSync(companion.receiptsDir).filter((name) => name.endsWith('.jsonl')).map((name) => ({ name, content: readFileSync(join(companion.receiptsDir, name)) }))
  const isValidUnder = (key: string): boolean => verifyRecorder(files, { trustedKeys: [key] }).valid
  assert.equal(isValidUnder(publicKey.toString('hex')), true)
  assert.equal(isValidUnder(usual.companion.publicKeyHex), false)
})

test('config flight_recorder.min_free_bytes: a fuller disk answers 503 and is not ready, 0 does not look', async (t) => {
  const { bavail, bsize } = statfsSync(temporaryFolder(t))
  if (bavail * bsize >= TIB) {
    skipFor(t, 'a disk with less than 1 TiB free')
    return
  }
  const origin = await startOrigin(t)
  const full = await startTestCompanion(t, recorder('min_free_bytes: 1024GiB'))
  const unlooked = await startTestCompanion(t, recorder('min_free_bytes: 0'))
  assert.equal(await askProxy(full.port, origin.url), 'receipt_unwritable')
  assert.equal(origin.connections(), 0)
  assert.equal(await askProxy(unlooked.port, origin.url), '200')
  assert.deepEqual([(await full.admin('/readyz')).status, (await unlooked.admin('/readyz')).status], [503, 200])
})

test('config flight_recorder.signer: sodium without the library does not start, auto and node do', async (t) => {
  const preload = join(temporaryFolder(t), 'without-sodium.cjs')
  writeFileSync(preload, "const m = require('node:module'); const load = m._load; m._load = function (name) { if (name === 'sodium-native') throw new Error('not installed'); return load.apply(this, arguments) }\n")
  const starts = await Promise.all(['sodium', 'auto', 'node'].map((signer) => spawnCompanion(t, `flight_recorder: {signer: ${signer}}\n`, { preload })))
  assert.deepEqual(starts.map(({ exitCode }) => exitCode), [2, undefined, undefined])
  assert.match(starts[0]?.stderr() ?? '', /sodium-native to be installed/)
})
