/** Credit: what of an axis is durable ahead of its use. Types, and the credit of a store that keeps nothing. */

import type { AxisName } from '../axis.ts'
import type { Fit } from '../check-demands.ts'
import type { Meter, Take } from '../meters/meter.ts'
import type { Fact } from '../row.ts'

export interface Credit {
  /**
   * @param waiting attempts that wait for something durable: so large the next block should be
   * @returns what must be durable before the fit may be taken; nothing where it is
   */
  cover(fit: Fit, nowMs: number, waiting: number): Fact[]
  /** Told when a covered fit is taken. */
  spend(fit: Fit): void
  /** Told once a fact is durable. */
  confirm(fact: Fact): void
  /** Puts a fact that was read back into the meter. @param nowMs now: what a fact says of later did not happen */
  restore(fact: Fact, nowMs: number): void
  /** @returns what should become durable after an end, without anybody waiting */
  changed(take: Take, nowMs: number): Fact[]
  /** Forgets the credit: what is not used counts as not spent. */
  reset(): void
  /** @returns all that is to be kept, credit included */
  snapshot(nowMs: number): Fact[]
}

/** @returns undefined for axes that are not kept */
export type CreditFor = (axis: AxisName, meter: Meter) => Credit | undefined

const NOTHING: Fact[] = []

export const NO_CREDIT: Credit = {
  cover: () => NOTHING,
  spend: () => undefined,
  confirm: () => undefined,
  restore: () => undefined,
  changed: () => NOTHING,
  reset: () => undefined,
  snapshot: () => NOTHING,
}
