/** What the data path tells log and metrics. It never waits for them, and they never decide. */

import type { Agent, Connection } from '../model/agent.ts'
import type { Granted, Refused } from '../budget/index.ts'
import type { Denial } from '../model/denial.ts'
import type { Ending, Passage } from './passage.ts'

export interface Observer {
  /** An exchange was refused before anything was forwarded. */
  refused(passage: Passage, denial: Denial, durationMs: number): void
  /** An exchange that was forwarded has ended. */
  ended(passage: Passage, ending: Ending, durationMs: number): void
  /** A caller claimed another profile's name, or could not be resolved. */
  identityDoubt(passage: Passage, kind: 'identity_mismatch' | 'identity_unresolved' | 'identity_conflict'): void
  /** A reload gave the caller of an open connection another profile (`undefined`: none), which holds for its next connection. */
  identityChanged(connection: Connection, from: Agent, to: string | undefined): void
  /** A budget admitted an exchange, after so long. */
  budgetAdmitted(passage: Passage, tookMs: number): void
  /** A budget refused an exchange, after so long, or the rest of a stream. */
  budgetRefused(passage: Passage, refused: Refused, denial: Denial, tookMs?: number): void
  /** An exchange passed a limit that only warns. */
  budgetCrossed(passage: Passage, crossing: Granted['crossings'][number]): void
  /** Bytes that never became an exchange. */
  refusedBeforeExchange(cause: Denial['reason']): void
  /** A receipt of an exchange is on disk, as far as the recorder promises it. */
  receiptWritten(agent: string, verdict: Ending['verdict']): void
  /** A receipt could not be written. */
  receiptFailed(reason: Denial['reason'], phase: 'intent' | 'outcome' | 'refusal'): void
}
