/** Takes out the findings that the operator has declared to be none. All findings are gathered before; core rules stay. */

import { matchesHost, isHostPatternFault, parseHostPattern, type HostPattern } from '../base/host-pattern.ts'
import { isCoreRule } from '../model/core-rules.ts'
import type { Target } from '../model/exchange.ts'
import type { Finding } from '../model/finding.ts'
import type { Suppression } from '../model/policy.ts'

const PATTERNS = new WeakMap<Suppression, HostPattern>()

export interface SuppressionPlace {
  readonly target: Pick<Target, 'host' | 'port' | 'path'>
  readonly nowMs: number
}

/** @returns the findings that count */
export function withoutSuppressed(findings: readonly Finding[], entries: readonly Suppression[], place: SuppressionPlace): readonly Finding[] {
  if (findings.length === 0 || entries.length === 0) return findings
  const inForce = entries.filter((entry) => isInForce(entry, place))
  return inForce.length === 0 ? findings : findings.filter(({ rule }) => isCoreRule(rule) || !inForce.some((entry) => entry.rule === rule))
}

function isInForce(entry: Suppression, { target, nowMs }: SuppressionPlace): boolean {
  if (entry.expiresAtMs !== undefined && nowMs >= entry.expiresAtMs) return false
  if (entry.path !== undefined && !isPathOf(entry.path, target.path)) return false
  const pattern = entry.host === undefined ? undefined : patternOf(entry, entry.host)
  return pattern === undefined ? entry.host === undefined : matchesHost(pattern, target.host, target.port)
}

/** The query does not count. */
function isPathOf(wanted: string, path: string): boolean {
  const plain = path.replace(/[?#].*$/s, '')
  return wanted.endsWith('*') ? plain.startsWith(wanted.slice(0, -1)) : plain === wanted
}

function patternOf(entry: Suppression, host: string): HostPattern | undefined {
  let pattern = PATTERNS.get(entry)
  if (pattern === undefined) {
    const parsed = parseHostPattern(host)
    if (isHostPatternFault(parsed)) return undefined
    pattern = parsed
    PATTERNS.set(entry, pattern)
  }
  return pattern
}
