/** The accounts of all subjects, bounded: one that says nothing any more makes room, one that says something never does. */

import { Account, type AccountOptions } from './account.ts'

const MAX_SUBJECTS = 10_000
/** A look through all accounts for empty ones is dear; refusals in between cost nothing. */
const SWEEP_EVERY_MS = 1000

export class Accounts {
  readonly #accounts = new Map<string, Account>()
  readonly #options: Omit<AccountOptions, 'subject'>
  readonly #max: number
  #sweptMs = -Infinity

  constructor(options: Omit<AccountOptions, 'subject'>, max = MAX_SUBJECTS) {
    this.#options = options
    this.#max = max
  }

  find(subject: string): Account | undefined {
    return this.#accounts.get(subject)
  }

  /** @returns the account, opened where there was none; undefined where there is no room */
  open(subject: string, nowMs: number): Account | undefined {
    const found = this.#accounts.get(subject)
    if (found !== undefined) return found
    if (this.#accounts.size >= this.#max && !this.#sweep(nowMs)) return undefined
    return this.reopen(subject)
  }

  /** Like `open`, where there is room or not: what was read back is never left out. */
  reopen(subject: string): Account {
    const account = this.#accounts.get(subject) ?? new Account({ ...this.#options, subject })
    this.#accounts.set(subject, account)
    return account
  }

  all(): Iterable<Account> {
    return this.#accounts.values()
  }

  #sweep(nowMs: number): boolean {
    if (nowMs - this.#sweptMs < SWEEP_EVERY_MS) return false
    this.#sweptMs = nowMs
    for (const [subject, account] of this.#accounts) if (account.isEmpty(nowMs)) this.#accounts.delete(subject)
    return this.#accounts.size < this.#max
  }
}
