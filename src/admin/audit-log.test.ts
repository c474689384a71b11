/** The audit log on real files: what is written, what is left out, rotation, and disks that refuse. */

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

import { createManualClock } from '../base/clock.ts'
import type { AuditEvent, ExchangeEvent } from '../model/audit-event.ts'
import { openLineWriter } from './audit-log-file.ts'
import { createAuditLog, type AuditIncludes } from './audit-log.ts'

let folder = ''
let files = 0
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-'))
})
after(async () => {
  await rm(folder, { recursive: true })
})

const EVERYTHING: AuditIncludes = { allowed: true, blocked: true }
const CLOCK = createManualClock(Date.UTC(2026, 0, 2, 3, 4, 5))

function openLog(includes = EVERYTHING) {
  const path = join(folder, `audit-${files++}.log`)
  const lost: unknown[] = []
  return { path, lost, log: createAuditLog({ output: path, clock: CLOCK, includes, onLoss: (loss) => lost.push(loss) }) }
}

function exchange(partial: Partial<ExchangeEvent> = {}): ExchangeEvent {
  return {
    event: 'exchange', verdict: 'allow', agent: 'agent-a', grade: 'bound', source: 'cidr', rule: '10.0.0.0/8', actionId: 'id-1', surface: 'forward', method: 'GET',
    target: 'http://example.com/', status: 200, bytesUp: 1, bytesDown: 2, durationMs: 3.5, policyHash: 'abc', ...partial,
  }
}

async function recordsIn(path: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(path, 'utf8')
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('an event is one line of JSON with level, time and snake-case keys', async () => {
  const { path, log } = openLog()
  log.record(exchange())
  await log.close()
  assert.deepEqual(await recordsIn(path), [
    {
      level: 'info', time: '2026-01-02T03:04:05.000Z', event: 'exchange', verdict: 'allow', agent: 'agent-a', grade: 'bound', source: 'cidr', rule: '10.0.0.0/8', action_id: 'id-1',
      surface: 'forward', method: 'GET', target: 'http://example.com/', status: 200, bytes_up: 1, bytes_down: 2, duration_ms: 3.5, policy_hash: 'abc',
    },
  ])
})

test('the file is its owner\'s alone', async () => {
  const { path, log } = openLog()
  await log.close()
  assert.equal((await stat(path)).mode & 0o777, 0o600)
})

test('allowed and blocked exchanges are left out on request; warned ones and other events never', async () => {
  const { path, log } = openLog({ allowed: false, blocked: false })
  const stopped: AuditEvent = { event: 'stopped', reason: 'SIGTERM', uptimeMs: 1 }
  for (const event of [exchange(), exchange({ verdict: 'block' }), exchange({ verdict: 'warn' }), stopped]) log.record(event)
  log.setIncludes(EVERYTHING)
  log.record(exchange({ verdict: 'block' }))
  await log.close()
  assert.deepEqual((await recordsIn(path)).map(({ event, verdict }) => verdict ?? event), ['warn', 'stopped', 'block'])
})

test('levels tell what deserves a look', async () => {
  const { path, log } = openLog()
  log.record(exchange())
  log.record(exchange({ verdict: 'block', reason: 'dlp_secret' }))
  log.record({ event: 'kill_switch', source: 'admin', scope: '*', active: true })
  log.record({ event: 'kill_switch', source: 'admin', scope: '*', active: false })
  log.record({ event: 'receipt_failed', reason: 'receipt_unwritable', phase: 'intent' })
  log.record({ event: 'config_reload', result: 'rejected', policyHash: 'x', errors: ['line 1'] })
  await log.close()
  assert.deepEqual((await recordsIn(path)).map(({ level }) => level), ['info', 'warn', 'warn', 'info', 'error', 'warn'])
})

test('what a caller sent can neither break a line nor reach a terminal, nor fill the log', async () => {
  const { path, log } = openLog()
  log.record(exchange({ target: `http://h/\u001b[31m\u009b\u2028\n{"event":"forged"}${'x'.repeat(100_000)}`, warnings: Array.from({ length: 1000 }, () => 'a\u0000b') }))
  await log.close()
  const text = await readFile(path, 'utf8')
  assert.equal(text.split('\n').length, 2)
  assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028]/.test(text))
  assert.ok(text.length < 8192)
})

test('after rotation, lines go to the new file and none is lost', async () => {
  const { path, log } = openLog()
  for (let i = 0; i < 100; i++) log.record(exchange({ actionId: `before-${i}` }))
  await rename(path, `${path}.1`)
  log.reopen()
  for (let i = 0; i < 100; i++) log.record(exchange({ actionId: `after-${i}` }))
  await log.close()
  const [old, now] = [await recordsIn(`${path}.1`), await recordsIn(path)]
  assert.equal(old.length + now.length, 200)
  assert.equal(now.at(-1)?.['action_id'], 'after-99')
})

test('where the new file cannot be opened, the old one stays in use and the failure is told', async () => {
  const inner = await mkdtemp(join(folder, 'inner-'))
  const lost: unknown[] = []
  const log = createAuditLog({ output: join(inner, 'a.log'), clock: CLOCK, includes: EVERYTHING, onLoss: (loss) => lost.push(loss) })
  const moved = `${inner}-moved`
  await rename(inner, moved)
  log.reopen()
  log.record(exchange())
  await log.close()
  assert.deepEqual(lost, [{ lines: 0, code: 'ENOENT' }])
  assert.equal((await recordsIn(join(moved, 'a.log'))).length, 1)
})

test('the last flush writes at once', async () => {
  const { path, log } = openLog()
  log.record(exchange())
  log.flushSync()
  assert.equal((await recordsIn(path)).length, 1)
  await log.close()
  assert.equal((await recordsIn(path)).length, 1)
})

test('a disk that is full loses lines and says so; neither writing nor the last flush hangs', { skip: process.platform !== 'linux' }, async () => {
  const lost: { lines: number; code: string }[] = []
  const log = createAuditLog({ output: '/dev/full', clock: CLOCK, includes: EVERYTHING, onLoss: (loss) => lost.push(loss) })
  log.record(exchange())
  log.record(exchange())
  log.flushSync()
  log.record(exchange())
  await log.close()
  assert.deepEqual(lost, [{ lines: 2, code: 'ENOSPC' }, { lines: 1, code: 'ENOSPC' }])
})

test('a queue that is full loses what comes, not what waits', async () => {
  const path = join(folder, 'bounded.log')
  const lost: unknown[] = []
  const writer = openLineWriter({ output: path, maxQueuedBytes: 10, onLoss: (loss) => lost.push(loss) })
  writer.write('12345\n')
  writer.write('67890\n')
  await writer.close()
  writer.write('late\n')
  assert.equal(await readFile(path, 'utf8'), '12345\n')
  assert.deepEqual(lost, [{ lines: 1, code: 'queue_full' }, { lines: 1, code: 'closed' }])
})

test('a file that cannot be opened is an error at the start', () => {
  assert.throws(() => createAuditLog({ output: join(folder, 'no', 'such', 'folder'), clock: CLOCK, includes: EVERYTHING, onLoss: () => undefined }), { code: 'ENOENT' })
})
