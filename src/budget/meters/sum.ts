/** Sums of a sliding window: requests, bytes, tool calls. */

import type { Demand } from '../ledger.ts'
import type { Ending, LimitAt, Meter, Moment, Take } from './meter.ts'
import { SumWindow } from './sum-window.ts'

export class SumMeter implements Meter {
  window: SumWindow
  #era = 0

  constructor(windowMs: number) {
    this.window = new SumWindow(windowMs)
  }

  used({ windowMs }: Demand, nowMs: number): number {
    this.window.resize(windowMs, nowMs)
    return this.window.sum(nowMs)
  }

  firstFitMs(demand: Demand, fromMs: number, limitAt: LimitAt): Moment {
    const need = demand.atLeast ?? demand.amount ?? 1
    // The sum of before is never less than that of later: most demands fit at once.
    if (this.window.lastSum + need <= limitAt(fromMs)) return fromMs
    return this.window.firstFitMs(fromMs, (sum, atMs) => sum + need <= limitAt(atMs))
  }

  take(_demand: Demand, take: Take): void {
    this.window.add(take.atMs, take.amount)
    take.era = this.#era
  }

  end(take: Take, ending: Ending, nowMs: number): void {
    if (ending.kind === 'expired') return
    const unused = ending.kind === 'refunded' ? take.amount : take.amount - ending.used
    if (unused > 0 && take.era === this.#era) this.window.remove(take.atMs, unused, nowMs)
    if (unused < 0) this.window.add(nowMs, -unused)
  }

  hasRoom(): boolean {
    return true
  }

  reset(): void {
    this.window.clear()
    this.#era++
  }

  total(nowMs: number): number {
    return this.window.sum(nowMs)
  }
}
