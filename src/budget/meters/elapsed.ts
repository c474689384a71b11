/** Time since the first attempt of a session. After a rest the session begins anew; refused attempts do not end the rest. */

import type { Demand } from '../ledger.ts'
import { leavesAtMs } from './first-room.ts'
import type { Ending, LimitAt, Meter, Moment, Take } from './meter.ts'

export class ElapsedMeter implements Meter {
  startedMs: number | undefined
  lastMs = 0
  #windowMs = 0

  used({ windowMs }: Demand, nowMs: number): number {
    this.#windowMs = windowMs
    if (leavesAtMs(this.lastMs, windowMs) <= nowMs) this.startedMs = undefined
    return this.total(nowMs)
  }

  firstFitMs({ windowMs }: Demand, fromMs: number, limitAt: LimitAt): Moment {
    if (this.startedMs === undefined) return limitAt(fromMs) > 0 ? fromMs : Infinity
    if (fromMs - this.startedMs < limitAt(fromMs)) return fromMs
    const restedAtMs = Math.max(fromMs, leavesAtMs(this.lastMs, windowMs))
    return limitAt(restedAtMs) > 0 ? restedAtMs : Infinity
  }

  take(_demand: Demand, { atMs }: Take): void {
    this.startedMs ??= atMs
    this.lastMs = atMs
  }

  /** The rest begins after it; a rest that is over is not undone by a late word. */
  end(_take: Take, ending: Ending, nowMs: number): void {
    if (ending.kind === 'refunded') return
    if (leavesAtMs(this.lastMs, this.#windowMs) <= nowMs) this.startedMs = undefined
    this.lastMs = Math.max(this.lastMs, nowMs)
  }

  hasRoom(): boolean {
    return true
  }

  reset(): void {
    this.startedMs = undefined
  }

  total(nowMs: number): number {
    return this.startedMs === undefined ? 0 : nowMs - this.startedMs
  }
}
