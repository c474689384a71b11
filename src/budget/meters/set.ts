/** Distinct keys of a sliding window: destinations, fan-out. A key that is in the window is always admitted, and stays longer. */

import type { Demand } from '../ledger.ts'
import { firstRoomMs, leavesAtMs } from './first-room.ts'
import { MAX_KEYS, type Ending, type LimitAt, type Meter, type Moment, type Take } from './meter.ts'

interface Member {
  readonly lastMs: number
  /** The attempt that brought it, as long as no other used it: only that one can take it out again. */
  readonly broughtBy: string | undefined
}

export class SetMeter implements Meter {
  /** In order of last use. */
  readonly members = new Map<string, Member>()
  windowMs = 0

  used({ windowMs }: Demand, nowMs: number): number {
    this.windowMs = windowMs
    this.#expire(nowMs)
    return this.members.size
  }

  firstFitMs({ key = '', windowMs }: Demand, fromMs: number, limitAt: LimitAt): Moment {
    const known = this.members.get(key)
    if (known !== undefined && leavesAtMs(known.lastMs, windowMs) > fromMs) return fromMs
    // Common, and cheaper than a list: nothing has to leave first.
    if (this.members.size < limitAt(fromMs)) return fromMs
    const leaving = Array.from(this.members.values(), ({ lastMs }) => ({ atMs: leavesAtMs(lastMs, windowMs), amount: 1 })).sort((a, b) => a.atMs - b.atMs)
    return firstRoomMs(leaving, fromMs, (left, atMs) => left + 1 <= limitAt(atMs))
  }

  take(_demand: Demand, { key, attempt, atMs }: Take): void {
    const isNew = !this.members.has(key)
    if (isNew && this.members.size >= MAX_KEYS) return
    this.members.delete(key)
    this.members.set(key, { lastMs: atMs, broughtBy: isNew ? attempt : undefined })
  }

  end({ key, attempt }: Take, ending: Ending): void {
    const isUnused = ending.kind === 'refunded' || (ending.kind === 'settled' && ending.used === 0)
    if (isUnused && this.members.get(key)?.broughtBy === attempt) this.members.delete(key)
  }

  hasRoom({ key = '' }: Demand): boolean {
    return this.members.has(key) || this.members.size < MAX_KEYS
  }

  /** @param nowMs no use was after it */
  restore({ key, lastMs, windowMs }: { key: string; lastMs: number | null; windowMs: number }, nowMs: number): void {
    this.windowMs = windowMs
    this.members.delete(key)
    if (lastMs !== null && leavesAtMs(lastMs, windowMs) > nowMs) this.members.set(key, { lastMs: Math.min(lastMs, nowMs), broughtBy: undefined })
  }

  reset(): void {
    this.members.clear()
  }

  total(nowMs: number): number {
    this.#expire(nowMs)
    return this.members.size
  }

  #expire(nowMs: number): void {
    if (this.windowMs === 0) return
    for (const [key, { lastMs }] of this.members) {
      if (lastMs + this.windowMs > nowMs) return
      this.members.delete(key)
    }
  }
}
