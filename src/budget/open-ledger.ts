/** From what the configuration says of state to the ledger that keeps it. */

import type { BudgetLedger } from './ledger.ts'
import { createMemoryLedger, openJournalLedger, type JournalLedgerOptions, type LedgerOptions } from './open-local-ledger.ts'
import { openRedisLedger, type SharedLedgerOptions } from './redis/open-redis-ledger.ts'

export type LedgerStore =
  /** Forgets everything with its process, and answers at once. */
  | ({ readonly kind: 'memory' } & LedgerOptions)
  /** Survives its process; one process at a time uses the folder. */
  | ({ readonly kind: 'journal' } & JournalLedgerOptions)
  /** Shared by replicas through Redis/Valkey. */
  | ({ readonly kind: 'shared' } & SharedLedgerOptions)

/** @throws {StoreError} where a shared store answers but must not be used, or the package for it is not installed */
export async function openLedger(store: LedgerStore): Promise<BudgetLedger> {
  switch (store.kind) {
    case 'memory':
      return createMemoryLedger(store)
    case 'journal':
      return openJournalLedger(store)
    case 'shared':
      return openRedisLedger(store)
  }
}
