/** What all kinds of axis have in common: they say when a demand fits, take it, and hear how it ended. No I/O, no clock. */

import type { AxisName } from '../axis.ts'
import type { AttemptOutcome, Demand } from '../ledger.ts'
import type { KeyRecord } from '../row.ts'

/** Milliseconds of the ledger's time; Infinity = never, NaN = unknown. */
export type Moment = number

/** Something taken, as the lease remembers it. */
export interface Take {
  readonly axis: AxisName
  readonly key: string
  /** Attempt it was taken for. */
  readonly attempt: string
  readonly atMs: number
  amount: number
  /** How often the meter had been reset before: what was forgotten then cannot be given back. */
  era: number
}

/** When an attempt's time runs out. May come nearer. */
export interface Span {
  readonly untilMs: number
}

/** How a take ends. `expired`: its time ran out; a settlement may still follow. */
export type Ending =
  | { readonly kind: 'settled'; readonly used: number; readonly outcome: AttemptOutcome }
  | { readonly kind: 'refunded' }
  | { readonly kind: 'expired' }

/** Limit of the demand's axis at a moment, grants included. Never rises with time. */
export type LimitAt = (atMs: number) => number

export interface Meter {
  /** @returns units in use now, as a refusal states them */
  used(demand: Demand, nowMs: number): number
  /** @returns `fromMs` where the demand fits then, else the first moment after it at which it fits if nothing else happens */
  firstFitMs(demand: Demand, fromMs: number, limitAt: LimitAt): Moment
  /** Takes the demand, whether it fits or not. @param span of the attempt, to be kept by reference */
  take(demand: Demand, take: Take, span: Span): void
  end(take: Take, ending: Ending, nowMs: number): void
  /** Whether one more key can be remembered; always so for what has no keys. */
  hasRoom(demand: Demand, nowMs: number): boolean
  /** Forgets what was spent, not what is in flight. */
  reset(): void
  /** @returns units or keys remembered, for display */
  total(nowMs: number): number
}

/** A meter that counts attempts per key, whose counts can be written down. */
export interface KeyedMeter extends Meter {
  readonly windowMs: number
  keys(): string[]
  /** Whether an attempt now would count against the limit. */
  doesCount(demand: Demand, nowMs: number): boolean
  /**
   * @param prepaidUntilMs with one attempt more that counts, at this moment
   * @returns null where nothing is held against the key
   */
  record(key: string, prepaidUntilMs?: number): KeyRecord | null
  restore(key: string, record: KeyRecord | null, at: { windowMs: number; nowMs: number }): void
}

/** Keys per account and axis. Beyond them nothing is forgotten and new keys are refused. */
export const MAX_KEYS = 10_000

export const UNKNOWN_MOMENT = Number.NaN
