/**
 * The budget's part of the data path: reserved after the destination was resolved and before anything is signed or recorded,
 * settled when the exchange ends. Whatever was reserved is settled or given back exactly once, however the exchange ends.
 */

import { isRefused, type Granted, type Refused } from '../budget/index.ts'
import type { BudgetPolicy } from '../model/budget-policy.ts'
import type { Denial } from '../model/denial.ts'
import { attemptOutcome, isFailedDial } from './attempt-outcome.ts'
import { Block } from './block.ts'
import { demandsOf, retryDemand } from './budget-demands.ts'
import { budgetDenial, reasonOf } from './budget-refusal.ts'
import type { Ending, Passage } from './passage.ts'
import type { Services } from './services.ts'
import { Spending } from './spending.ts'

/** Longer than any exchange: what it holds in flight is held until it ends. */
const MAX_ATTEMPT_MS = 2_147_483_000
/** Taken at once of a distant store, and never so much that a few open streams hold the whole limit. */
const MAX_AHEAD_BYTES = 65_536
const AHEAD_SHARE = 64
const UNREACHED = { requests: 0, bytes: 0, destinations: 0, fan_out: 0 }

/** @throws {Block} where a limit of the profile does not admit the exchange, or nobody can say whether it does */
export async function reserveBudget(passage: Passage, bodyBytes: number, services: Services): Promise<void> {
  const { exchange, profile } = passage
  const { budget } = profile
  const aheadBytes = services.budgets.isShared ? aheadOf(budget) : 0
  const demands = demandsOf(budget, exchange, { bodyBytes, aheadBytes })
  if (demands.length === 0) return
  const { ledger } = services.budgets
  const askedMs = services.clock.monotonicMs()
  const asked = ledger.reserve({
    subject: profile.name,
    attempt: exchange.id,
    demands,
    ttlMs: MAX_ATTEMPT_MS,
    onLost: () => {
      stopLost(passage)
    },
  })
  const answer = asked instanceof Promise ? await asked : asked
  const tookMs = services.clock.monotonicMs() - askedMs
  if (isRefused(answer)) throw new Block(refuseBudget(answer, passage, services, tookMs))
  services.observer.budgetAdmitted(passage, tookMs)
  const bytes = demands.find(({ axis }) => axis === 'bytes')
  const onCrossings = (crossings: Granted['crossings']): void => {
    noteCrossings(crossings, passage, services)
  }
  passage.spending = new Spending({
    ledger,
    granted: answer,
    ...(bytes !== undefined && { bytes }),
    bodyBytes: budget.bytes?.count === 'both' ? bodyBytes : 0,
    aheadBytes,
    onCrossings,
  })
  onCrossings(answer.crossings)
}

/** Where a limit only warns nothing is taken ahead: that would pass it too early. */
function aheadOf({ action, bytes }: BudgetPolicy): number {
  return action === 'block' ? Math.min(MAX_AHEAD_BYTES, Math.floor((bytes?.limit ?? 0) / AHEAD_SHARE)) : 0
}

/** A name that does not resolve is a failure of the endpoint: a loop on it is stopped like any other. @throws {Block} over the limit */
export async function countFailedLookup(passage: Passage, services: Services): Promise<void> {
  const { exchange, profile } = passage
  const demand = retryDemand(profile.budget, exchange)
  if (demand === undefined) return
  const { ledger } = services.budgets
  const answer = await ledger.reserve({ subject: profile.name, attempt: exchange.id, demands: [demand], ttlMs: MAX_ATTEMPT_MS })
  if (isRefused(answer)) throw new Block(refuseBudget(answer, passage, services))
  noteCrossings(answer.crossings, passage, services)
  await ledger.settle(answer.lease, { outcome: { kind: 'failure' } })
}

/** Where the bytes of an answer or a tunnel ran out. */
export function exhaustedDenial(passage: Passage, services: Services): Denial {
  const refused = passage.spending?.refused
  if (refused === undefined) return { reason: 'internal_error', detail: 'cut without a refusal' }
  return refuseBudget(refused, passage, services)
}

/** Settles what an exchange that was forwarded has used, with what became of it. */
export function settleBudget(passage: Passage, ending: Ending): void {
  const { spending, profile } = passage
  if (spending === undefined) return
  if (isFailedDial(passage, ending)) spending.settle({ outcome: { kind: 'failure' }, ...(profile.budget.failedDials === 'refund' && { used: UNREACHED }) })
  else if (passage.hasLeft || ending.reason === 'upstream_tls') spending.settle({ outcome: attemptOutcome(passage, ending) })
  else spending.refund()
}

function refuseBudget(refused: Refused, passage: Passage, { clock, observer }: Services, tookMs?: number): Denial {
  const denial = budgetDenial(refused, passage.profile.budget, clock.nowMs())
  observer.budgetRefused(passage, refused, denial, tookMs)
  return denial
}

function noteCrossings(crossings: Granted['crossings'], passage: Passage, { observer }: Services): void {
  for (const crossing of crossings) {
    const reason = reasonOf(crossing.axis)
    if (!passage.warnings.includes(reason)) passage.warnings.push(reason)
    observer.budgetCrossed(passage, crossing)
  }
}

/** The store no longer vouches for what was reserved: the exchange must not go on. */
function stopLost(passage: Passage): void {
  const denial: Denial = { reason: 'budget_store_unreachable', detail: 'the reservation could not be renewed' }
  if (passage.stopped !== undefined) return
  passage.stopped = denial
  passage.running?.stop(denial)
}
