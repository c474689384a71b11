/** What the journal holds: facts about accounts that replace what was said of the same thing before. Plain data. */

import type { AxisName } from './axis.ts'

export type Fact =
  /** A bucket of a sum holds at most this. */
  | { readonly kind: 'sum'; readonly axis: AxisName; readonly windowMs: number; readonly bucket: number; readonly amount: number }
  /** A key of a set was used last at this moment at the latest; null: it is not in the set. */
  | { readonly kind: 'member'; readonly axis: AxisName; readonly windowMs: number; readonly key: string; readonly lastMs: number | null }
  /** Attempts and failures of a key; null: nothing is held against it. */
  | { readonly kind: 'key'; readonly axis: AxisName; readonly windowMs: number; readonly key: string; readonly record: KeyRecord | null }
  /** A session began and was active until this moment at the latest. */
  | { readonly kind: 'elapsed'; readonly axis: AxisName; readonly startedMs: number | null; readonly lastMs: number }
  | { readonly kind: 'grant'; readonly id: string; readonly axis: AxisName; readonly amount: number; readonly untilMs: number }
  | { readonly kind: 'frozen'; readonly frozen: boolean }
  /** The account, or one axis of it, begins anew. */
  | { readonly kind: 'reset'; readonly axis: AxisName | null }

export interface KeyRecord {
  readonly timesMs: readonly number[]
  readonly failures: number
  /** 0 where there was none. */
  readonly lastFailureMs: number
  readonly holdUntilMs: number
}

/** A fact about one subject's account. */
export type Row = Fact & { readonly subject: string }
