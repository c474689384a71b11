/**
 * Keeps the leases of this process alive: all of one account in one script, well before they expire. One that could not be
 * kept is told as lost while it still holds, so that its attempt ends before another can take its place.
 */

import type { Clock } from '../../base/clock.ts'
import type { StoreLease } from './store-lease.ts'

export const LEASE_TTL_MS = 15_000
const RENEW_EVERY_MS = 5000
/** Before its expiry, so that there is time to end the attempt. */
const LOST_BEFORE_MS = 2000
const LOOK_EVERY_MS = 500

export interface LeaseKeeperOptions {
  readonly clock: Clock
  /** @returns the attempts that the store does not hold any more; undefined where it did not answer */
  readonly renew: (subject: string, leases: readonly StoreLease[]) => Promise<readonly string[] | undefined>
  readonly onExpired?: (lease: StoreLease) => void
}

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  readonly #leases = new Map<string, StoreLease>()
  readonly #timer: NodeJS.Timeout
  readonly #renewing = new Set<string>()

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
    this.#timer = setInterval(() => {
      this.look()
    }, LOOK_EVERY_MS).unref()
  }

  get(attempt: string): StoreLease | undefined {
    return this.#leases.get(attempt)
  }

  add(lease: StoreLease): void {
    this.#leases.set(lease.attempt, lease)
  }

  delete(lease: StoreLease): void {
    this.#leases.delete(lease.attempt)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#leases.clear()
  }

  /** Renews what is due, and tells what has run out. */
  look(): void {
    const nowMs = this.#options.clock.monotonicMs()
    const due = new Map<string, StoreLease[]>()
    for (const lease of this.#leases.values()) {
      if (nowMs >= lease.deadlineMs) this.#expire(lease)
      else if (nowMs - lease.keptMs >= LEASE_TTL_MS - LOST_BEFORE_MS) this.#lose(lease)
      else if (nowMs - lease.keptMs >= RENEW_EVERY_MS) due.set(lease.subject, [...(due.get(lease.subject) ?? []), lease])
    }
    for (const [subject, leases] of due) if (!this.#renewing.has(subject)) void this.#renew(subject, leases, nowMs)
  }

  async #renew(subject: string, leases: readonly StoreLease[], askedMs: number): Promise<void> {
    this.#renewing.add(subject)
    const gone = await this.#options.renew(subject, leases)
    this.#renewing.delete(subject)
    if (gone === undefined) return
    for (const lease of leases) {
      if (gone.includes(lease.attempt)) this.#lose(lease)
      // From when it was asked, not from when it was answered: the store may have counted from then.
      else lease.keptMs = askedMs
    }
  }

  #lose(lease: StoreLease): void {
    this.#leases.delete(lease.attempt)
    lease.lose()
  }

  #expire(lease: StoreLease): void {
    this.#leases.delete(lease.attempt)
    if (lease.state === 'live') lease.state = 'expired'
    this.#options.onExpired?.(lease)
  }
}
