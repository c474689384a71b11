/** A refusal, as a value. Domain folders return a Denial; none of them throws one. */

import type { BlockReason } from './block-reason.ts'

export interface Denial {
  readonly reason: BlockReason
  /** For the operator's log. Names rules, limits and sizes; never contains request data or matched text. */
  readonly detail: string
  /** Seconds, whole, at least 1: when the same request can be admitted. Only with rate limits and passing conditions. */
  readonly retryAfterSeconds?: number
  /** The limit of a budget that was reached. */
  readonly exhausted?: ExhaustedLimit
}

/** The caller's own numbers, and how much of them it is told. */
export interface ExhaustedLimit {
  readonly axis: string
  readonly limit: number
  readonly used: number
  readonly requested: number
  /** 0 = never resets by itself. */
  readonly windowMs: number
  /** When the same request can be admitted, milliseconds since 1970; `never` without an operator, `unknown` when others end. */
  readonly resetsAtMs: number | 'never' | 'unknown'
  readonly tell: 'none' | 'axis' | 'full'
}
