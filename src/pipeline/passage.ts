/** What is known of one exchange so far: filled stage by stage, read by receipts, log and metrics. */

import type { Agent } from '../model/agent.ts'
import { BLOCK_REASONS } from '../model/block-reason.ts'
import type { Denial } from '../model/denial.ts'
import type { Exchange } from '../model/exchange.ts'
import type { Finding } from '../model/finding.ts'
import type { Policy, Profile } from '../model/policy.ts'
import type { Spending } from './spending.ts'

export interface Passage {
  readonly exchange: Exchange
  /** The policy this exchange is held to from its start to its end. */
  readonly policy: Policy
  readonly startedAtMs: number
  /** Kept by LiveExchanges alone. */
  livePlace: number
  agent: Agent
  profile: Profile
  /** Names the caller claimed, as they may stand in a receipt. */
  claimed: readonly string[]
  /** The target as it may stand in receipt and log: matched credentials replaced. */
  shownTarget: string
  /** Whether `shownTarget` was looked at: until then it names no part of the target. */
  isTargetHidden: boolean
  /** Rules and reasons that would have refused, had the profile not been told to warn. */
  readonly warnings: string[]
  /** The worst of what the scanners found. */
  severity: Finding['severity'] | undefined
  /** `sha-256=:…:` of the body that leaves (RFC 9530); absent where there is none. */
  digest: string | undefined
  responseDigest: string | undefined
  /** What was replaced in the request body; present wherever redaction is on. */
  redaction: PassageRedaction | undefined
  /** What was replaced in the answer. */
  responseRedaction: PassageRedaction | undefined
  /** Checked address that was dialled first, with port. */
  address: string | undefined
  /** Whether the intent is in the chain: from then on the end is an outcome, not a refusal. */
  intentRecorded: boolean
  outcomeRecorded: boolean
  /** The exchange's place among those its profile may have open. */
  place: { release(): void } | undefined
  /** What is reserved of the profile's budget; absent where nothing of it is limited. */
  spending?: Spending
  /** Whether a byte of the request has left, or the tunnel's connection stands. */
  hasLeft: boolean
  /** What the origin answered, where a budget wants to know. */
  origin?: { readonly status: number; readonly isWhole: boolean; readonly retryAfterMs: number | undefined }
  /** Body bytes held for this exchange. */
  heldBytes: number
  bytesUp: number
  bytesDown: number
  /** Set once by kill switch or shutdown; the running stage is told through `running`. */
  stopped: Denial | undefined
  /** Stops what runs now. Set by the stage that forwards. */
  running: { stop(denial: Denial): void } | undefined
}

/** By class, how many values were replaced. */
export interface PassageRedaction {
  readonly profile: string
  readonly total: number
  readonly byClass: ReadonlyMap<string, number>
}

/** How an exchange that was forwarded ended. */
export interface Ending {
  /** Status of the origin, or of the refusal that took its place; 0 where neither was told. */
  readonly status: number
  /** `completed`, or why not. */
  readonly reason: 'completed' | 'client_aborted' | Denial['reason']
  /** `block`: the answer was refused or the stream cut by us. */
  readonly verdict: 'allow' | 'warn' | 'block'
}

/** @returns the end of an exchange that was admitted, and whose caller is told the denial instead of an answer */
export function refusedEnding({ reason }: Pick<Denial, 'reason'>, passage: Passage): Ending {
  const { stage, httpStatus } = BLOCK_REASONS[reason]
  // A fault of the upstream leg is no refusal of ours.
  return { status: httpStatus, reason, verdict: stage === 'forward' ? passedVerdict(passage) : 'block' }
}

/** @returns the verdict of what passed: `warn` where a rule or gate would have refused under a stricter profile */
export function passedVerdict({ warnings }: Passage): 'allow' | 'warn' {
  return warnings.length > 0 ? 'warn' : 'allow'
}

const SEVERITIES: readonly Finding['severity'][] = ['low', 'medium', 'high', 'critical']

/** Keeps the worst severity of all findings of the exchange. */
export function noteSeverity(passage: Passage, findings: readonly Finding[]): void {
  for (const { severity } of findings) {
    const known = passage.severity === undefined ? -1 : SEVERITIES.indexOf(passage.severity)
    if (SEVERITIES.indexOf(severity) > known) passage.severity = severity
  }
}
