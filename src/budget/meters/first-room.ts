/** When there is room among things that leave one after another. */

export interface Leaving {
  readonly atMs: number
  readonly amount: number
}

/**
 * @param leaving in order of time, all that is held
 * @returns the first moment from `fromMs` on at which what is left then fits; Infinity = never
 */
export function firstRoomMs(leaving: readonly Leaving[], fromMs: number, fits: (left: number, atMs: number) => boolean): number {
  let left = 0
  for (const { amount } of leaving) left += amount
  let atMs = fromMs
  for (const next of leaving) {
    if (next.atMs > atMs) {
      if (fits(left, atMs)) return atMs
      atMs = next.atMs
    }
    left -= next.amount
  }
  return fits(left, atMs) ? atMs : Infinity
}

/** @param windowMs 0 = never leaves */
export function leavesAtMs(lastMs: number, windowMs: number): number {
  return windowMs === 0 ? Infinity : lastMs + windowMs
}
