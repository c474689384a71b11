/** Spend across restarts, crashes, damaged files, failing disks and clocks that step. A crash is a copy of the folder as it is. */

import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { createManualClock } from '../base/clock.ts'
import type { AxisName } from './axis.ts'
import { createJournalFolder } from './journal/journal-file.ts'
import type { JournalFiles } from './journal/journal-files.ts'
import { isRefused, type BudgetLedger, type Demand, type Refused, type SubjectUsage } from './ledger.ts'
import { openJournalLedger, type JournalLedgerOptions } from './open-local-ledger.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const SUCCESS = { kind: 'success' } as const
const FAILURE = { kind: 'failure' } as const

function aFolder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'chaperone-budget-'))
  t.after(() => {
    rmSync(dir, { recursive: true, force: true })
  })
  return dir
}

function aDemand(axis: AxisName, limit: number, more: Partial<Demand> = {}): Demand {
  return { axis, limit, windowMs: HOUR_MS, action: 'block', ...more }
}

let attempts = 0

async function reserve(ledger: BudgetLedger, ...demands: readonly Demand[]) {
  return ledger.reserve({ subject: 'a', attempt: `attempt-${attempts++}`, demands, ttlMs: HOUR_MS })
}

async function attempt(ledger: BudgetLedger, demand: Demand, outcome: typeof SUCCESS | typeof FAILURE = SUCCESS): Promise<Refused | 'granted'> {
  const answer = await reserve(ledger, demand)
  if (isRefused(answer)) return answer
  await ledger.settle(answer.lease, { outcome })
  return 'granted'
}

/** @returns how many of one unit are granted, at most `most` */
async function grantedOf(ledger: BudgetLedger, demand: Demand, most = 1000): Promise<number> {
  let count = 0
  while (count < most && (await attempt(ledger, demand)) === 'granted') count++
  return count
}

/** A machine whose clocks are moved by hand. */
function aMachine() {
  const clock = createManualClock()
  let stepMs = 0
  let boot = 1
  return {
    clock: { nowMs: () => clock.nowMs() + stepMs, monotonicMs: () => clock.monotonicMs() },
    bootClock: () => ({ id: `boot ${boot}`, uptimeMs: clock.monotonicMs() }),
    advance: (ms: number) => {
      clock.advance(ms)
    },
    stepWallClock: (ms: number) => {
      stepMs += ms
    },
    reboot: () => {
      boot++
    },
  }
}

type Machine = ReturnType<typeof aMachine>

function open(dir: string, machine: Machine, more: Partial<JournalLedgerOptions> = {}): Promise<BudgetLedger> {
  return openJournalLedger({ clock: machine.clock, bootClock: machine.bootClock, dir, ...more })
}

/** @returns what is on the disk now, as another process finds it after a crash */
function crashed(t: TestContext, dir: string): string {
  const copy = aFolder(t)
  cpSync(dir, copy, { recursive: true })
  return copy
}

const one = aDemand('requests', 640)

test('an orderly restart keeps exactly what was spent, on every axis that is kept', async (t) => {
  const [dir, machine] = [aFolder(t), aMachine()]
  const first = await open(dir, machine)
  const axes: readonly Demand[] = [
    aDemand('requests', 3), aDemand('bytes', 300, { amount: 100 }), aDemand('tool_calls', 3), aDemand('destinations', 3, { key: 'a' }),
    aDemand('fan_out', 3, { key: 'b' }), aDemand('identical_tool_calls', 3, { key: 'c' }), aDemand('wall_clock', 10 * MINUTE_MS),
  ]
  for (const key of ['a', 'b']) assert.ok(!isRefused(await reserve(first, ...axes.map((demand) => (demand.axis === 'destinations' ? { ...demand, key } : demand)))))
  await attempt(first, aDemand('retries_per_endpoint', 1, { key: 'd' }), FAILURE)
  await attempt(first, aDemand('tool_failures', 2, { key: 'e' }), FAILURE)
  await first.close()

  machine.advance(MINUTE_MS)
  const second = await open(dir, machine)
  const usage = (await second.usage()) as readonly SubjectUsage[]
  const used = new Map(usage[0]?.axes.map(({ axis, used: units }) => [axis, units]))
  assert.deepEqual([used.get('requests'), used.get('bytes'), used.get('tool_calls'), used.get('destinations'), used.get('fan_out')], [2, 200, 2, 2, 1])
  assert.equal(used.get('wall_clock'), MINUTE_MS)
  assert.equal(await grantedOf(second, aDemand('requests', 3)), 1)
  assert.equal(await grantedOf(second, aDemand('identical_tool_calls', 3, { key: 'c' })), 1)
  assert.deepEqual([await attempt(second, aDemand('retries_per_endpoint', 1, { key: 'd' }), FAILURE), typeof (await attempt(second, aDemand('retries_per_endpoint', 1, { key: 'd' })))], ['granted', 'object'])
  assert.deepEqual([await attempt(second, aDemand('tool_failures', 2, { key: 'e' }), FAILURE), typeof (await attempt(second, aDemand('tool_failures', 2, { key: 'e' })))], ['granted', 'object'])
  await second.close()
})

