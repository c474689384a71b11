/**
 * A child that spends from a ledger for as long as it lives, and tells each unit it was granted, before it goes on.
 * Arguments: `journal DIR` or `shared URL DIR`; then limit, attempts at once, and how many attempts in all.
 */

import { writeSync } from 'node:fs'
import { randomUUID } from 'node:crypto'

import { SYSTEM_CLOCK } from '../../src/base/clock.ts'
import { isRefused, openLedger } from '../../src/budget/index.ts'

const STDOUT = 1
const HOUR_MS = 3_600_000
const [kind = '', ...rest] = process.argv.slice(2)
const [limit = 0, atOnce = 1, total = 0] = rest.slice(kind === 'journal' ? 1 : 2).map(Number)
const ledger = await openLedger(
  kind === 'journal' ? { kind: 'journal', clock: SYSTEM_CLOCK, dir: rest[0] ?? '' } : { kind: 'shared', clock: SYSTEM_CLOCK, url: rest[0] ?? '', dir: rest[1] ?? '', timeoutMs: 5000 },
)
const demands = [{ axis: 'requests', limit, windowMs: HOUR_MS, action: 'block' }, { axis: 'concurrent_requests', limit, windowMs: 0, action: 'block' }] as const
writeSync(STDOUT, `${ledger.health()}\n`)

let left = total
const tally = { limit: 0, other: 0 }

async function spend(): Promise<void> {
  while (left-- > 0) {
    const attempt = randomUUID()
    const answer = await ledger.reserve({ subject: 'shared', attempt, demands, ttlMs: HOUR_MS })
    if (isRefused(answer)) tally[answer.cause === 'limit' ? 'limit' : 'other']++
    // Synchronous: what was granted is told before anything else can happen to this process.
    else writeSync(STDOUT, `${attempt}\n`)
  }
}

await Promise.all(Array.from({ length: atOnce }, spend))
writeSync(STDOUT, `refused ${tally.limit} ${tally.other}\n`)
// Nothing is given back: the parent counts what was granted.
process.kill(process.pid, 'SIGKILL')
