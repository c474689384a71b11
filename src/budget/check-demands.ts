/** Whether all demands fit an account together, and when they will. Takes nothing. */

import type { AxisName } from './axis.ts'
import type { Grants } from './grants.ts'
import type { AxisState, Demand, Refused, Wait } from './ledger.ts'
import type { LimitAt, Meter } from './meters/meter.ts'

/** A demand that may be taken. */
export interface Fit {
  readonly demand: Demand
  /** Units that may be taken: all, or what fits of a partial one. */
  readonly amount: number
  /** Units in use before, and the limit with grants. */
  readonly used: number
  readonly limit: number
  /** Where the limit is passed; taken all the same in warn mode. */
  readonly over: AxisState | undefined
}

export interface Meters {
  readonly grants: Grants
  counter(axis: AxisName): { readonly meter: Meter }
}

/** Rounds of looking for a moment that suits all axes; each round moves it on, by one grant's end at the least. */
const MAX_ROUNDS = 1000

export function checkDemands(meters: Meters, demands: readonly Demand[], nowMs: number): readonly Fit[] | Refused {
  const fits = demands.map((demand) => checkDemand(meters, demand, nowMs))
  if (fits.some(isRefusing)) {
    const shortfalls = fits.flatMap((fit) => (fit.over !== undefined && isRefusing(fit) ? [fit.over] : []))
    return { cause: 'limit', shortfalls, waitMs: waitFor(meters, demands, nowMs) }
  }
  const isFull = demands.some((demand) => demand.action === 'block' && !meters.counter(demand.axis).meter.hasRoom(demand, nowMs))
  return isFull ? { cause: 'capacity', shortfalls: [], waitMs: 'unknown' } : fits
}

function isRefusing({ demand, over }: Fit): boolean {
  return over !== undefined && demand.action === 'block'
}

function checkDemand(meters: Meters, demand: Demand, nowMs: number): Fit {
  const { meter } = meters.counter(demand.axis)
  const used = meter.used(demand, nowMs)
  const limitAt = limitOf(meters, demand)
  const limit = limitAt(nowMs)
  const amount = amountOf(demand, limit - used)
  if (meter.firstFitMs(demand, nowMs, limitAt) === nowMs) return { demand, amount, used, limit, over: undefined }
  return { demand, amount, used, limit, over: { axis: demand.axis, limit, used, asked: demand.atLeast ?? demand.amount ?? 1, windowMs: demand.windowMs } }
}

export function isShort(checked: readonly Fit[] | Refused): checked is Refused {
  return 'cause' in checked
}

function amountOf({ amount = 1, atLeast, action }: Demand, room: number): number {
  return atLeast === undefined || action === 'warn' ? amount : Math.min(amount, Math.max(room, atLeast))
}

function limitOf({ grants }: Meters, { axis, limit }: Demand): LimitAt {
  return (atMs) => limit + grants.bonus(axis, atMs)
}

/** Each axis fits from some moment on, but a grant may end before another axis fits: so until one moment suits all. */
function waitFor(meters: Meters, demands: readonly Demand[], nowMs: number): Wait {
  const blocking = demands.filter(({ action }) => action === 'block')
  let atMs = nowMs
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const moments = blocking.map((demand) => meters.counter(demand.axis).meter.firstFitMs(demand, atMs, limitOf(meters, demand)))
    if (moments.includes(Infinity)) return 'never'
    if (moments.some(Number.isNaN)) return 'unknown'
    const latestMs = Math.max(...moments)
    if (latestMs === atMs) return atMs - nowMs
    atMs = latestMs
  }
  return 'unknown'
}
