/** From what the ledger answers to what the caller is told. */

import { AXES, type AxisName, type Refused } from '../budget/index.ts'
import type { BudgetPolicy } from '../model/budget-policy.ts'
import type { BlockReason } from '../model/block-reason.ts'
import type { Denial, ExhaustedLimit } from '../model/denial.ts'

/** The axes that the surfaces of this version feed. */
const REASONS: Partial<Record<AxisName, BlockReason>> = {
  requests: 'budget_requests',
  bytes: 'budget_bytes',
  destinations: 'budget_destinations',
  fan_out: 'budget_fan_out',
  parallel_targets: 'budget_fan_out',
  concurrent_requests: 'budget_concurrency',
  retries_per_endpoint: 'budget_retries_endpoint',
  wall_clock: 'budget_wall_clock',
}

const CAUSES: Readonly<Record<Exclude<Refused['cause'], 'limit'>, BlockReason>> = {
  frozen: 'budget_frozen',
  capacity: 'budget_capacity',
  state_unreadable: 'budget_state_unreadable',
  state_unwritable: 'budget_state_unwritable',
  store_lost: 'budget_store_lost',
  store_unreachable: 'budget_store_unreachable',
}

const MS_PER_SECOND = 1000

export function reasonOf(axis: AxisName): BlockReason {
  return REASONS[axis] ?? 'internal_error'
}

/** @param nowMs of the wall clock. The first axis that does not admit gives the reason; the wait is that of all together. */
export function budgetDenial({ cause, shortfalls, waitMs }: Refused, { detailLevel }: BudgetPolicy, nowMs: number): Denial {
  if (cause !== 'limit') return { reason: CAUSES[cause], detail: cause }
  const [short] = shortfalls
  if (short === undefined) return { reason: 'internal_error', detail: 'a reservation after its end' }
  const { axis, limit, used, asked, windowMs } = short
  const isKnown = typeof waitMs === 'number'
  const exhausted: ExhaustedLimit = { axis, limit, used, requested: asked, windowMs, resetsAtMs: isKnown ? nowMs + waitMs : waitMs, tell: detailLevel }
  return {
    reason: reasonOf(axis),
    detail: `${axis}: ${used} of ${limit} ${AXES[axis].unit} used, ${asked} asked for`,
    ...(isKnown && { retryAfterSeconds: Math.max(1, Math.ceil(waitMs / MS_PER_SECOND)) }),
    exhausted,
  }
}
