/** The lease of the memory stores: what an attempt took, and how its parts end. */

import type { AxisName } from './axis.ts'
import type { Crossing, Granted, Lease, Settlement } from './ledger.ts'
import type { Ending, Take } from './meters/meter.ts'

/** Takes kept apart; beyond it the oldest are joined, and what is given back of them leaves with the older. */
const MAX_TAKES = 64

/** Most leases have neither: made once. */
const NOTHING_PARTIAL: ReadonlyMap<AxisName, number> = new Map()
export const NO_CROSSINGS: readonly Crossing[] = []

export class HeldLease implements Lease {
  readonly subject: string
  readonly attempt: string
  readonly takes: Take[] = []
  partial: ReadonlyMap<AxisName, number> = NOTHING_PARTIAL
  crossings: readonly Crossing[] = NO_CROSSINGS
  untilMs: number
  state: 'live' | 'expired' | 'ended' = 'live'

  constructor(subject: string, attempt: string, untilMs: number) {
    this.subject = subject
    this.attempt = attempt
    this.untilMs = untilMs
  }

  get granted(): Granted {
    return { lease: this, partial: this.partial, crossings: this.crossings }
  }

  /** Units given of a demand with `atLeast`. */
  notePartial(axis: AxisName, amount: number): void {
    this.partial = new Map(this.partial).set(axis, amount)
  }

  /**
   * Joins the newest take, a chunk of a stream, to the one before it of its axis, or keeps their number bounded.
   *
   * @param isSameBucket whether two moments count together, so that one take can stand for both
   */
  joinNewest(isSameBucket: (aMs: number, bMs: number) => boolean): void {
    const newest = this.takes.at(-1)
    const last = this.takes.findLast((take) => take !== newest && take.axis === newest?.axis)
    if (newest === undefined || last === undefined) return
    if (last.era === newest.era && isSameBucket(last.atMs, newest.atMs)) {
      last.amount += newest.amount
      this.takes.pop()
    } else if (this.takes.length > MAX_TAKES) this.#joinOldest(newest.axis)
  }

  /** Tells each take its end: of what was not used, the newest takes are given back first. */
  end({ used, outcome }: Settlement, tell: (take: Take, ending: Ending) => void): void {
    const unused = used === undefined ? undefined : this.#unusedOf(used)
    for (let at = this.takes.length - 1; at >= 0; at--) {
      const take = this.takes[at]
      if (take === undefined) continue
      const back = Math.min(unused?.get(take.axis) ?? 0, take.amount)
      if (back !== 0) unused?.set(take.axis, (unused.get(take.axis) ?? 0) - back)
      tell(take, { kind: 'settled', used: take.amount - back, outcome })
    }
  }

  /** Below 0 where more was used than granted. */
  #unusedOf(used: NonNullable<Settlement['used']>): Map<AxisName, number> {
    const unused = new Map<AxisName, number>()
    for (const { axis, amount } of this.takes) unused.set(axis, (unused.get(axis) ?? 0) + amount)
    for (const [axis, total] of unused) unused.set(axis, total - (used[axis] ?? total))
    return unused
  }

  #joinOldest(axis: AxisName): void {
    const oldest = this.takes.findIndex((take) => take.axis === axis)
    const second = this.takes.findIndex((take, at) => at > oldest && take.axis === axis)
    const [first, next] = [this.takes[oldest], this.takes[second]]
    if (first === undefined || next === undefined) return
    first.amount += next.amount
    this.takes.splice(second, 1)
  }
}
