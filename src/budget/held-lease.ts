/** The lease of the memory stores: what an attempt took, and how its parts end. */

import type { AxisName } from './axis.ts'
import type { AttemptOutcome, Crossing, Granted, Lease, Settlement } from './ledger.ts'
import type { Ending, Take } from './meters/meter.ts'

/** Takes kept apart; beyond it the oldest are joined, and what is given back of them leaves with the older. */
const MAX_TAKES = 64

export class HeldLease implements Lease {
  readonly subject: string
  readonly attempt: string
  readonly takes: Take[] = []
  readonly partial = new Map<AxisName, number>()
  crossings: readonly Crossing[] = []
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

  /** @param isSameBucket whether two moments count together, so that one take can stand for both */
  remember(take: Take, isSameBucket: (aMs: number, bMs: number) => boolean): void {
    const at = this.takes.findLastIndex(({ axis }) => axis === take.axis)
    const last = this.takes[at]
    if (last?.era === take.era && isSameBucket(last.atMs, take.atMs)) {
      last.amount += take.amount
      return
    }
    this.takes.push(take)
    if (this.takes.length > MAX_TAKES) this.#joinOldest(take.axis)
  }

  /** @returns each take with its end: of what was not used, the newest takes are given back first */
  *endings({ used = {}, outcome }: Settlement): Generator<[Take, Ending]> {
    const unused = new Map<AxisName, number>()
    for (const { axis, amount } of this.takes) unused.set(axis, (unused.get(axis) ?? 0) + amount)
    for (const [axis, total] of unused) unused.set(axis, total - (used[axis] ?? total))
    for (const take of this.takes.toReversed()) yield [take, settled(take, unused, outcome)]
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

function settled(take: Take, unused: Map<AxisName, number>, outcome: AttemptOutcome): Ending {
  const left = unused.get(take.axis) ?? 0
  const back = Math.min(left, take.amount)
  unused.set(take.axis, left - back)
  return { kind: 'settled', used: take.amount - back, outcome }
}
