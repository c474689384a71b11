/**
 * The ledger of one process: accounts in memory, and where there is a journal nothing is handed out that is not durable as
 * spent. Answers come at once unless a new block of credit has to be written first.
 */

import type { Account, Uncovered } from './account.ts'
import { Accounts } from './accounts.ts'
import type { AxisName } from './axis.ts'
import { requireSound, requireSoundDemand } from './demand.ts'
import { HeldLease } from './held-lease.ts'
import type { BudgetLedger, Change, Demand, Grant, Granted, Lease, RefusalCause, Refused, ReserveRequest, Settlement, SoonOrLater, SubjectUsage } from './ledger.ts'
import type { CreditFor } from './credits/credit.ts'
import type { Fact, Row } from './row.ts'

/** Where rows become durable. */
export interface RowKeeper {
  readonly isWritable: boolean
  append(rows: readonly Row[]): Promise<boolean>
  close(): Promise<void>
}

export interface LocalLedgerOptions {
  /** Time of the ledger: never steps back. */
  readonly nowMs: () => number
  /** Accounts at a time; 10,000 where absent. */
  readonly maxSubjects?: number
  /** A lease outlived its time: whoever held it failed to end it. */
  readonly onExpired?: (lease: Lease) => void
  readonly creditFor?: CreditFor
}

type Answer = Granted | Refused | Uncovered

export class LocalLedger implements BudgetLedger {
  readonly #nowMs: () => number
  readonly #accounts: Accounts
  readonly #raising = new WeakMap<Account, Promise<boolean>>()
  #keeper: RowKeeper | undefined
  #isClosed = false
  /** What refuses everything until an operator decides, and how to go on then. */
  #lost: { readonly cause: RefusalCause; readonly adopt: () => Promise<boolean> } | undefined

  constructor({ nowMs, maxSubjects, onExpired, creditFor }: LocalLedgerOptions) {
    this.#nowMs = nowMs
    this.#accounts = new Accounts({ ...(onExpired !== undefined && { onExpired }), ...(creditFor !== undefined && { creditFor }) }, maxSubjects)
  }

  /** From here on rows are kept. */
  keepIn(keeper: RowKeeper): void {
    this.#keeper = keeper
  }

  /** Refuses everything until an operator decides. */
  lose(cause: RefusalCause, adopt: () => Promise<boolean>): void {
    this.#lost = { cause, adopt }
  }

  /** Puts back what was read. */
  restore(rows: readonly Row[]): void {
    const nowMs = this.#nowMs()
    for (const row of rows) this.#accounts.reopen(row.subject).restore(row, nowMs)
  }

  /** @returns all that is to be kept, credit included; the last one, after `close`, without it */
  snapshot(): Row[] {
    const nowMs = this.#nowMs()
    if (this.#isClosed) for (const account of this.#accounts.all()) account.close(nowMs)
    return Array.from(this.#accounts.all()).flatMap((account) => account.snapshot(nowMs))
  }

  reserve(request: ReserveRequest): SoonOrLater<Granted | Refused> {
    requireSound(request)
    if (this.#lost !== undefined) return refusedFor(this.#lost.cause)
    const account = this.#accounts.open(request.subject, this.#nowMs())
    return account === undefined ? refusedFor('capacity') : this.#take(account, () => account.reserve(request, this.#nowMs()))
  }

  reserveMore(lease: Lease, demand: Demand): SoonOrLater<Granted | Refused> {
    requireSoundDemand(demand)
    const account = this.#accounts.find(lease.subject)
    if (account === undefined || !(lease instanceof HeldLease)) return refusedFor('limit')
    return this.#take(account, () => account.reserveMore(lease, demand, this.#nowMs()))
  }

  settle(lease: Lease, settlement: Settlement): void {
    this.#end(lease, (account, held) => {
      account.settle(held, settlement, this.#nowMs())
    })
  }

  refund(lease: Lease): void {
    this.#end(lease, (account, held) => {
      account.refund(held, this.#nowMs())
    })
  }

  shorten(lease: Lease, ttlMs: number): void {
    this.#end(lease, (account, held) => {
      account.shorten(held, this.#nowMs() + ttlMs)
    })
  }

