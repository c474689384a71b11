/** Credit: what of an axis is durable ahead of its use. Types, and the credit of a store that keeps nothing. */

import type { AxisName } from './axis.ts'
import type { Fit } from './check-demands.ts'
import type { Meter, Take } from './meters/meter.ts'
import type { Fact } from './row.ts'

export interface Credit {
  /** @returns what must be durable before the fit may be taken; undefined where it is */
  cover(fit: Fit, nowMs: number, waiting: number): Fact[] | undefined
  /** Told once a fact is durable, or read back. */
  confirm(fact: Fact, nowMs: number): void
  /** @returns what should become durable after an end, without anybody waiting */
  changed(take: Take, nowMs: number): Fact[]
  reset(): void
  /** @returns all that is to be kept, as it is now */
  snapshot(nowMs: number): Fact[]
}

/** @returns undefined for axes that are not kept */
export type CreditFor = (axis: AxisName, meter: Meter) => Credit | undefined

const NOTHING: Fact[] = []

export const NO_CREDIT: Credit = {
  cover: () => undefined,
  confirm: () => undefined,
  changed: () => NOTHING,
  reset: () => undefined,
  snapshot: () => NOTHING,
}
