/** Names of an account's keys, all in one hash slot, and the values that the scripts read. */

import { AXES, AXIS_NAMES, type AxisName } from '../axis.ts'
import type { Demand } from '../ledger.ts'

const DEFAULT_LOOK_BACK = 20
const MAX_LOOK_BACK = 512
const NOT_PARTIAL = -1

/** What names the keys of one axis of an account. */
export interface AxisPlace {
  readonly axis: AxisName
  readonly key: string
  readonly windowMs: number
}

/** @returns the hash tag with its braces; a subject cannot leave it, since `%` escapes both braces */
export function tagOf(namespace: string, subject: string): string {
  return `{${namespace}:${encodeURIComponent(subject)}}`
}

/** @returns the subject of an account's meta key; undefined where it is none of the namespace */
export function subjectOf(namespace: string, metaKey: string): string | undefined {
  const [start, end] = [`{${namespace}:`, '}:m']
  if (!metaKey.startsWith(start) || !metaKey.endsWith(end)) return undefined
  return decodeURIComponent(metaKey.slice(start.length, -end.length))
}

export function keysOf(tag: string, places: readonly Pick<AxisPlace, 'axis' | 'key'>[]): string[] {
  return [`${tag}:m`, `${tag}:grants`, `${tag}:leases`, `${tag}:open`, ...places.flatMap(({ axis, key }) => axisKeys(tag, axis, key))]
}

const KEYED = new Set<string>(['retry', 'repeat', 'failures_in_row'])

function axisKeys(tag: string, axis: AxisName, key: string): [string, string] {
  const base = `${tag}:${axis}`
  return [KEYED.has(AXES[axis].kind) ? `${base}:k:${key}` : base, `${base}:i`]
}

/** Keys for a reset: of what is counted per key the common start, from which the script makes the names. */
export function resetKeysOf(tag: string, axes: readonly AxisName[]): string[] {
  const pairs = axes.map((axis): [string, string] => [KEYED.has(AXES[axis].kind) ? `${tag}:${axis}:k` : `${tag}:${axis}`, `${tag}:${axis}:i`])
  return [...keysOf(tag, []), ...pairs.flat()]
}

/** Axes that end with their attempts: renewed, and not reset. */
export const IN_FLIGHT_AXES = AXIS_NAMES.filter((axis) => ['in_flight', 'targets_in_flight'].includes(AXES[axis].kind))

export function demandValues({ axis, limit, windowMs, action, amount = 1, atLeast, key = '', lookBack = DEFAULT_LOOK_BACK }: Demand): (string | number)[] {
  const kind = AXES[axis].kind
  const units = kind === 'cycle' ? Math.min(lookBack, MAX_LOOK_BACK) : amount
  return [axis, kind, limit, windowMs, action, units, atLeast ?? NOT_PARTIAL, key]
}

/** @param units what was used, -1 for all of it */
export function placeValues({ axis, key, windowMs }: AxisPlace, units: number): (string | number)[] {
  return [axis, AXES[axis].kind, 0, windowMs, 'block', units, NOT_PARTIAL, key]
}
