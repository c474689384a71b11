/** What the data path needs of a recorder, wherever it runs: in this thread (`Recorder`) or in one of its own (`RecorderThread`). */

import type { Denial } from '../model/denial.ts'
import type { ChainHead, CommitStats } from './group-commit.ts'
import type { ReceiptFacts } from './receipt-facts.ts'
import type { Resumed } from './resume.ts'

/** `admission`: an intent or a refusal, which may be turned away. `completion`: an outcome, which has its place kept. */
export type Need = 'admission' | 'completion'

/** A receipt that was taken. */
export interface Appended {
  /** Resolves when the receipt is acknowledged; rejects with a RecorderError. Safe to leave alone. */
  readonly durable: Promise<unknown>
}

export interface RecorderStats {
  readonly state: 'open' | 'failed' | 'closed'
  /** Session that is being written; '' while there is none. */
  readonly session: string
  /** Newest receipt of the session, durable or not. */
  readonly head: ChainHead | undefined
  readonly commit: Readonly<CommitStats>
  /** Files of the session. */
  readonly shards: number
  readonly openIntents: number
  /** Since the process began. */
  readonly failures: number
  readonly refused: number
  readonly sessions: number
  readonly lastFault: string
  readonly freeBytes: number
  readonly isDiskLow: boolean
  /** Sessions deleted because of their age. */
  readonly retired: number
}

export interface ReceiptRecorder {
  /** What the start found of the runs before. */
  readonly resumed: Resumed
  /**
   * Takes one receipt; its place in the chain is the order of the calls.
   *
   * @returns the denial `recorder_busy`, `receipt_unwritable` or `internal_error` where it is known at once that it cannot be
   *   recorded; where that shows later, `durable` rejects with it
   */
  append(facts: ReceiptFacts, need: Need): Appended | Denial
  /** @returns last acknowledged head; only such heads may be told to peers */
  durableHead(): ChainHead | undefined
  /** Hash that receipts without one of their own carry from now on. */
  usePolicy(hash: string): void
  /** Closes the session. Nothing is taken from the call on. @throws {RecorderError} when the end of the session did not become durable */
  close(reason?: string): Promise<void>
  stats(): RecorderStats
}
