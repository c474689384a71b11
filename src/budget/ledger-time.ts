/**
 * The ledger's own time: wall-clock milliseconds at its first start, and from then on only what really passed. Inside a run
 * the monotonic clock moves it; across runs of one boot the machine's uptime; across boots the wall clock, never backwards.
 */

import type { Clock } from '../base/clock.ts'
import type { BootClock } from './journal/journal-files.ts'
import type { Header } from './journal/journal-line.ts'

/** @param lastMs newest moment that was written; @param header of the journal that was read, if any */
export function startOfTimeMs(clock: Clock, bootClock: BootClock, lastMs: number, header?: Header): number {
  if (header === undefined) return Math.floor(clock.nowMs())
  const [boot, then] = [bootClock(), header.boot]
  const passedMs = boot !== undefined && boot.id === then?.id ? boot.uptimeMs - then.uptimeMs : clock.nowMs() - header.nowMs
  return Math.floor(Math.max(header.nowMs + passedMs, header.nowMs, lastMs))
}

/** @returns whole milliseconds, never less than before */
export function createLedgerTime(clock: Clock, startMs: number): () => number {
  const beganMs = clock.monotonicMs()
  return () => startMs + Math.floor(clock.monotonicMs() - beganMs)
}
