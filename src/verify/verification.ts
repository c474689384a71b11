/** What the verifier answers. */

import type { Fault, Position, Warning } from './fault.ts'
import type { OpenAction } from './phase-pairs.ts'

export interface VerifyOptions {
  /** Public keys that may have signed: 64 hex characters or `pipelock-ed25519-public-v1` text. None: unpinned. */
  readonly trustedKeys?: readonly string[] | undefined
  /** Accepts evidence whose signatures fit their own keys, which anybody can make. For looking, never for proof. */
  readonly allowUnpinned?: boolean | undefined
}

/** An intent whose outcome is not in the evidence: it must not be counted as done. */
export interface OpenIntent extends OpenAction {
  readonly session?: string
}

/** Last receipt of a chain: what to compare with a head that a peer, a sink or a witness holds. */
export interface EvidenceHead {
  readonly session?: string
  readonly sequence: Position
  readonly hash: string
  readonly timestamp: string
  readonly signerKey: string
}

export interface SessionSummary {
  /** Absent for bare receipts. */
  readonly session?: string
  readonly files: readonly string[]
  readonly entries: number
  readonly receipts: number
  readonly startTime?: string
  readonly head?: EvidenceHead
}

export interface Counts {
  readonly files: number
  readonly sessions: number
  readonly entries: number
  readonly receipts: number
  /** Receipts of version 2. */
  readonly evidenceReceipts: number
  readonly checkpoints: number
  readonly retiredSessions: number
}

/**
 * Whole and true as far as the files go. What no verifier sees from the files alone: that the newest tail of the newest
 * session was cut off. Only a head that somebody else holds shows that.
 */
export interface Verification {
  readonly valid: boolean
  readonly trust: 'pinned' | 'unpinned'
  /** All of them, in the order found. */
  readonly faults: readonly Fault[]
  readonly warnings: readonly Warning[]
  readonly openIntents: readonly OpenIntent[]
  readonly counts: Counts
  /** Of the newest session. */
  readonly head?: EvidenceHead
  /** Oldest first, along their links. */
  readonly sessions: readonly SessionSummary[]
}
