/**
 * What a replica may spend by itself while the shared store is away: its share of each limit, counted on its own. Its windows
 * go on across outages, so all replicas together add at most one limit to what the store holds, however often it goes away.
 */

import type { Clock } from '../../base/clock.ts'
import type { BudgetLedger, Demand } from '../ledger.ts'
import { createMemoryLedger } from '../open-local-ledger.ts'

/** Time and rounds are the same for all replicas: not divided. */
const WHOLE = new Set<string>(['wall_clock', 'loops'])

export interface LocalShare {
  readonly ledger: BudgetLedger
  /** @returns the demand with this replica's share of its limit: rounded down, but 1 at least where there is a limit */
  share(demand: Demand): Demand
}

export function createLocalShare(clock: Clock, replicas: number): LocalShare {
  return {
    ledger: createMemoryLedger({ clock }),
    share: (demand) => {
      if (WHOLE.has(demand.axis) || demand.limit === 0) return demand
      return { ...demand, limit: Math.max(1, Math.floor(demand.limit / replicas)) }
    },
  }
}
