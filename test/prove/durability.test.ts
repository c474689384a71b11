/** Full-size acceptance: load, kill -9, the order of fdatasync and the first byte, full disks. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { processFolder, startCompanionProcess, type ProcessFolder } from '../support/companion-process.ts'
import { readReceipts } from '../support/companion.ts'
import { sendLoad } from '../support/load.ts'
import { hasProgram, skipFor } from '../support/missed.ts'
import { startOrigin } from '../support/origin.ts'
import { throughProxy } from '../support/proxy-client.ts'
import { waitFor } from '../support/wait-for.ts'

const MAIN = fileURLToPath(new URL('../../bin/chaperone.js', import.meta.url))

function verify(folder: ProcessFolder): { status: number; report: { valid: boolean; faults: unknown[]; openIntents: unknown[] } } {
  const key = /verify: .* --key ([0-9a-f]{64})/.exec(readFileSync(join(folder.dir, 'key'), 'utf8'))?.[1] ?? ''
  const run = spawnSync(process.execPath, [MAIN, 'verify', folder.receiptsDir, '--key', key, '--json'], { encoding: 'utf8', maxBuffer: 1 << 28 })
  return { status: run.status ?? -1, report: JSON.parse(run.stdout) as never }
}

test('20,000 exchanges at 64 connections: no error, one intent and one outcome each, the chain verifies', async (t) => {
  const total = 20_000
  const origin = await startOrigin(t)
  const folder = processFolder(t)
  const companion = await startCompanionProcess(t, folder)
  const { writeFileSync } = await import('node:fs')
  writeFileSync(join(folder.dir, 'key'), companion.stderr())

  const load = await sendLoad(companion.port, origin.url, { total, connections: 64 })
  assert.deepEqual([...load.failures], [])
  assert.equal(load.answered, total)
  assert.equal(new Set(origin.seen.map(({ url }) => url)).size, total)
  await companion.kill('SIGTERM')

  const receipts = readReceipts(folder.receiptsDir).filter(({ transport }) => transport === 'forward')
  const phases = new Map<string, string[]>()
  for (const { action_id, decision_phase } of receipts) phases.set(action_id, [...(phases.get(action_id) ?? []), decision_phase ?? ''])
  assert.equal(phases.size, total)
  for (const [id, both] of phases) assert.deepEqual(both, ['intent', 'outcome'], id)
  const { status, report } = verify(folder)
  assert.deepEqual([status, report.faults, report.openIntents], [0, [], []])
})

test('kill -9 at 20 random moments under load: nothing reached the origin without an intent on disk', async (t) => {
  const { writeFileSync } = await import('node:fs')
  const origin = await startOrigin(t)
  const folder = processFolder(t)
  for (let kill = 0; kill < 20; kill++) {
    const companion = await startCompanionProcess(t, folder)
    writeFileSync(join(folder.dir, 'key'), companion.stderr())
    let isDead = false
    const load = sendLoad(companion.port, `${origin.url}/run${kill}`, { total: 1_000_000, connections: 32, stop: () => isDead })
    // On a busy machine the first request can take longer than the shortest wait.
    await waitFor(() => origin.seen.some(({ url }) => url.startsWith(`/run${kill}`)))
    await new Promise((resolve) => setTimeout(resolve, randomInt(100, 900)))
    isDead = true
    await companion.kill('SIGKILL')
    await load
    const intents = new Set(readReceipts(folder.receiptsDir).filter(({ decision_phase }) => decision_phase === 'intent').map(({ target }) => target))
    const reached = origin.seen.map(({ url }) => `${origin.url}${url}`)
    assert.deepEqual(reached.filter((url) => !intents.has(url)), [], `run ${kill}`)
  }
  const last = await startCompanionProcess(t, folder)
  await last.kill('SIGTERM')
  const { status, report } = verify(folder)
  assert.deepEqual([status, report.faults], [0, []], 'every session verifies along its links')
  const outcomes = new Set(readReceipts(folder.receiptsDir).filter(({ decision_phase }) => decision_phase === 'outcome').map(({ action_id }) => action_id))
  const open = readReceipts(folder.receiptsDir).filter(({ decision_phase, action_id }) => decision_phase === 'intent' && !outcomes.has(action_id))
  assert.equal(report.openIntents.length, open.length)
})

test('strace shows fdatasync of the intent before the first byte to the origin, and none with require: buffered', async (t) => {
  if (!hasProgram('strace')) {
    skipFor(t, 'strace')
    return
  }
  const orders: Record<string, string[]> = {}
  for (const require of ['durable', 'buffered']) {
    const origin = await startOrigin(t)
    const folder = processFolder(t)
    const trace = join(folder.dir, 'trace')
    const companion = await startCompanionProcess(t, folder, {
      config: `flight_recorder: {require: ${require}}\n`,
      wrap: ['strace', '-f', '-qq', '-s', '4096', '-e', 'trace=write,writev,pwrite64,sendto,sendmsg,fdatasync', '-o', trace],
    })
    const before = existsSync(trace) ? readFileSync(trace, 'utf8').length : 0
    await throughProxy(companion.port, `${origin.url}/traced`)
    // The tracee is told, not strace: strace would detach and leave it running.
    spawnSync('pkill', ['-TERM', '-P', String(companion.child.pid)])
    await new Promise((resolve) => companion.child.once('exit', resolve))
    orders[require] = readFileSync(trace, 'utf8')
      .slice(before)
      .split('\n')
      .flatMap((line) => {
        if (/fdatasync\(.*= 0|fdatasync resumed.*= 0/.test(line)) return ['fdatasync']
        if (line.includes('decision_phase\\":\\"intent') && line.includes('/traced')) return ['intent written']
        if (line.includes('GET /traced HTTP')) return ['first byte']
        return []
      })
  }
  const durable = orders['durable'] ?? []
  const written = durable.indexOf('intent written')
  assert.ok(written >= 0, durable.join(' '))
  assert.ok(durable.indexOf('fdatasync', written) < durable.indexOf('first byte') && durable.indexOf('fdatasync', written) > written, durable.join(' '))
  const buffered = orders['buffered'] ?? []
  const control = buffered.slice(buffered.indexOf('intent written'), buffered.indexOf('first byte'))
  assert.ok(control.length > 0 && !control.includes('fdatasync'), `control: ${buffered.join(' ')}`)
})

test('a full disk refuses with receipt_unwritable, the origin sees nothing, and it recovers by itself in a new session', async (t) => {
  const folder = processFolder(t)
  const { mkdtempSync, rmdirSync, writeFileSync, rmSync } = await import('node:fs')
  const mount = mkdtempSync(join(tmpdir(), 'chaperone-full-'))
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mount]).status !== 0) {
    skipFor(t, 'the right to mount a tmpfs')
    return
  }
  t.after(() => {
    spawnSync('umount', ['-l', mount])
    rmdirSync(mount)
  })
  const origin = await startOrigin(t)
  const companion = await startCompanionProcess(t, folder, { config: `flight_recorder: {dir: ${mount}/receipts, min_free_bytes: 0}\n` })
  assert.equal((await throughProxy(companion.port, `${origin.url}/before`)).status, 200)

  writeFileSync(join(mount, 'filler'), '')
  spawnSync('sh', ['-c', `cat /dev/zero > ${mount}/filler`])
  const during: number[] = []
  for (let i = 0; i < 20; i++) during.push((await throughProxy(companion.port, `${origin.url}/during`)).status)
  assert.ok(during.slice(5).every((status) => status === 503), during.join(' '))
  const reachedWhileFull = origin.seen.filter(({ url }) => url === '/during').length
  assert.equal(reachedWhileFull, during.filter((status) => status === 200).length)

  rmSync(join(mount, 'filler'))
  let after = 0
  for (let i = 0; i < 100 && after !== 200; i++) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    after = (await throughProxy(companion.port, `${origin.url}/after`)).status
  }
  assert.equal(after, 200)
  const sessions = new Set(readdirSync(join(mount, 'receipts')).map((name) => /run\.([0-9a-f]{32})/.exec(name)?.[1]))
  sessions.delete(undefined)
  assert.ok(sessions.size >= 2, 'a new session')
})
