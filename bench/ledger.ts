/**
 * Decisions per second of the budget ledger alone: a decision is `reserve` and `settle` on four axes, and on one.
 *
 *   node bin/node24.js bench/ledger.ts [memory] [journal] [shared]
 *
 * `shared` starts a redis-server of its own on a Unix socket, and keeps 256 attempts on their way.
 */

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { SYSTEM_CLOCK } from '../src/base/clock.ts'
import { isRefused, openLedger, type BudgetLedger, type Demand } from '../src/budget/index.ts'

const HOUR_MS = 3_600_000
const UNLIMITED = 1e12
const AT_ONCE = 256
const SUBJECTS = 16
const HOSTS = 50
const SUCCESS = { outcome: { kind: 'success' } } as const
const MS_PER_SECOND = 1000

const kinds = process.argv.slice(2)
const dir = mkdtempSync(join(tmpdir(), 'chaperone-bench-'))

const one: Demand = { axis: 'requests', limit: UNLIMITED, windowMs: HOUR_MS, action: 'block' }
const hosts = Array.from({ length: HOSTS }, (_, at): Demand => ({ axis: 'destinations', limit: 100, windowMs: HOUR_MS, action: 'block', key: `host-${at}.example` }))
const rest: readonly Demand[] = [{ ...one, axis: 'bytes', amount: 700 }, { axis: 'concurrent_requests', limit: 1000, windowMs: 0, action: 'block' }]
const four = hosts.map((host): readonly Demand[] => [one, host, ...rest])
const single = [[one]]

let attempts = 0

function requestOf(demands: readonly (readonly Demand[])[]) {
  const number = attempts++
  return { subject: `agent-${number % SUBJECTS}`, attempt: `a${number}`, demands: demands[number % demands.length] ?? [], ttlMs: HOUR_MS }
}

/** One after the other; waits only where the ledger does. */
async function inTurn(ledger: BudgetLedger, demands: readonly (readonly Demand[])[], decisions: number): Promise<void> {
  for (let i = 0; i < decisions; i++) {
    const answer = ledger.reserve(requestOf(demands))
    const granted = answer instanceof Promise ? await answer : answer
    if (!isRefused(granted)) void ledger.settle(granted.lease, SUCCESS)
  }
}

async function atOnce(ledger: BudgetLedger, demands: readonly (readonly Demand[])[], decisions: number): Promise<void> {
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let i = 0; i < decisions / AT_ONCE; i++) {
      const granted = await ledger.reserve(requestOf(demands))
      if (!isRefused(granted)) await ledger.settle(granted.lease, SUCCESS)
    }
  }))
}

async function measure(name: string, decisions: number, act: (decisions: number) => Promise<void>): Promise<void> {
  await act(decisions / 4)
  const startedMs = performance.now()
  await act(decisions)
  const perSecond = decisions / ((performance.now() - startedMs) / MS_PER_SECOND)
  process.stdout.write(`${name.padEnd(44)} ${Math.round(perSecond).toLocaleString('en').padStart(11)} /s\n`)
}

async function run(kind: string, ledger: BudgetLedger, act: typeof inTurn, decisions: number): Promise<void> {
  if (kinds.length > 0 && !kinds.includes(kind)) return
  await measure(`${kind}, requests: reserve + settle`, decisions, (count) => act(ledger, single, count))
  await measure(`${kind}, four axes: reserve + settle`, decisions, (count) => act(ledger, four, count))
  const full = [[{ ...one, axis: 'tool_calls', limit: 0 } as const]]
  await measure(`${kind}, refused: reserve`, decisions, (count) => act(ledger, full, count))
}

const memory = await openLedger({ kind: 'memory', clock: SYSTEM_CLOCK })
await run('memory', memory, inTurn, 1_000_000)
const journal = await openLedger({ kind: 'journal', clock: SYSTEM_CLOCK, dir: join(dir, 'journal') })
await run('journal', journal, inTurn, 1_000_000)
await journal.close()

if (kinds.length === 0 || kinds.includes('shared')) {
  const path = join(dir, 'redis.sock')
  const server = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--dir', dir], { stdio: 'ignore' })
  await new Promise((resolve) => setTimeout(resolve, MS_PER_SECOND))
  const shared = await openLedger({ kind: 'shared', clock: SYSTEM_CLOCK, url: `unix:${path}`, dir: join(dir, 'store'), timeoutMs: 5000 })
  await run('shared', shared, atOnce, 50_000)
  await shared.close()
  server.kill()
}
rmSync(dir, { recursive: true, force: true })
