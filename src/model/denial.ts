/** A refusal, as a value. Domain folders return a Denial; none of them throws one. */

import type { BlockReason } from './block-reason.ts'

export interface Denial {
  readonly reason: BlockReason
  /** For the operator's log. Names rules, limits and sizes; never contains request data or matched text. */
  readonly detail: string
  /** Seconds, whole, at least 1: when the same request can be admitted. Only with rate limits and passing conditions. */
  readonly retryAfterSeconds?: number
}