test('a crash loses at most one block of each axis, and never brings one unit back', async (t) => {
  const [dir, machine] = [aFolder(t), aMachine()]
  const ledger = await open(dir, machine)
  for (let spent = 0; spent <= 50; spent++) {
    const after = await open(crashed(t, dir), machine)
    const left = await grantedOf(after, one)
    assert.ok(left <= 640 - spent && left >= 640 - spent - 10, `${spent} spent, ${left} left`)
    await after.close()
    assert.equal(await attempt(ledger, one), 'granted')
  }
  await ledger.close()
})

test('most answers come at once: a window of 640 is written in 65 commits at most', async (t) => {
  const [dir, machine] = [aFolder(t), aMachine()]
  const ledger = await open(dir, machine)
  let waited = 0
  for (let i = 0; i < 640; i++) {
    const answer = ledger.reserve({ subject: 'a', attempt: `${i}`, demands: [one], ttlMs: 1000 })
    if (answer instanceof Promise) waited++
    assert.ok(!isRefused(await answer))
  }
  assert.ok(waited <= 65, `${waited}`)
  await ledger.close()
})

test('of many at once exactly the limit is granted', async (t) => {
  const ledger = await open(aFolder(t), aMachine())
  const answers = await Promise.all(Array.from({ length: 1000 }, () => reserve(ledger, aDemand('requests', 50))))
  assert.equal(answers.filter((answer) => !isRefused(answer)).length, 50)
  await ledger.close()
})

test('steps of the wall clock, backwards or forwards, between runs of one boot change nothing', async (t) => {
  const [dir, machine] = [aFolder(t), aMachine()]
  for (const stepMs of [0, -48 * HOUR_MS, 96 * HOUR_MS]) {
    machine.stepWallClock(stepMs)
    const ledger = await open(dir, machine)
    const left = await grantedOf(ledger, aDemand('requests', 3))
    assert.equal(left, stepMs === 0 ? 3 : 0)
    await ledger.close()
  }
  machine.advance(HOUR_MS + MINUTE_MS)
  const ledger = await open(dir, machine)
  assert.equal(await grantedOf(ledger, aDemand('requests', 3)), 3)
  await ledger.close()
})

test('after a reboot with a clock that is behind, no time has passed', async (t) => {
  const [dir, machine] = [aFolder(t), aMachine()]
  const first = await open(dir, machine)
  assert.equal(await grantedOf(first, aDemand('requests', 3)), 3)
  await first.close()
  machine.stepWallClock(-1000 * HOUR_MS)
  machine.reboot()
  const second = await open(dir, machine)
  assert.equal(await grantedOf(second, aDemand('requests', 3)), 0)
  machine.advance(HOUR_MS + MINUTE_MS)
  assert.equal(await grantedOf(second, aDemand('requests', 3)), 3)
  await second.close()
})

test('grants, freezes and resets survive', async (t) => {
  const [dir, machine] = [aFolder(t), aMachine()]
  const first = await open(dir, machine)
  assert.equal(await grantedOf(first, aDemand('requests', 2)), 2)
  assert.equal(await first.reset('a', 'requests'), 'done')
  assert.equal(await first.grant('a', { id: 'g', axis: 'requests', amount: 3, ttlMs: 10 * MINUTE_MS }), 'done')
  assert.equal(await first.setFrozen('b', true), 'done')
  const second = await open(crashed(t, dir), machine)
  assert.equal(await grantedOf(second, aDemand('requests', 2)), 5)
  const frozen = await second.reserve({ subject: 'b', attempt: 'x', demands: [], ttlMs: 1000 })
  assert.ok(isRefused(frozen) && frozen.cause === 'frozen')
  await first.close()
  await second.close()
})

