/** Whether a request is one that the ledger can count. A wrong one is a fault of the caller, never of an agent. */

import { AXES, AXIS_NAMES, type AxisName } from './axis.ts'
import type { Demand, ReserveRequest } from './ledger.ts'

/** A demand that no ledger can keep: thrown, so that the exchange fails closed. */
export class DemandError extends Error {
  override readonly name = 'DemandError'
}

const MAX_TEXT = 512
/** No space: stores use it to set an attempt off. */
const ATTEMPT = /^[\x21-\x7e]{1,128}$/

const ORDINALS: ReadonlyMap<AxisName, number> = new Map(AXIS_NAMES.map((axis, at) => [axis, at]))
const KEYED: ReadonlySet<AxisName> = new Set(AXIS_NAMES.filter((axis) => !['sum', 'in_flight', 'elapsed'].includes(AXES[axis].kind)))

/** @throws {DemandError} naming the field */
export function requireSound({ subject, attempt, demands, ttlMs }: ReserveRequest): void {
  if (subject === '' || subject.length > MAX_TEXT) throw new DemandError('subject: expected 1 to 512 characters')
  if (!ATTEMPT.test(attempt)) throw new DemandError('attempt: expected 1 to 128 visible ASCII characters')
  if (!(ttlMs > 0 && ttlMs < Infinity)) throw new DemandError('ttlMs: expected a finite number above 0')
  let seen = 0
  for (const demand of demands) {
    requireSoundDemand(demand)
    const bit = 1 << (ORDINALS.get(demand.axis) ?? 0)
    if ((seen & bit) !== 0) throw new DemandError(`${demand.axis}: named twice`)
    seen |= bit
  }
}

/** @throws {DemandError} naming axis and field */
export function requireSoundDemand(demand: Demand): void {
  const { axis, limit, windowMs, amount = 1, atLeast = amount, key } = demand
  const isCounted = [limit, windowMs, amount, atLeast].every(isWhole)
  if (!isCounted || atLeast > amount) throw new DemandError(`${axis}: expected whole numbers, at least 0`)
  if (KEYED.has(axis) ? key === undefined || key.length > MAX_TEXT : key !== undefined) throw new DemandError(`${axis}: expected a key of at most 512 characters with what has keys`)
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
