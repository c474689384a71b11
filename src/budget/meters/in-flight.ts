/** What has not ended: reservations together, or the distinct targets of them. Whoever holds the leases says when they end. */

import type { Demand } from '../ledger.ts'
import { firstRoomMs } from './first-room.ts'
import { UNKNOWN_MOMENT, type LimitAt, type Meter, type Moment, type Span, type Take } from './meter.ts'

interface Held {
  readonly amount: number
  readonly span: Span
}

export class InFlightMeter implements Meter {
  readonly #held = new Map<string, Held>()
  #total = 0

  used(): number {
    return this.#total
  }

  firstFitMs({ amount = 1, limit }: Demand, fromMs: number, limitAt: LimitAt): Moment {
    if (this.#total + amount <= limitAt(fromMs)) return fromMs
    if (amount > limit) return Infinity
    const leaving = Array.from(this.#held.values(), (held) => ({ atMs: held.span.untilMs, amount: held.amount })).sort((a, b) => a.atMs - b.atMs)
    return firstRoomMs(leaving, fromMs, (left, atMs) => left + amount <= limitAt(atMs))
  }

  take(_demand: Demand, { attempt, amount }: Take, span: Span): void {
    this.#held.set(attempt, { amount, span })
    this.#total += amount
  }

  end({ attempt }: Take): void {
    const held = this.#held.get(attempt)
    if (held === undefined) return
    this.#held.delete(attempt)
    this.#total -= held.amount
  }

  hasRoom(): boolean {
    return true
  }

  reset(): void {
    // What runs goes on running.
  }

  total(): number {
    return this.#total
  }
}

export class TargetsInFlightMeter implements Meter {
  /** Target → attempt → its span. */
  readonly #targets = new Map<string, Map<string, Span>>()

  used(): number {
    return this.#targets.size
  }

  firstFitMs({ key = '', limit }: Demand, fromMs: number, limitAt: LimitAt): Moment {
    if (this.#targets.has(key) || this.#targets.size < limitAt(fromMs)) return fromMs
    if (limit < 1) return UNKNOWN_MOMENT
    const leaving = Array.from(this.#targets.values(), (attempts) => ({ atMs: lastEndMs(attempts.values()), amount: 1 })).sort((a, b) => a.atMs - b.atMs)
    return firstRoomMs(leaving, fromMs, (left, atMs) => left + 1 <= limitAt(atMs))
  }

  take(_demand: Demand, { key, attempt }: Take, span: Span): void {
    const attempts = this.#targets.get(key) ?? new Map<string, Span>()
    attempts.set(attempt, span)
    this.#targets.set(key, attempts)
  }

  end({ key, attempt }: Take): void {
    const attempts = this.#targets.get(key)
    attempts?.delete(attempt)
    if (attempts?.size === 0) this.#targets.delete(key)
  }

  hasRoom(): boolean {
    return true
  }

  reset(): void {
    // What runs goes on running.
  }

  total(): number {
    return this.#targets.size
  }
}

function lastEndMs(spans: Iterable<Span>): Moment {
  let lastMs = 0
  for (const { untilMs } of spans) lastMs = Math.max(lastMs, untilMs)
  return lastMs
}
