/** What the data path needs, built once by server.ts and passed down. There is no global state. */

import type { Clock } from '../base/clock.ts'
import type { BudgetLedger } from '../budget/index.ts'
import type { HostResolver, Sender } from '../egress/index.ts'
import type { ConcurrencyLimiter, KillSwitch, ProtectedTargets, RateLimiter } from '../gates/index.ts'
import type { IdentityResolver } from '../identity/index.ts'
import type { Policy } from '../model/policy.ts'
import type { ReceiptRecorder } from '../receipt/index.ts'
import type { HostMemory } from './host-memory.ts'
import type { FrozenAgents } from './frozen-agents.ts'
import type { ScanPool } from '../scan/index.ts'
import type { HeldBytes } from './held-bytes.ts'
import type { LiveExchanges } from './live-exchanges.ts'
import type { Observer } from './observer.ts'
import type { RefusalQuota } from './refusal-quota.ts'

export interface Services {
  readonly clock: Clock
  /** Domain of every actor that this companion names in receipts. */
  readonly trustDomain: string
  /** The pseudonym we write as received-by in `Via`: seen again, it is a loop. One per companion, so that two may follow each other. */
  readonly ownVia: string
  /** The policy in force now; an exchange reads it once. */
  policy(): Policy
  readonly identity: IdentityResolver
  readonly rate: RateLimiter
  readonly concurrency: ConcurrencyLimiter
  readonly killSwitch: KillSwitch
  readonly protectedTargets: ProtectedTargets
  readonly resolver: HostResolver
  readonly sender: Sender
  readonly recorder: ReceiptRecorder
  readonly budgets: Budgets
  readonly held: HeldBytes
  readonly hosts: HostMemory
  readonly scans: ScanPool
  readonly live: LiveExchanges
  readonly refusals: RefusalQuota
  readonly observer: Observer
}

export interface Budgets {
  readonly ledger: BudgetLedger
  /** Whether the ledger is shared with other companions, and asking it takes time. */
  readonly isShared: boolean
  readonly frozen: FrozenAgents
}
