/** From what the scripts answer to the ledger's terms. */

import { AXIS_NAMES, type AxisName } from '../axis.ts'
import type { AxisState, Crossing, Demand, Granted, OpenLease, Refused, SubjectUsage, Wait } from '../ledger.ts'
import type { StoreLease } from './store-lease.ts'

const NEVER = -1
const VALUES_PER_GRANT = 4
const VALUES_PER_SHORTFALL = 3
const VALUES_PER_AXIS = 3
const VALUES_PER_LEASE = 4
const CROSSED_BEFORE = 1

type Reply = readonly unknown[]

/** @param reply after `ok` and the fencing token: given, used, limit and crossing of each demand */
export function readGranted(reply: Reply, demands: readonly Demand[], lease: StoreLease): Granted {
  const partial = new Map<AxisName, number>()
  const crossings: Crossing[] = []
  demands.forEach((demand, at) => {
    const [given = 0, used = 0, limit = 0, crossing = 0] = numbers(reply, 2 + at * VALUES_PER_GRANT, VALUES_PER_GRANT)
    if (demand.atLeast !== undefined) partial.set(demand.axis, given)
    if (crossing >= CROSSED_BEFORE) crossings.push({ ...stateOf(demand, used, limit), isFirst: crossing > CROSSED_BEFORE })
  })
  return { lease, partial, crossings }
}

/** @param reply after `limit` the wait, then which demand, used and limit of each shortfall */
export function readShort(reply: Reply, demands: readonly Demand[]): Refused {
  const [wait = NEVER] = numbers(reply, 1, 1)
  const shortfalls: AxisState[] = []
  for (let at = 2; at < reply.length; at += VALUES_PER_SHORTFALL) {
    const [index = 0, used = 0, limit = 0] = numbers(reply, at, VALUES_PER_SHORTFALL)
    const demand = demands[index - 1]
    if (demand !== undefined) shortfalls.push(stateOf(demand, used, limit))
  }
  return { cause: 'limit', shortfalls, waitMs: waitOf(wait) }
}

/** @param reply after `ok` and frozen: total, window and bonus of each axis, then four values of each open lease */
export function readUsage(subject: string, reply: Reply): SubjectUsage {
  const axes = AXIS_NAMES.flatMap((axis, at) => {
    const [used = 0, windowMs = 0, granted = 0] = numbers(reply, 2 + at * VALUES_PER_AXIS, VALUES_PER_AXIS)
    return used === 0 && granted === 0 ? [] : [{ axis, used, windowMs, granted }]
  })
  const leases: OpenLease[] = []
  for (let at = 2 + AXIS_NAMES.length * VALUES_PER_AXIS; at < reply.length; at += VALUES_PER_LEASE) {
    const [attempt = '', owner = '', isExpired = '', taken = ''] = reply.slice(at, at + VALUES_PER_LEASE).map(String)
    leases.push({ attempt, owner, isExpired: isExpired === '1', axes: AXIS_NAMES.filter((axis) => taken.split(',').includes(axis)) })
  }
  return { subject, frozen: reply[1] === '1', axes, leases }
}

function numbers(reply: Reply, from: number, count: number): number[] {
  return reply.slice(from, from + count).map(Number)
}

function waitOf(wait: number): Wait {
  if (wait >= 0) return wait
  return wait === NEVER ? 'never' : 'unknown'
}

function stateOf({ axis, amount = 1, atLeast, windowMs }: Demand, used: number, limit: number): AxisState {
  return { axis, limit, used, asked: atLeast ?? amount, windowMs }
}
