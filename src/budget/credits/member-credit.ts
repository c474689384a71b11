/** Credit of a set: a key is durably in it some time ahead of its last use, so that most uses of a known key write nothing. */

import type { AxisName } from '../axis.ts'
import type { Fit } from '../check-demands.ts'
import type { Take } from '../meters/meter.ts'
import type { SetMeter } from '../meters/set.ts'
import type { Fact } from '../row.ts'
import type { Credit } from './credit.ts'

/** A key is written anew when it is used after this share of its window. */
const AHEAD_SHARE = 16

export class MemberCredit implements Credit {
  readonly #axis: AxisName
  readonly #meter: SetMeter
  /** Key → the last use that is durable. */
  readonly #lastMs = new Map<string, number>()

  constructor(axis: AxisName, meter: SetMeter) {
    this.#axis = axis
    this.#meter = meter
  }

  cover({ demand: { key = '', windowMs } }: Fit, nowMs: number): Fact[] {
    const lastMs = this.#lastMs.get(key)
    if (lastMs !== undefined && (windowMs === 0 || lastMs >= nowMs)) return []
    this.#prune()
    return [this.#fact(key, nowMs + Math.ceil(windowMs / AHEAD_SHARE))]
  }

  spend(): void {
    // A key once durable stays so until its moment.
  }

  confirm(fact: Fact): void {
    if (fact.kind === 'member' && fact.lastMs !== null) this.#lastMs.set(fact.key, fact.lastMs)
  }

  restore(fact: Fact, nowMs: number): void {
    if (fact.kind !== 'member') return
    this.#meter.restore(fact, nowMs)
  }

  changed({ key }: Take): Fact[] {
    if (this.#meter.members.has(key) || !this.#lastMs.delete(key)) return []
    return [this.#fact(key, null)]
  }

  reset(): void {
    this.#lastMs.clear()
  }

  snapshot(nowMs: number): Fact[] {
    this.#meter.total(nowMs)
    return Array.from(this.#meter.members, ([key, { lastMs }]) => this.#fact(key, Math.max(lastMs, this.#lastMs.get(key) ?? 0)))
  }

  /** Keys that left the set leave here, too. */
  #prune(): void {
    if (this.#lastMs.size <= 2 * this.#meter.members.size + AHEAD_SHARE) return
    for (const key of this.#lastMs.keys()) if (!this.#meter.members.has(key)) this.#lastMs.delete(key)
  }

  #fact(key: string, lastMs: number | null): Fact {
    return { kind: 'member', axis: this.#axis, windowMs: this.#meter.windowMs, key, lastMs }
  }
}
