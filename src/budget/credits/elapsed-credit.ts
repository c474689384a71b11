/** Credit of a session's clock: its start is durable before the first attempt, its last activity some time ahead. */

import type { AxisName } from '../axis.ts'
import type { Fit } from '../check-demands.ts'
import type { ElapsedMeter } from '../meters/elapsed.ts'
import type { Take } from '../meters/meter.ts'
import type { Fact } from '../row.ts'
import type { Credit } from './credit.ts'

const AHEAD_SHARE = 16

export class ElapsedCredit implements Credit {
  readonly #axis: AxisName
  readonly #meter: ElapsedMeter
  #durable: { readonly startedMs: number; readonly lastMs: number } | undefined

  constructor(axis: AxisName, meter: ElapsedMeter) {
    this.#axis = axis
    this.#meter = meter
  }

  cover({ demand: { windowMs } }: Fit, nowMs: number): Fact[] {
    const { startedMs = nowMs } = this.#meter
    const isCovered = this.#durable !== undefined && this.#durable.startedMs <= startedMs && (windowMs === 0 || nowMs <= this.#durable.lastMs)
    if (isCovered) return []
    return [{ kind: 'elapsed', axis: this.#axis, startedMs, lastMs: nowMs + Math.ceil(windowMs / AHEAD_SHARE) }]
  }

  spend(): void {
    // A start once durable stays so.
  }

  confirm(fact: Fact): void {
    if (fact.kind === 'elapsed' && fact.startedMs !== null) this.#durable = { startedMs: fact.startedMs, lastMs: fact.lastMs }
  }

  restore(fact: Fact, nowMs: number): void {
    if (fact.kind !== 'elapsed') return
    this.#meter.startedMs = fact.startedMs ?? undefined
    this.#meter.lastMs = Math.min(fact.lastMs, nowMs)
  }

  /** The end of an attempt is an activity, too: the rest begins after it. */
  changed(_take: Take, nowMs: number): Fact[] {
    if (this.#durable === undefined || nowMs <= this.#durable.lastMs || this.#meter.startedMs === undefined) return []
    this.#durable = { startedMs: this.#durable.startedMs, lastMs: nowMs }
    return [{ kind: 'elapsed', axis: this.#axis, ...this.#durable }]
  }

  reset(): void {
    this.#durable = undefined
  }

  snapshot(): Fact[] {
    const { startedMs, lastMs } = this.#meter
    if (startedMs === undefined) return []
    return [{ kind: 'elapsed', axis: this.#axis, startedMs, lastMs: Math.max(lastMs, this.#durable?.lastMs ?? 0) }]
  }
}
