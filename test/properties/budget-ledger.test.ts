/**
 * The ledgers against the model, over random interleavings: never more than the limit, never refused without reason, waits
 * that are true; with reloads, restarts, crashes, clock steps, grants, resets, freezes. CHAPERONE_RUNS sets how many.
 */

import assert from 'node:assert/strict'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import fc from 'fast-check'

import { createManualClock } from '../../src/base/clock.ts'
import { openLedger, type BudgetLedger } from '../../src/budget/index.ts'
import { budgetCommands, type BudgetWorld, type Real } from '../support/budget-commands.ts'
import { BudgetModel } from '../support/budget-model.ts'
import { startRedis, type RedisServer } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const RUNS = Number(process.env['CHAPERONE_RUNS'] ?? 150)
const MAX_COMMANDS = 80
/** Then it ends, with as many runs as there were. */
const MAX_MS = Number(process.env['CHAPERONE_RUNS_MS'] ?? 20_000)

async function hold(t: TestContext, runs: number, createWorld: () => Promise<BudgetWorld & { close(): Promise<void> }>): Promise<void> {
  const untilMs = performance.now() + MAX_MS
  let done = 0
  await fc.assert(
    fc.asyncProperty(fc.commands(budgetCommands, { size: 'max', maxCommands: MAX_COMMANDS }), async (commands) => {
      if (performance.now() > untilMs) return
      done++
      const world = await createWorld()
      try {
        const real: Real = { world, leases: new Map(), policy: 1, attempts: 0 }
        await fc.asyncModelRun(() => ({ model: new BudgetModel(), real }), commands)
      } finally {
        await world.close()
      }
    }),
    { numRuns: runs },
  )
  t.diagnostic(`${done} runs of up to ${MAX_COMMANDS} commands`)
}

test('in memory', (t) =>
  hold(t, RUNS * 4, async () => {
    const clock = createManualClock()
    const ledger = await openLedger({ kind: 'memory', clock })
    return {
      ledger: () => ledger,
      advance: (ms) => {
        clock.advance(ms)
        return Promise.resolve()
      },
      restart: () => Promise.resolve(false),
      stepWallClock: () => undefined,
      close: () => ledger.close(),
    }
  }))

async function journalWorld(folder: string): Promise<BudgetWorld & { close(): Promise<void> }> {
  const clock = createManualClock()
  let [stepMs, runs] = [0, 0]
  const dirOf = (run: number) => join(folder, `run-${run}`)
  const bootClock = () => ({ id: 'one boot', uptimeMs: clock.monotonicMs() })
  const open = () => openLedger({ kind: 'journal', dir: dirOf(runs), bootClock, clock: { nowMs: () => clock.nowMs() + stepMs, monotonicMs: () => clock.monotonicMs() } })
  rmSync(folder, { recursive: true, force: true })
  let ledger = await open()
  return {
    ledger: () => ledger,
    advance: (ms) => {
      clock.advance(ms)
      return Promise.resolve()
    },
    restart: async (kind) => {
      // Rows that were written behind are durable once a later one is.
      assert.equal(await ledger.setFrozen('nobody', false), 'done')
      if (kind === 'orderly') await ledger.close()
      cpSync(dirOf(runs), dirOf(runs + 1), { recursive: true })
      if (kind === 'crash') await ledger.close()
      runs++
      ledger = await open()
      assert.equal(ledger.health(), 'ok')
      return true
    },
    stepWallClock: (ms) => {
      stepMs += ms
    },
    close: () => ledger.close(),
  }
}

test('with a journal on disk', async (t) => {
  const folder = temporaryFolder(t)
  await hold(t, RUNS, () => journalWorld(join(folder, 'journal')))
})

const FUTURE_MS = 31_536_000_000

/** Two ledgers on one store, asked in turn. Time is the account's own: a year ahead, so that the store's stands still. */
async function redisWorld(t: TestContext, server: RedisServer, folder: string): Promise<BudgetWorld & { close(): Promise<void> }> {
  await server.client.flushall()
  rmSync(folder, { recursive: true, force: true })
  const clock = createManualClock()
  const open = (name: string): Promise<BudgetLedger> => openLedger({ kind: 'shared', clock, url: server.url, dir: join(folder, name), timeoutMs: 5000 })
  const ledgers = [await open('one'), await open('other')] as const
  let nowMs = Math.floor(Date.now() / 1000) * 1000 + FUTURE_MS
  let turn = 0
  const setTime = async () => {
    for (const subject of ['a', 'b']) await server.client.hset(`{chaperone:${subject}}:m`, 'last', String(nowMs))
  }
  await setTime()
  return {
    ledger: () => ledgers[turn++ % 2 === 0 ? 0 : 1],
    advance: (ms) => {
      clock.advance(ms)
      nowMs += ms
      return setTime()
    },
    restart: () => Promise.resolve(false),
    stepWallClock: () => undefined,
    close: async () => {
      for (const ledger of ledgers) await ledger.close()
    },
  }
}

test('through Redis', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const folder = temporaryFolder(t)
  await hold(t, RUNS, () => redisWorld(t, server, join(folder, 'store')))
})