test('a shorter and a longer window after a crash still hold all that is spent', async (t) => {
  const [dir, machine] = [aFolder(t), aMachine()]
  const ledger = await open(dir, machine)
  for (const windowMs of [HOUR_MS, 2 * HOUR_MS, 10 * MINUTE_MS, 0]) {
    assert.equal(await grantedOf(ledger, aDemand('requests', 1000, { windowMs }), 3), 3)
    machine.advance(1000)
  }
  const after = await open(crashed(t, dir), machine)
  const left = await grantedOf(after, aDemand('requests', 1000, { windowMs: 0 }))
  assert.ok(left <= 988 && left >= 1000 - 12 - 16, `${left}`)
  await ledger.close()
  await after.close()
})

/** A journal with something in it, its files, and how much was granted. */
async function aSpentJournal(t: TestContext) {
  const [dir, machine] = [aFolder(t), aMachine()]
  const ledger = await open(dir, machine)
  for (let i = 0; i < 5; i++) assert.equal(await attempt(ledger, aDemand('requests', 10)), 'granted')
  await ledger.setFrozen('b', true)
  const copy = crashed(t, dir)
  await ledger.close()
  return { dir: copy, machine, files: readdirSync(copy) }
}

/** Opens damaged files and requires that no more is granted than was left, or nothing until an operator decides. */
async function requireNothingGained(dir: string, machine: Machine, what: string): Promise<'restored' | 'refused'> {
  const ledger = await open(dir, machine)
  const left = await grantedOf(ledger, aDemand('requests', 10))
  assert.ok(left <= 5, `${what}: ${left} more`)
  const frozen = await ledger.reserve({ subject: 'b', attempt: 'x', demands: [], ttlMs: 1000 })
  assert.ok(isRefused(frozen), what)
  if (left === 0) assert.equal(ledger.health(), 'state_unreadable', what)
  else assert.equal(frozen.cause, 'frozen')
  await ledger.close()
  return left === 0 ? 'refused' : 'restored'
}

async function damageEachByte(t: TestContext, stepBytes: number, damage: (path: string, at: number, original: Buffer) => void) {
  const { dir, machine, files } = await aSpentJournal(t)
  const counts = { restored: 0, refused: 0 }
  const work = aFolder(t)
  for (const file of files) {
    const original = readFileSync(join(dir, file))
    for (let at = 0; at < original.length; at += file === 'mark' && at % 4096 > 64 ? 64 : stepBytes) {
      rmSync(work, { recursive: true })
      cpSync(dir, work, { recursive: true })
      damage(join(work, file), at, original)
      counts[await requireNothingGained(work, machine, `${file} at ${at}`)]++
    }
  }
  t.diagnostic(`${counts.restored} restored, ${counts.refused} refused until an operator decides`)
  return counts
}

test('a file that was cut at any byte gives nothing back', async (t) => {
  const counts = await damageEachByte(t, 1, (path, at) => {
    truncateSync(path, at)
  })
  assert.ok(counts.refused > 500)
})

test('a byte that was changed anywhere gives nothing back', async (t) => {
  const counts = await damageEachByte(t, 1, (path, at, original) => {
    const bytes = Buffer.from(original)
    bytes[at] = (bytes[at] ?? 0) ^ 0x01
    writeFileSync(path, bytes)
  })
  assert.ok(counts.refused > 500 && counts.restored > 50)
})

test('a torn last write is left out, and what was acknowledged is there', async (t) => {
  for (const tail of ['deadbeef {"nowMs":1', '\0'.repeat(4096), '00000000 {}\n']) {
    const { dir, machine, files } = await aSpentJournal(t)
    const journal = join(dir, files.find((name) => name.startsWith('journal')) ?? '')
    writeFileSync(journal, tail, { flag: 'a' })
    assert.equal(await requireNothingGained(dir, machine, tail), 'restored')
  }
})

