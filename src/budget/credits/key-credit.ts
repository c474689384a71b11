/**
 * Credit of what is counted per key: an attempt that counts (a retry, a repeat, a call after a failure) is durable before it
 * starts. First attempts and failures are written behind, so a crash can forget those of its last commit, and no more.
 */

import type { AxisName } from '../axis.ts'
import type { Fit } from '../check-demands.ts'
import { MAX_KEYS, type KeyedMeter, type Take } from '../meters/meter.ts'
import type { Fact } from '../row.ts'
import type { Credit } from './credit.ts'

/** An attempt is made durable for this long ahead: it must start in that time. */
const AHEAD_MS = 1000

export class KeyCredit implements Credit {
  readonly #axis: AxisName
  readonly #meter: KeyedMeter
  /** Key → until when its next attempt is durable. */
  readonly #prepaid = new Map<string, number>()
  /** Keys of which the journal holds a record. */
  readonly #written = new Set<string>()
  #noted = 0

  constructor(axis: AxisName, meter: KeyedMeter) {
    this.#axis = axis
    this.#meter = meter
  }

  cover({ demand }: Fit, nowMs: number): Fact[] {
    const { key = '' } = demand
    if (!this.#meter.doesCount(demand, nowMs)) return []
    const untilMs = this.#prepaid.get(key)
    if (untilMs !== undefined && untilMs >= nowMs) return []
    return [this.#fact(key, nowMs + AHEAD_MS)]
  }

  spend({ demand: { key = '' } }: Fit): void {
    this.#prepaid.delete(key)
  }

  confirm(fact: Fact): void {
    if (fact.kind !== 'key' || fact.record === null) return
    this.#note(fact.key)
    this.#prepaid.set(fact.key, Math.max(0, ...fact.record.timesMs, fact.record.lastFailureMs))
  }

  restore(fact: Fact, nowMs: number): void {
    if (fact.kind !== 'key') return
    this.#meter.restore(fact.key, fact.record, { windowMs: fact.windowMs, nowMs })
    if (fact.record === null) this.#written.delete(fact.key)
    else this.#written.add(fact.key)
  }

  changed({ key }: Take): Fact[] {
    const record = this.#meter.record(key)
    if (record === null) {
      this.#prepaid.delete(key)
      return this.#written.delete(key) ? [this.#fact(key)] : []
    }
    // One call is no repeat yet: not worth a write.
    if (record.timesMs.length + record.failures + record.holdUntilMs < 2 && record.lastFailureMs === 0) return []
    this.#note(key)
    return [this.#fact(key)]
  }

  /** Keys that the meter has dropped by itself are dropped here, too. */
  #note(key: string): void {
    this.#written.add(key)
    if (++this.#noted % MAX_KEYS !== 0) return
    for (const other of this.#written) {
      if (this.#meter.record(other) !== null) continue
      this.#written.delete(other)
      this.#prepaid.delete(other)
    }
  }

  reset(): void {
    this.#prepaid.clear()
    this.#written.clear()
  }

  snapshot(nowMs: number): Fact[] {
    this.#meter.total(nowMs)
    return this.#meter.keys().map((key) => this.#fact(key, this.#prepaid.get(key)))
  }

  #fact(key: string, prepaidUntilMs?: number): Fact {
    return { kind: 'key', axis: this.#axis, windowMs: this.#meter.windowMs, key, record: this.#meter.record(key, prepaidUntilMs) }
  }
}
