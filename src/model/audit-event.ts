/**
 * What the audit log says: one flat record per event, for operators and their collectors. Never a body, a header value or
 * a matched text; targets come redacted. Keys are written in snake case (`actionId` as `action_id`).
 */

import type { Grade, IdentitySource } from './agent.ts'
import type { BlockReason } from './block-reason.ts'
import type { Surface } from './exchange.ts'

/** Who it was about: on every event of an exchange. */
interface Caller {
  readonly agent: string
  readonly grade: Grade
  readonly source: IdentitySource
  /** What matched: listener, network, or `-`. */
  readonly rule: string
  readonly actionId: string
  readonly surface: Surface
}

export interface ExchangeEvent extends Caller {
  readonly event: 'exchange'
  readonly verdict: 'allow' | 'warn' | 'block'
  readonly method: string
  /** URL or authority with matched credentials replaced. */
  readonly target: string
  /** Why it was refused or cut; `client_aborted` and reasons of the upstream leg also on an allowed one. */
  readonly reason?: BlockReason | 'client_aborted'
  /** Names rules, limits and sizes. */
  readonly detail?: string
  /** Ids of rules and reasons that only warned. */
  readonly warnings?: readonly string[]
  /** Told to the caller; 0 where none was. */
  readonly status: number
  readonly bytesUp: number
  readonly bytesDown: number
  readonly durationMs: number
  readonly policyHash: string
}

/** A caller claimed a name that is not its own. */
export interface IdentityMismatchEvent extends Caller {
  readonly event: 'identity_mismatch'
  readonly claimed: readonly string[]
}

/** No profile, or two, for a caller. */
export interface IdentityUnresolvedEvent extends Caller {
  readonly event: 'identity_unresolved'
  readonly reason: 'identity_unresolved' | 'identity_conflict'
  readonly address: string
  readonly listener: string
}

/** A reload gave the caller of an open connection another profile: it keeps the old one until it is drained. */
export interface IdentityChangedEvent {
  readonly event: 'identity_changed'
  /** Profile that the connection keeps. */
  readonly agent: string
  /** Profile of its next connection; `-` where it would be refused. */
  readonly to: string
  readonly source: IdentitySource
  readonly rule: string
  readonly address: string
  readonly listener: string
}

/** A limit of a budget was passed, on whatever surface: refused, or let pass with a warning. Never a path, an argument or a body. */
export interface DenialOfWalletEvent {
  readonly event: 'denial_of_wallet'
  readonly agent: string
  readonly identityGrade: Grade
  readonly identitySource: IdentitySource
  readonly claimedActor?: readonly string[]
  readonly subjectHash: string
  readonly axis: string
  readonly limit: number
  readonly used: number
  readonly requested: number
  readonly unit: string
  /** 0 = never resets by itself. */
  readonly windowSeconds: number
  /** UTC; `never`, or `unknown` where it depends on what is open. */
  readonly windowResetsAt?: string
  readonly action: 'block' | 'warn'
  readonly transport: Surface
  readonly direction: 'outbound'
  readonly method: string
  /** Host alone. */
  readonly destination: string
  readonly endpointHash?: string
  readonly requestId: string
  readonly actionId: string
  readonly receiptId: string
  readonly policyHash: string
  readonly replica: string
  readonly store: 'local' | 'shared'
  readonly firstCrossing: boolean
  /** Crossings of the same kind that had no event of their own. */
  readonly suppressed: number
  readonly remediation: string
}

/** A share of a limit was reached that `warn_at` names. */
export interface BudgetThresholdEvent {
  readonly event: 'budget_threshold'
  readonly agent: string
  readonly axis: string
  readonly percent: number
  readonly used: number
  readonly limit: number
}

/** A reservation outlived its time: what it held in flight is released, what it spent stays spent. */
export interface BudgetLeaseEvent {
  readonly event: 'budget_lease_expired'
  readonly agent: string
  readonly actionId: string
}

/** The store of budgets changed its state: `ok`, or why it cannot answer. */
export interface BudgetStoreEvent {
  readonly event: 'budget_store'
  readonly state: string
}

export interface ConfigReloadEvent {
  readonly event: 'config_reload'
  readonly result: ReloadResult['result']
  /** Hash of the configuration in force after it. */
  readonly policyHash: string
  readonly errors?: readonly string[]
}

export interface KillSwitchEvent {
  readonly event: 'kill_switch'
  readonly source: 'config' | 'signal' | 'sentinel' | 'admin'
  /** `*` or the name of a profile. */
  readonly scope: string
  readonly active: boolean
}

export interface ListenerEvent {
  readonly event: 'listener_opened' | 'listener_closed'
  /** Address as bound, or path of a socket. */
  readonly listener: string
  readonly kind: 'agents' | 'admin'
}

export interface ReceiptFailedEvent {
  readonly event: 'receipt_failed'
  readonly reason: BlockReason
  readonly phase: 'intent' | 'outcome' | 'refusal'
}

export interface ReceiptSessionEvent {
  readonly event: 'receipt_session'
  readonly phase: 'opened' | 'closed'
  readonly session: string
  /** Last sequence number written. */
  readonly seq?: number
}

/** Intents of an earlier run that have no outcome. */
export interface OpenIntentsEvent {
  readonly event: 'open_intents'
  readonly session: string
  readonly count: number
  /** The first few. */
  readonly actionIds: readonly string[]
}

export type BudgetAction = 'budget_grant' | 'budget_reset' | 'budget_freeze' | 'budget_unfreeze' | 'budget_adopt'

/** Somebody used the admin listener to change something, or was refused there. */
export interface AdminActionEvent {
  readonly event: 'admin_action'
  readonly action: 'kill_switch' | 'reload' | 'refused' | BudgetAction
  readonly via: 'tcp' | 'socket'
  /** Address of the peer; '' on the socket. */
  readonly remote: string
  readonly result: string
  readonly scope?: string
  readonly active?: boolean
}

export interface StartedEvent {
  readonly event: 'started'
  readonly version: string
  readonly pid: number
  readonly policyHash: string
}

export interface StoppedEvent {
  readonly event: 'stopped'
  readonly reason: string
  readonly uptimeMs: number
}

/** Events that were not written one by one, so that a flood cannot fill the disk. */
export interface SuppressedEvent {
  readonly event: 'suppressed'
  readonly subject: string
  readonly count: number
}

export type AuditEvent =
  | ExchangeEvent
  | IdentityMismatchEvent
  | IdentityUnresolvedEvent
  | IdentityChangedEvent
  | DenialOfWalletEvent
  | BudgetThresholdEvent
  | BudgetStoreEvent
  | BudgetLeaseEvent
  | ConfigReloadEvent
  | KillSwitchEvent
  | ListenerEvent
  | ReceiptFailedEvent
  | ReceiptSessionEvent
  | OpenIntentsEvent
  | AdminActionEvent
  | StartedEvent
  | StoppedEvent
  | SuppressedEvent

/** What came of reading the configuration again. */
export interface ReloadResult {
  readonly result: 'applied' | 'unchanged' | 'rejected'
  /** Hash of the configuration in force after it. */
  readonly hash: string
  /** With `rejected`: file, line and path of each fault. With `applied`: what takes a restart to apply. */
  readonly messages: readonly string[]
}
