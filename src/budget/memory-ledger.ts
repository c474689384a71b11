/** The ledger of one process, which keeps nothing beyond it. Every answer comes at once. */

import type { Clock } from '../base/clock.ts'
import type { Account } from './account.ts'
import { Accounts } from './accounts.ts'
import type { AxisName } from './axis.ts'
import { requireSound, requireSoundDemand } from './demand.ts'
import { HeldLease } from './held-lease.ts'
import type { BudgetLedger, Change, Demand, Grant, Granted, Lease, Refused, ReserveRequest, Settlement, SubjectUsage } from './ledger.ts'

export interface MemoryLedgerOptions {
  readonly clock: Clock
  /** Accounts at a time; 10,000 where absent. */
  readonly maxSubjects?: number
  /** A lease outlived its time. */
  readonly onExpired?: (lease: Lease) => void
}

const FULL: Refused = { cause: 'capacity', shortfalls: [], waitMs: 'unknown' }
const ENDED: Refused = { cause: 'limit', shortfalls: [], waitMs: 'never' }

export class MemoryLedger implements BudgetLedger {
  readonly #clock: Clock
  readonly #accounts: Accounts

  constructor({ clock, maxSubjects, onExpired }: MemoryLedgerOptions) {
    this.#clock = clock
    this.#accounts = new Accounts({ ...(onExpired !== undefined && { onExpired }) }, maxSubjects)
  }

  reserve(request: ReserveRequest): Granted | Refused {
    requireSound(request)
    const nowMs = this.#clock.monotonicMs()
    const answer = this.#accounts.open(request.subject, nowMs)?.reserve(request, nowMs) ?? FULL
    return 'rows' in answer ? FULL : answer
  }

  reserveMore(lease: Lease, demand: Demand): Granted | Refused {
    requireSoundDemand(demand)
    const answer = this.#with(lease, (account, held) => (held.state === 'live' ? account.reserveMore(held, demand, this.#clock.monotonicMs()) : ENDED))
    return answer === undefined || 'rows' in answer ? ENDED : answer
  }

  settle(lease: Lease, settlement: Settlement): void {
    this.#with(lease, (account, held) => account.settle(held, settlement, this.#clock.monotonicMs()))
  }

  refund(lease: Lease): void {
    this.#with(lease, (account, held) => account.refund(held, this.#clock.monotonicMs()))
  }

  shorten(lease: Lease, ttlMs: number): void {
    this.#with(lease, (account, held) => {
      account.shorten(held, this.#clock.monotonicMs() + ttlMs)
    })
  }

  usage(): readonly SubjectUsage[] {
    const nowMs = this.#clock.monotonicMs()
    return Array.from(this.#accounts.all(), (account) => usageOf(account, nowMs))
  }

  setFrozen(subject: string, frozen: boolean): Change {
    return this.#change(subject, (account) => {
      account.frozen = frozen
      return true
    })
  }

  grant(subject: string, { id, axis, amount, ttlMs }: Grant): Change {
    return this.#change(subject, (account, nowMs) => account.grants.add({ id, axis, amount, untilMs: nowMs + ttlMs }, nowMs))
  }

  reset(subject: string, axis?: AxisName): Change {
    return this.#change(subject, (account) => {
      account.reset(axis)
      return true
    })
  }

  adopt(): Change {
    return 'done'
  }

  health(): 'ok' {
    return 'ok'
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #with<T>(lease: Lease, act: (account: Account, held: HeldLease) => T): T | undefined {
    const account = this.#accounts.find(lease.subject)
    return account !== undefined && lease instanceof HeldLease ? act(account, lease) : undefined
  }

  #change(subject: string, act: (account: Account, nowMs: number) => boolean): Change {
    const nowMs = this.#clock.monotonicMs()
    const account = this.#accounts.open(subject, nowMs)
    return account !== undefined && act(account, nowMs) ? 'done' : 'capacity'
  }
}

export function usageOf(account: Account, nowMs: number): SubjectUsage {
  account.expireLeases(nowMs)
  const leases = Array.from(account.leases, ({ attempt, takes }) => ({ attempt, owner: '', isExpired: false, axes: [...new Set(takes.map(({ axis }) => axis))] }))
  return { subject: account.subject, frozen: account.frozen, axes: account.usage(nowMs), leases }
}
