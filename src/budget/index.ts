/** Door of budget/: what may still be spent. Knows nothing of HTTP; pipeline/ makes refusals of its answers. */

export { AXES, type AxisName } from './axis.ts'
export { isRefused, type BudgetLedger, type Demand, type Granted, type Lease, type Refused, type Settlement, type SubjectUsage } from './ledger.ts'
export { openLedger } from './open-ledger.ts'
export { StoreError } from './redis/store-error.ts'
