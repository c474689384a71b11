/**
 * What an operator may do to budgets, each act with a receipt of its own. What gives more away waits until its receipt is on
 * disk; what stops an agent does not wait for anything.
 */

import { uuidV7 } from '../base/uuid.ts'
import { AXES, type AxisName } from '../budget/index.ts'
import type { BudgetSources, JsonObject, OperatorAct } from '../admin/index.ts'
import type { Profile } from '../model/policy.ts'
import { reference } from '../receipt/index.ts'
import { limitsOf } from './budgets.ts'
import type { Parts } from './parts.ts'

const MS_PER_SECOND = 1000
const RETRY_AXES: readonly AxisName[] = ['retries_per_endpoint']
const FED: ReadonlySet<AxisName> = new Set<AxisName>(['requests', 'bytes', 'destinations', 'fan_out', 'concurrent_requests', 'parallel_targets', 'retries_per_endpoint', 'wall_clock'])

export function createBudgetDesk(parts: Parts): BudgetSources {
  const { budgetView } = parts
  const { ledger } = budgetView.budgets
  const isKnown = (agent: string): boolean => parts.config.policy.profiles.has(agent)
  const refresh = async (): Promise<void> => {
    parts.cutFrozen(await budgetView.refresh())
  }

  return {
    show: async (agent) => {
      await refresh()
      const profiles = [...parts.config.policy.profiles.values()].filter(({ name }) => agent === undefined || name === agent)
      return profiles.length === 0 ? undefined : { store: { kind: budgetView.budgets.isShared ? 'shared' : 'local', state: ledger.health() }, agents: profiles.map((profile) => describe(profile, parts)) }
    },
    grant: async ({ axis, amount, ttlSeconds }, act) => {
      if (!isKnown(act.agent) || !isFed(axis)) return isKnown(act.agent) ? 'unknown_axis' : 'unknown_agent'
      const id = uuidV7(parts.services.clock.nowMs())
      const isRecorded = await record(parts, act, `budget_grant axis=${axis} amount=${amount} ttl_seconds=${ttlSeconds} id=${id}`)
      return isRecorded ? ledger.grant(act.agent, { id, axis, amount, ttlMs: ttlSeconds * MS_PER_SECOND }) : 'receipt_unwritable'
    },
    reset: async (axis, act) => {
      if (!isKnown(act.agent) || (axis !== undefined && !isFed(axis))) return isKnown(act.agent) ? 'unknown_axis' : 'unknown_agent'
      const isRecorded = await record(parts, act, `budget_reset axis=${axis ?? 'all'}`)
      return isRecorded ? ledger.reset(act.agent, axis) : 'receipt_unwritable'
    },
    freeze: async (active, act) => {
      if (!isKnown(act.agent)) return 'unknown_agent'
      return active ? freeze(parts, act) : unfreeze(parts, act)
    },
    adopt: async (act) => {
      if (!(await record(parts, act, `budget_adopt state=${ledger.health()}`))) return 'receipt_unwritable'
      const change = await ledger.adopt()
      await refresh()
      return change
    },
  }
}

/** Holds at once and here; where the ledger could not be told, it holds until it is ended here. */
async function freeze(parts: Parts, act: OperatorAct): Promise<string> {
  const { ledger, frozen } = parts.budgetView.budgets
  frozen.order(act.agent)
  parts.cutFrozen([act.agent])
  const change = await ledger.setFrozen(act.agent, true)
  if (change === 'done') {
    await parts.budgetView.refresh()
    frozen.confirm(act.agent)
  }
  await record(parts, act, 'budget_freeze')
  return change
}

async function unfreeze(parts: Parts, act: OperatorAct): Promise<string> {
  const { ledger, frozen } = parts.budgetView.budgets
  if (!(await record(parts, act, 'budget_unfreeze'))) return 'receipt_unwritable'
  const change = await ledger.setFrozen(act.agent, false)
  if (change === 'done') {
    frozen.release(act.agent)
    await parts.budgetView.refresh()
  }
  return change
}

/** Whether a surface of this version counts on the axis. */
function isFed(axis: string): axis is AxisName {
  return FED.has(axis as AxisName)
}

function describe({ name, budget }: Profile, { budgetView }: Parts): JsonObject {
  const usage = budgetView.usageOf(name)
  const axes = limitsOf(budget).map(({ axis, limit, windowMs }) => {
    const found = usage?.axes.find((one) => one.axis === axis)
    const isRetry = RETRY_AXES.includes(axis)
    const granted = found?.granted ?? 0
    const used = found?.used ?? 0
    return {
      axis,
      unit: AXES[axis].unit,
      limit,
      granted,
      // Of retries: endpoints that are remembered.
      ...(isRetry ? { endpoints: used } : { used, remaining: Math.max(0, limit + granted - used) }),
      window_seconds: windowMs / MS_PER_SECOND,
    }
  })
  const leases = usage?.leases ?? []
  const expired = leases.filter(({ isExpired }) => isExpired).map(({ attempt, owner, axes: held }) => ({ attempt, owner, axes: held }))
  return { agent: name, frozen: budgetView.budgets.frozen.has(name), action: budget.action, axes, open: leases.length - expired.length, ...(expired.length > 0 && { lost_reservations: expired }) }
}

/** @returns whether the act is on disk */
async function record({ services, companionId }: Parts, { agent, via }: OperatorAct, what: string): Promise<boolean> {
  const { clock, trustDomain, recorder, observer } = services
  const nowMs = clock.nowMs()
  const appended = recorder.append(
    {
      actionId: uuidV7(nowMs),
      principal: trustDomain,
      actor: `spiffe://${trustDomain}/companion/${companionId}`,
      target: `chaperone://budgets/${agent}`,
      transport: 'admin',
      verdict: 'allow',
      layer: 'budget',
      pattern: what,
      policyHash: services.policy().hash,
      timestampMs: nowMs,
      delegationChain: null,
      precedentRefs: [reference('identity', `bound:listener:admin-${via}`)],
    },
    'admission',
  )
  if ('reason' in appended) {
    observer.receiptFailed(appended.reason, 'intent')
    return false
  }
  return appended.durable.then(
    () => true,
    () => {
      observer.receiptFailed('receipt_unwritable', 'intent')
      return false
    },
  )
}
