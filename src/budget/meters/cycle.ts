/** Loops: the same two to five calls over and over. Looks back over the last calls, however long ago they were. */

import type { Demand } from '../ledger.ts'
import { UNKNOWN_MOMENT, type Ending, type LimitAt, type Meter, type Moment, type Take } from './meter.ts'

const SHORTEST = 2
const LONGEST = 5
const DEFAULT_LOOK_BACK = 20
const MAX_LOOK_BACK = 512

export class CycleMeter implements Meter {
  #keys: string[] = []

  used(): number {
    return roundsOf(this.#keys)
  }

  firstFitMs({ key = '', lookBack = DEFAULT_LOOK_BACK }: Demand, fromMs: number, limitAt: LimitAt): Moment {
    const keys = [...this.#keys, key].slice(-Math.min(lookBack, MAX_LOOK_BACK))
    // Another call breaks the cycle: when that comes nobody knows.
    return roundsOf(keys) <= limitAt(fromMs) ? fromMs : UNKNOWN_MOMENT
  }

  take({ lookBack = DEFAULT_LOOK_BACK }: Demand, { key }: Take): void {
    this.#keys.push(key)
    const excess = this.#keys.length - Math.min(lookBack, MAX_LOOK_BACK)
    if (excess > 0) this.#keys.splice(0, excess)
  }

  end({ key }: Take, ending: Ending): void {
    const at = ending.kind === 'refunded' ? this.#keys.lastIndexOf(key) : -1
    if (at !== -1) this.#keys.splice(at, 1)
  }

  hasRoom(): boolean {
    return true
  }

  reset(): void {
    this.#keys = []
  }

  total(): number {
    return this.#keys.length
  }
}

/** @returns how often the last calls repeat the same cycle, the first time included; 0 where there is none */
export function roundsOf(keys: readonly string[]): number {
  let most = 0
  for (let length = SHORTEST; length <= LONGEST; length++) {
    const rounds = roundsOfLength(keys, length)
    if (rounds > 1) most = Math.max(most, rounds)
  }
  return most
}

function roundsOfLength(keys: readonly string[], length: number): number {
  const last = keys.slice(-length)
  // The same call again and again is a repeat, which has an axis of its own.
  if (last.length < length || last.every((key) => key === last[0])) return 0
  let equal = length
  while (equal < keys.length && keys[keys.length - 1 - equal] === keys[keys.length - 1 - equal + length]) equal++
  return Math.floor(equal / length)
}
