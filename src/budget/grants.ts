/** What an operator added to the limits of one account, each until a moment. */

import type { AxisName } from './axis.ts'

export interface LiveGrant {
  readonly id: string
  readonly axis: AxisName
  readonly amount: number
  readonly untilMs: number
}

/** Grants of an account at a time; the oldest end first. */
export const MAX_GRANTS = 100

export class Grants {
  #live: LiveGrant[] = []

  /** The same id again replaces. @returns whether there was room */
  add(grant: LiveGrant, nowMs: number): boolean {
    this.#live = this.#live.filter(({ id, untilMs }) => untilMs > nowMs && id !== grant.id)
    if (this.#live.length >= MAX_GRANTS) return false
    this.#live.push(grant)
    return true
  }

  /** @returns what is added to an axis at a moment. Never more at a later one, unless an operator adds. */
  bonus(axis: AxisName, atMs: number): number {
    let bonus = 0
    for (const grant of this.#live) if (grant.axis === axis && grant.untilMs > atMs) bonus += grant.amount
    return bonus
  }

  live(nowMs: number): readonly LiveGrant[] {
    return this.#live.filter(({ untilMs }) => untilMs > nowMs)
  }
}
