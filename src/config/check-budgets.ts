/**
 * Which limits the surfaces can observe. One that no surface observes would be believed and hold nothing: it does not load.
 * One that some surface observes in part loads with a warning that names the gap, unless it was asked to be exact.
 */

import type { Policy } from '../model/policy.ts'
import { fail, warn, type Findings } from './check-agents.ts'
import type { FileBudget } from './budget-schema.ts'
import type { KeyPath } from './config-problem.ts'
import { DEFAULTS } from './defaults.ts'
import { agentEntries } from './profile-fields.ts'
import type { FileConfig } from './schema.ts'
import { surfacesOf } from './surfaces.ts'

/** Keys that set one axis, ours last: one level may use one of them. */
export const SAME_AXIS: readonly (readonly [keyof FileBudget, keyof FileBudget])[] = [
  ['max_requests_per_session', 'requests'],
  ['max_bytes_per_session', 'bytes'],
  ['max_unique_domains_per_session', 'destinations'],
]

const LIMITS = new Set<string>([
  ...SAME_AXIS.flat(),
  ...['fan_out', 'retries_per_endpoint', 'concurrent_requests', 'parallel_targets', 'wall_clock'],
])

export interface BlindSpot {
  readonly extent: 'none' | 'partial'
  readonly words: string
}

const TUNNEL_IS_ONE = 'a CONNECT tunnel counts as one request, whatever passes in it'

export function checkBudgets(file: FileConfig, findings: Findings): void {
  const levels: readonly (readonly [KeyPath, FileBudget | undefined])[] = [
    [['budget'], file.budget],
    ...agentEntries(file).map(([name, { budget }]) => [['agents', name, 'budget'], budget] as const),
  ]
  for (const [path, budget] of levels) {
    if (budget === undefined) continue
    checkSameAxis(path, budget, findings)
    checkObservable(path, budget, file, findings)
  }
}

/**
 * @param name key of the budget section
 * @returns what no surface, or some surface, cannot see of this limit; `undefined` where all see it
 */
export function blindSpot(name: string, value: unknown, { forward, connect, fetch }: Policy['surfaces']): BlindSpot | undefined {
  if (!LIMITS.has(name) || !isLimit(value)) return undefined
  if (!forward && !connect && !fetch) return { extent: 'none', words: 'every surface is switched off' }
  const words = connect ? insideTunnels(name, value) : undefined
  return words === undefined ? undefined : { extent: 'partial', words }
}

function insideTunnels(name: string, value: unknown): string | undefined {
  if (name === 'max_requests_per_session' || name === 'requests') return TUNNEL_IS_ONE
  if (name === 'retries_per_endpoint') return 'of a CONNECT tunnel only a connection that fails is seen, no retry inside it'
  const isByEndpoint = typeof value === 'object' && value !== null && 'granularity' in value && value.granularity === 'endpoint'
  return name === 'fan_out' && isByEndpoint ? 'of a CONNECT tunnel only the authority is seen, no path inside it' : undefined
}

function isLimit(value: unknown): boolean {
  if (typeof value === 'number') return value > 0
  return typeof value === 'object' && value !== null && 'limit' in value && value.limit !== 'unlimited'
}

function checkSameAxis(path: KeyPath, budget: FileBudget, findings: Findings): void {
  for (const [theirs, ours] of SAME_AXIS) {
    if (budget[theirs] !== undefined && budget[ours] !== undefined) fail(findings, [...path, theirs], `expected one of ${theirs} and ${ours}, got both: they set the same axis`)
  }
}

function checkObservable(path: KeyPath, budget: FileBudget, file: FileConfig, findings: Findings): void {
  const isExact = budget.require_exact ?? file.budget?.require_exact ?? DEFAULTS.budget.require_exact
  for (const [name, value] of Object.entries(effective(path, budget, file))) {
    const blind = blindSpot(name, value, surfacesOf(file))
    if (blind === undefined) continue
    const at = name in budget ? [...path, name] : [...path, 'require_exact']
    if (blind.extent === 'none') fail(findings, at, `expected a surface that can observe ${name}, got none: ${blind.words}`)
    else if (isExact) fail(findings, at, `expected what every surface can observe, got ${name}: ${blind.words} (forward_proxy.connect: false leaves tunnels out)`)
    else if (name in budget) warn(findings, at, blind.words)
  }
}

/** A profile that asks for exactness asks it of the limits that it inherits, too. */
function effective(path: KeyPath, budget: FileBudget, file: FileConfig): FileBudget {
  return path[0] === 'agents' && budget.require_exact === true ? { ...file.budget, ...budget } : budget
}