test('a missing mark or journal is a loss, an empty folder a beginning', async (t) => {
  for (const missing of ['mark', 'journal']) {
    const { dir, machine, files } = await aSpentJournal(t)
    for (const file of files) if (file.startsWith(missing)) rmSync(join(dir, file))
    assert.equal(await requireNothingGained(dir, machine, missing), 'refused')
  }
})

test('an operator who adopts a lost state begins anew, and the damaged files are kept aside', async (t) => {
  const { dir, machine } = await aSpentJournal(t)
  writeFileSync(join(dir, 'mark'), '')
  const ledger = await open(dir, machine)
  const refused = await attempt(ledger, one)
  assert.deepEqual(refused, { cause: 'state_unreadable', shortfalls: [], waitMs: 'unknown' })
  assert.equal(await ledger.usage(), 'state_unreadable')
  assert.equal(await ledger.grant('a', { id: 'g', axis: 'requests', amount: 1, ttlMs: 1 }), 'state_unreadable')
  assert.equal(await ledger.adopt(), 'done')
  assert.equal(await attempt(ledger, one), 'granted')
  await ledger.close()
  assert.ok(readdirSync(join(dir, 'unreadable-1')).includes('mark'))
  const again = await open(dir, machine)
  assert.equal(await grantedOf(again, one), 639)
  await again.close()
})

test('a disk that fails refuses what needs it, hands out what is durable, and is used again when it works', async (t) => {
  const [dir, machine] = [aFolder(t), aMachine()]
  let isFull = false
  const real = createJournalFolder(dir)
  const failing = async <T>(act: () => Promise<T>): Promise<T> => (isFull ? Promise.reject(new Error('ENOSPC')) : act())
  const files: JournalFiles = {
    ...real,
    writeMark: (slot, bytes) => failing(() => real.writeMark(slot, bytes)),
    create: (generation, bytes) => failing(() => real.create(generation, bytes)),
  }
  const ledger = await open(dir, machine, { files })
  assert.equal(await attempt(ledger, one), 'granted')
  isFull = true
  assert.equal(await grantedOf(ledger, one), 9)
  const refused = await attempt(ledger, one)
  assert.ok(refused !== 'granted' && refused.cause === 'state_unwritable')
  assert.equal(ledger.health(), 'state_unwritable')
  isFull = false
  machine.advance(1000)
  assert.equal(await attempt(ledger, one), 'granted')
  assert.equal(ledger.health(), 'ok')
  const after = await open(crashed(t, dir), machine)
  assert.ok((await grantedOf(after, one)) <= 629)
  await after.close()
  await ledger.close()
})

test('the file is written anew before it grows without end, and loses nothing by it', async (t) => {
  const [dir, machine] = [aFolder(t), aMachine()]
  const ledger = await open(dir, machine)
  const wide = 'k'.repeat(500)
  for (let i = 0; i < 3000; i++) {
    const answer = await reserve(ledger, aDemand('destinations', 10_000, { key: `${wide}${i % 100}`, windowMs: MINUTE_MS }))
    assert.ok(!isRefused(answer))
    await ledger.settle(answer.lease, { outcome: SUCCESS })
    machine.advance(100)
  }
  const [journal = ''] = readdirSync(dir).filter((name) => name.startsWith('journal'))
  assert.notEqual(journal, 'journal-1.log')
  assert.ok(readFileSync(join(dir, journal)).length < 1_200_000)
  const after = await open(crashed(t, dir), machine)
  assert.deepEqual(((await after.usage()) as readonly SubjectUsage[])[0]?.axes[0]?.used, 100)
  await after.close()
  await ledger.close()
})

test('nothing is handed out once the ledger is closed, and what was handed out before is kept', async (t) => {
  const [dir, machine] = [aFolder(t), aMachine()]
  const ledger = await open(dir, machine)
  const under = Array.from({ length: 30 }, () => reserve(ledger, aDemand('requests', 20)))
  await Promise.resolve()
  const closed = ledger.close()
  const granted = (await Promise.all(under)).filter((answer) => !isRefused(answer)).length
  await closed
  const late = await reserve(ledger, aDemand('requests', 20))
  assert.ok(isRefused(late) && late.cause === 'state_unwritable')
  const again = await open(dir, machine)
  assert.equal(await grantedOf(again, aDemand('requests', 20)), 20 - granted)
  await again.close()
})
