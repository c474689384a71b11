/** What must hold between the profiles, their networks and the rules of identity. */

import { DEFAULT_PROFILE } from '../model/agent.ts'
import { isNetworkFault, networksOverlap, parseNetwork, type Network } from '../base/network.ts'
import { problemAt } from './check-shape.ts'
import { shownText, type ConfigProblem, type KeyPath } from './config-problem.ts'
import { agentEntries } from './profile-fields.ts'
import { readNetwork } from './read-network.ts'
import type { FileConfig } from './schema.ts'
import type { SourceDocument } from './yaml-source.ts'

/** Collects what the checks find. */
export interface Findings {
  readonly source: SourceDocument
  readonly errors: ConfigProblem[]
  readonly warnings: ConfigProblem[]
}

interface Claim {
  readonly profile: string
  readonly path: KeyPath
  readonly network: Network
}

export function checkAgents(file: FileConfig, findings: Findings): void {
  checkNames(file, findings)
  checkTrustedHops(file, findings)
  for (const [path, texts] of networkLists(file)) checkNetworks(path, texts, file, findings)
  checkOverlaps(claims(file), file.identity?.overlap ?? 'refuse', findings)
}

export function fail({ source, errors }: Findings, path: KeyPath, message: string): void {
  errors.push(problemAt(source, path, message))
}

export function warn({ source, warnings }: Findings, path: KeyPath, message: string): void {
  warnings.push(problemAt(source, path, message))
}

function checkNames(file: FileConfig, findings: Findings): void {
  const names = new Set([DEFAULT_PROFILE, ...agentEntries(file).map(([name]) => name)])
  const references: (readonly [KeyPath, string | undefined])[] = [
    [['default_agent_identity'], file.default_agent_identity],
    ...(file.kill_switch?.agents ?? []).map((name, at) => [['kill_switch', 'agents', at], name] as const),
  ]
  for (const [path, name] of references) {
    if (name !== undefined && !names.has(name)) fail(findings, path, `expected the name of a profile under agents, got ${shownText(name)}`)
  }
  checkUnmatched(file, findings)
}

function checkUnmatched(file: FileConfig, findings: Findings): void {
  if (file.identity?.unmatched !== 'deny') return
  const path = ['identity', 'unmatched']
  if (file.default_agent_identity !== undefined) fail(findings, path, 'expected default, got deny: default_agent_identity leaves no caller unmatched')
  else if (namedAgents(file) === 0) fail(findings, path, 'expected a profile under agents, got none: deny would refuse every caller')
}

/** @returns how many profiles beside `_default` the file has */
export function namedAgents(file: FileConfig): number {
  return agentEntries(file).filter(([name]) => name !== DEFAULT_PROFILE).length
}

function checkTrustedHops(file: FileConfig, findings: Findings): void {
  const forwarded = file.identity?.forwarded ?? 'none'
  const hops = file.identity?.trusted_proxies ?? []
  if (forwarded !== 'none' && hops.length === 0) {
    fail(findings, ['identity', 'forwarded'], `expected identity.trusted_proxies beside it, got ${forwarded} and no trusted hop`)
  }
  if (forwarded === 'none' && hops.length > 0) {
    fail(findings, ['identity', 'trusted_proxies'], 'expected identity.forwarded beside it, got trusted hops and no word on how they name their clients')
  }
}

function networkLists(file: FileConfig): (readonly [KeyPath, readonly string[]])[] {
  const ofAgents = agentEntries(file).flatMap(([name, written]): [KeyPath, readonly string[]][] => [
    [['agents', name, 'source_cidrs'], written.source_cidrs ?? []],
    [['agents', name, 'ssrf', 'ip_allowlist'], written.ssrf?.ip_allowlist ?? []],
  ])
  return [
    [['ssrf', 'ip_allowlist'], file.ssrf?.ip_allowlist ?? []],
    [['identity', 'trusted_proxies'], file.identity?.trusted_proxies ?? []],
    ...ofAgents,
  ]
}

function checkNetworks(path: KeyPath, texts: readonly string[], file: FileConfig, findings: Findings): void {
  for (const [at, text] of texts.entries()) {
    const strict = parseNetwork(text)
    const hostBits = isNetworkFault(strict) && strict.expected.startsWith('no host bits') && file.identity?.allow_host_bits !== true
    if (isNetworkFault(strict) && hostBits) fail(findings, [...path, at], `expected ${strict.expected}, got ${shownText(text)}`)
    if (readNetwork(text)?.prefix === 0 && !mayBeAny(path, file)) {
      fail(findings, [...path, at], `expected a network smaller than the whole address space, got ${shownText(text)}`)
    }
  }
}

function mayBeAny(path: KeyPath, file: FileConfig): boolean {
  return path[2] === 'source_cidrs' && (path[1] === DEFAULT_PROFILE || file.identity?.allow_any === true)
}

function claims(file: FileConfig): Claim[] {
  return agentEntries(file).flatMap(([profile, written]) =>
    (written.source_cidrs ?? []).flatMap((text, at) => {
      const network = readNetwork(text)
      return network === undefined ? [] : [{ profile, path: ['agents', profile, 'source_cidrs', at], network }]
    }),
  )
}

/** Sorted by first address, an overlap is always with one of the networks still open: no need to compare every pair. */
function checkOverlaps(all: readonly Claim[], overlap: 'refuse' | 'most_specific', findings: Findings): void {
  const sorted = [...all].sort(byFirstAddress)
  let open: Claim[] = []
  for (const claim of sorted) {
    open = open.filter((earlier) => networksOverlap(earlier.network, claim.network))
    for (const earlier of open) judgeOverlap(earlier, claim, overlap, findings)
    open.push(claim)
  }
}

function byFirstAddress({ network: a }: Claim, { network: b }: Claim): number {
  if (a.family !== b.family) return a.family - b.family
  if (a.value !== b.value) return a.value < b.value ? -1 : 1
  return a.prefix - b.prefix
}

function judgeOverlap(wider: Claim, narrower: Claim, overlap: 'refuse' | 'most_specific', findings: Findings): void {
  const equal = wider.network.prefix === narrower.network.prefix
  const [later, earlier] = laterFirst(wider, narrower, findings)
  const other = `${earlier.network.text} of ${earlier.profile} on line ${findings.source.valueAt(earlier.path).line}`
  if (wider.profile === narrower.profile) {
    warn(findings, later.path, `${later.network.text} adds nothing or is contained: it overlaps ${other}`)
    return
  }
  if (overlap === 'most_specific' && !equal) return
  const shared = equal ? '' : ` (both hold ${narrower.network.text})`
  const rule = equal ? 'a network that no other profile has' : 'no overlap between profiles, or identity.overlap: most_specific'
  fail(findings, later.path, `expected ${rule}, got ${later.network.text} against ${other}${shared}`)
}

function laterFirst(a: Claim, b: Claim, { source }: Findings): readonly [Claim, Claim] {
  const [first, second] = [source.valueAt(a.path), source.valueAt(b.path)]
  const aIsLater = first.line > second.line || (first.line === second.line && first.column > second.column)
  return aIsLater ? [a, b] : [b, a]
}