  usage(): readonly SubjectUsage[] | RefusalCause {
    if (this.#lost !== undefined) return this.#lost.cause
    const nowMs = this.#nowMs()
    return Array.from(this.#accounts.all(), (account) => usageOf(account, nowMs))
  }

  setFrozen(subject: string, frozen: boolean): SoonOrLater<Change> {
    const account = this.#accounts.open(subject, this.#nowMs())
    // A freeze holds before it is durable; an end of it only afterwards.
    if (frozen && account !== undefined) account.frozen = true
    return this.#change(account, { kind: 'frozen', frozen })
  }

  grant(subject: string, { id, axis, amount, ttlMs }: Grant): SoonOrLater<Change> {
    const account = this.#accounts.open(subject, this.#nowMs())
    return this.#change(account, { kind: 'grant', id, axis, amount, untilMs: this.#nowMs() + ttlMs })
  }

  reset(subject: string, axis?: AxisName): SoonOrLater<Change> {
    return this.#change(this.#accounts.open(subject, this.#nowMs()), { kind: 'reset', axis: axis ?? null })
  }

  async adopt(): Promise<Change> {
    if (this.#lost === undefined) return 'done'
    if (!(await this.#lost.adopt())) return 'state_unwritable'
    this.#lost = undefined
    return 'done'
  }

  health(): 'ok' | RefusalCause {
    if (this.#lost !== undefined) return this.#lost.cause
    return this.#keeper?.isWritable === false ? 'state_unwritable' : 'ok'
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#keeper?.close()
  }

  #take(account: Account, act: () => Answer): SoonOrLater<Granted | Refused> {
    // What is taken after the last snapshot would be forgotten.
    if (this.#isClosed) return refusedFor('state_unwritable')
    const answer = act()
    if (account.behind.length > 0) this.#writeBehind(account)
    return 'rows' in answer ? this.#takeLater(account, act, answer.rows) : answer
  }

  async #takeLater(account: Account, act: () => Answer, rows: readonly Row[]): Promise<Granted | Refused> {
    account.waiting++
    try {
      for (let missing = rows; ;) {
        if (!(await this.#raise(account, missing))) return refusedFor('state_unwritable')
        if (this.#isClosed) return refusedFor('state_unwritable')
        const answer = act()
        if (!('rows' in answer)) return answer
        missing = answer.rows
      }
    } finally {
      account.waiting--
    }
  }

  /** One commit per account at a time: who comes meanwhile waits for it and looks again. */
  #raise(account: Account, rows: readonly Row[]): Promise<boolean> {
    const under = this.#raising.get(account)
    if (under !== undefined) return under
    const raised = this.#append(rows).then((isDurable) => {
      this.#raising.delete(account)
      if (isDurable) account.confirm(rows)
      return isDurable
    })
    this.#raising.set(account, raised)
    return raised
  }

  #append(rows: readonly Row[]): Promise<boolean> {
    return this.#keeper?.append(rows) ?? Promise.resolve(false)
  }

  #end(lease: Lease, act: (account: Account, held: HeldLease) => void): void {
    const account = this.#accounts.find(lease.subject)
    if (account === undefined || !(lease instanceof HeldLease)) return
    act(account, lease)
    if (account.behind.length > 0) this.#writeBehind(account)
  }

  /** Nobody waits: what a failed write loses, the next snapshot holds. */
  #writeBehind(account: Account): void {
    const rows = account.behind.splice(0)
    void this.#keeper?.append(rows)
  }

  #change(account: Account | undefined, fact: Fact): SoonOrLater<Change> {
    if (this.#lost !== undefined) return this.#lost.cause
    if (account === undefined) return 'capacity'
    const row = { ...fact, subject: account.subject }
    const apply = (): Change => {
      account.restore(row, this.#nowMs())
      return 'done'
    }
    if (this.#keeper === undefined) return apply()
    account.waiting++
    return this.#append([row]).then((isDurable) => {
      account.waiting--
      return isDurable ? apply() : 'state_unwritable'
    })
  }
}

function refusedFor(cause: RefusalCause): Refused {
  return { cause, shortfalls: [], waitMs: cause === 'limit' || cause === 'frozen' ? 'never' : 'unknown' }
}

function usageOf(account: Account, nowMs: number): SubjectUsage {
  account.expireLeases(nowMs)
  const leases = Array.from(account.leases, ({ attempt, takes }) => ({ attempt, owner: '', isExpired: false, axes: [...new Set(takes.map(({ axis }) => axis))] }))
  return { subject: account.subject, frozen: account.frozen, axes: account.usage(nowMs), leases }
}
