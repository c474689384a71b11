/** Door of budget/: what may still be spent. Knows nothing of HTTP; pipeline/ makes refusals of its answers. */

export { AXES, AXIS_NAMES, type AxisName } from './axis.ts'
export { isRefused, type BudgetLedger, type Demand, type Granted, type Lease, type Refused, type Settlement } from './ledger.ts'
export { createMemoryLedger, openJournalLedger } from './open-ledger.ts'
