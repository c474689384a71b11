/** What is said between the thread of the data path and the thread of the recorder. Plain data: it is copied on its way. */

import type { Denial } from '../model/denial.ts'
import type { ChainHead } from './group-commit.ts'
import type { Need, RecorderStats } from './receipt-recorder.ts'
import type { ReceiptFacts } from './receipt-facts.ts'
import type { Resumed } from './resume.ts'

/** One receipt on its way. The n-th of a thread's life has the ordinal n, counted on both sides. */
export interface Offered {
  readonly facts: ReceiptFacts
  readonly need: Need
}

export type RecorderRequest =
  /** What was offered since the message before, in the order of the chain. */
  | { readonly kind: 'append'; readonly offered: readonly Offered[] }
  | { readonly kind: 'policy'; readonly hash: string }
  | { readonly kind: 'close'; readonly reason: string | undefined }

export interface RecorderReport {
  readonly stats: RecorderStats
  readonly durableHead: ChainHead | undefined
  /** Milliseconds of each fdatasync since the report before. */
  readonly syncsMs: readonly number[]
}

/**
 * A bare number says that everything not answered yet, up to that ordinal, is durable: it shared one flush. It comes with
 * every flush, and a report as an object with it would cost more than the receipt.
 */
export type RecorderReply =
  | number
  | { readonly kind: 'opened'; readonly resumed: Resumed; readonly report: RecorderReport }
  /** Instead of `opened`. */
  | { readonly kind: 'unopened'; readonly detail: string }
  /** What was not answered yet, up to `last`. */
  | { readonly kind: 'lost'; readonly last: number; readonly denial: Denial; readonly report: RecorderReport }
  /** Not taken at all. Told before anything of a receipt behind it. */
  | { readonly kind: 'refused'; readonly ordinal: number; readonly denial: Denial }
  | { readonly kind: 'report'; readonly report: RecorderReport }
  /** The end. `fault`: the session's own end did not become durable. */
  | { readonly kind: 'closed'; readonly report: RecorderReport; readonly fault?: string }
