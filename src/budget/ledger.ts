/**
 * The budget ledger as the data path sees it: take before the work starts, tell afterwards what became of it. Types only;
 * the stores are memory (with or without a journal on disk) and Redis/Valkey. Limits come with every call, from the policy
 * in force: a reload changes limits at once and touches no spend.
 */

import type { AxisName } from './axis.ts'

/** Answered at once wherever the store can: the data path must not wait without need. The promises never reject. */
export type SoonOrLater<T> = T | Promise<T>

export interface Demand {
  readonly axis: AxisName
  /** Units that the window admits: retries after the first failure, milliseconds of `wall_clock`, rounds of `loops`. Whole, at least 0. */
  readonly limit: number
  /**
   * Sliding window; 0 = since the account was opened or last reset. Of `wall_clock`: the rest after which a session begins
   * anew, 0 = never. Not read by what counts things in flight, and by `loops`.
   */
  readonly windowMs: number
  /** `warn`: over the limit it is spent all the same, and the answer says so. */
  readonly action: 'block' | 'warn'
  /** Units asked for, 1 where absent; whole, at least 0. Of `requests`, `bytes`, `tool_calls` and what counts things in flight. */
  readonly amount?: number
  /** Of a sum: where `amount` does not fit whole, this much or more will do, and what fits is given. */
  readonly atLeast?: number
  /** Destination, target, endpoint or tool call, normalised by the caller; digest what may hold a secret. At most 512 characters. */
  readonly key?: string
  /** Of `loops`: calls that are looked back upon; at most 512, 20 where absent. */
  readonly lookBack?: number
}

export interface ReserveRequest {
  /** Whose account: profile and principal, never anything that the caller claims. At most 512 characters. */
  readonly subject: string
  /** Unique to the attempt, at most 128 visible ASCII characters. The same one again is answered as before and spends nothing. */
  readonly attempt: string
  /** All are granted or none. An axis stands in it once. */
  readonly demands: readonly Demand[]
  /** How long the attempt may run. After it, what it holds in flight is released and its outcome counts as unknown. */
  readonly ttlMs: number
  /** Called once if the store can no longer vouch for the lease (Redis: not renewed in time): the attempt must end at once. */
  readonly onLost?: () => void
}

/** What an attempt holds until it is settled or refunded. Opaque: hand it back to the ledger that gave it. */
export interface Lease {
  readonly subject: string
  readonly attempt: string
}

/** How long until the same request is admitted if nothing else happens. `unknown`: when others end. `never`: not without an operator. */
export type Wait = number | 'unknown' | 'never'

export interface AxisState {
  readonly axis: AxisName
  /** Grants included. */
  readonly limit: number
  readonly used: number
  readonly asked: number
  readonly windowMs: number
}

/** An axis with action `warn` whose limit this attempt passed. */
export interface Crossing extends AxisState {
  /** Whether the account was within the limit before. */
  readonly isFirst: boolean
}

export interface Granted {
  readonly lease: Lease
  /** Units given of the axes with `atLeast`; all others were given whole. */
  readonly partial: ReadonlyMap<AxisName, number>
  readonly crossings: readonly Crossing[]
}

export type RefusalCause =
  /** `shortfalls` says of which axes. */
  | 'limit'
  /** An operator froze the subject. */
  | 'frozen'
  /** Too many subjects, or too many keys of one axis: nothing is forgotten to make room. */
  | 'capacity'
  /** The journal is cut or damaged, until an operator decides. */
  | 'state_unreadable'
  /** The disk does not take the journal. */
  | 'state_unwritable'
  /** The shared store is another one than before, or lost what it held, until an operator decides or the window has passed. */
  | 'store_lost'
  /** The shared store does not answer. */
  | 'store_unreachable'

export interface Refused {
  readonly cause: RefusalCause
  /** The axes that do not admit the attempt, in the order of the demands; empty where the cause is no limit. */
  readonly shortfalls: readonly AxisState[]
  /** Until all axes admit it together, in milliseconds from now. */
  readonly waitMs: Wait
}

/** How an attempt ended, for the axes that count failures. */
export type AttemptOutcome =
  | { readonly kind: 'success' }
  /** @property retryAfterMs what the other side asked to wait; until then the key is refused */
  | { readonly kind: 'failure'; readonly retryAfterMs?: number }
  /** Counts as a failure. */
  | { readonly kind: 'unknown' }

export interface Settlement {
  readonly outcome: AttemptOutcome
  /** What was really used of a sum, or 0 for a `destinations` that was never reached. Absent axes: what was granted. */
  readonly used?: Readonly<Partial<Record<AxisName, number>>>
}

/** Amount that an operator adds to the limit of one axis until a moment. */
export interface Grant {
  readonly id: string
  readonly axis: AxisName
  readonly amount: number
  readonly ttlMs: number
}

export interface AxisUsage {
  readonly axis: AxisName
  /** Units used in the window that was last asked for; of keyed axes the number of keys remembered. */
  readonly used: number
  readonly windowMs: number
  /** Live grants together. */
  readonly granted: number
}

export interface OpenLease {
  readonly attempt: string
  /** Process that holds it; '' where there is but one. */
  readonly owner: string
  /** Whether it has outlived its expiry: its process died, and its units stay spent. */
  readonly isExpired: boolean
  readonly axes: readonly AxisName[]
}

export interface SubjectUsage {
  readonly subject: string
  readonly frozen: boolean
  readonly axes: readonly AxisUsage[]
  readonly leases: readonly OpenLease[]
}

/** `done`, or why not. */
export type Change = 'done' | RefusalCause

export interface BudgetLedger {
  /** Takes all demands or none. What is refused changes no count: a refusal never prolongs itself. */
  reserve(request: ReserveRequest): SoonOrLater<Granted | Refused>
  /** Takes more of one sum for an attempt under way, for example the next chunk of a stream. */
  reserveMore(lease: Lease, demand: Demand): SoonOrLater<Granted | Refused>
  /** Ends an attempt: gives back what was not used, releases what is in flight, counts the outcome. Once; later calls do nothing. */
  settle(lease: Lease, settlement: Settlement): SoonOrLater<void>
  /** Ends an attempt that never started: gives back everything. */
  refund(lease: Lease): SoonOrLater<void>
  /** Lets an attempt end no later than in `ttlMs`; never prolongs it. For a call that was cancelled but may still run. */
  shorten(lease: Lease, ttlMs: number): SoonOrLater<void>
  /** @returns every account with something in it, for show and metrics. */
  usage(): SoonOrLater<readonly SubjectUsage[] | RefusalCause>
  /** Refuses everything of a subject, or ends that. */
  setFrozen(subject: string, frozen: boolean): SoonOrLater<Change>
  grant(subject: string, grant: Grant): SoonOrLater<Change>
  /** Forgets what a subject has spent (of one axis, or of all) and keeps what is in flight. */
  reset(subject: string, axis?: AxisName): SoonOrLater<Change>
  /** Decides about state that is lost or unreadable: go on with what is there, or with nothing where nothing can be read. */
  adopt(): SoonOrLater<Change>
  /** Whether it can answer, and why not. */
  health(): 'ok' | RefusalCause
  /** Writes what is to be kept and lets go of files and sockets. */
  close(): Promise<void>
}

export function isRefused(answer: Granted | Refused): answer is Refused {
  return 'cause' in answer
}
