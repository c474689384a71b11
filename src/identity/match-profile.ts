/**
 * From a listener and an address to a profile. The order binds (architecture, the data path): listener, source network,
 * operator default, `_default`. Where the address came from is not decided here.
 */

import type { IpAddress } from '../base/ip-address.ts'
import { createNetworkTable, type NetworkTable } from '../base/network-table.ts'
import { DEFAULT_PROFILE, type Agent, type Grade, type IdentityRules, type IdentitySource } from '../model/agent.ts'
import type { Denial } from '../model/denial.ts'

/** Who is calling. A refused caller has an agent too, so that the receipt can say who was refused. */
export interface Resolution {
  /** With a denial: profile `_default`, grade `unknown`; its address is the best one known. */
  readonly agent: Agent
  /** `identity_unresolved` or `identity_conflict`; absent where the caller may go on. */
  readonly denial?: Denial
}

/** The rules of the configuration in the form in which they are searched. Made once per reload. */
export interface IdentityIndex {
  readonly rules: IdentityRules
  /** Profile by source network. */
  readonly networks: NetworkTable<string>
  readonly trustedProxies: NetworkTable<true>
}

export interface Caller {
  readonly listener: string
  /** The address the caller is held to; `undefined` where it cannot be known. */
  readonly address: IpAddress | undefined
  /** What vouched for the address, where that was not the TCP connection itself. */
  readonly via?: 'x-forwarded-for' | 'forwarded' | 'proxy_v2'
}

/** One rule that names a profile for a caller. */
export interface Evidence {
  readonly source: IdentitySource
  readonly profile: string
  readonly rule: string
}

/** In place of a rule or an address that does not exist. */
const NOTHING = '-'

const GRADES: Record<IdentitySource, Grade> = {
  listener: 'bound',
  cidr: 'bound',
  'operator-default': 'config-default',
  none: 'unknown',
}

export function createIdentityIndex(rules: IdentityRules): IdentityIndex {
  return {
    rules,
    networks: createNetworkTable(rules.networks.map(({ network, profile }) => ({ network, value: profile }))),
    trustedProxies: createNetworkTable(rules.trustedProxies.map((network) => ({ network, value: true as const }))),
  }
}

export function isTrustedProxy(index: IdentityIndex, address: IpAddress): boolean {
  return index.trustedProxies.find(address) !== undefined
}

export function matchProfile(index: IdentityIndex, caller: Caller): Resolution {
  if (isBlind(index.rules, caller)) {
    return refuse(caller, 'identity_unresolved', 'the address of the caller is unknown, and the rules need it')
  }
  const evidence = evidenceFor(index, caller)
  const conflict = conflictIn(evidence)
  if (conflict !== undefined) return refuse(caller, 'identity_conflict', conflict)

  const [strongest] = evidence
  if (strongest !== undefined) return { agent: agentOf(caller, strongest) }
  if (index.rules.unmatched === 'deny') {
    return refuse(caller, 'identity_unresolved', 'no listener, source network or operator default matches the caller')
  }
  return { agent: unknownAgent(caller) }
}

/** @returns every rule that names a profile for the caller, strongest first */
export function evidenceFor({ rules, networks }: IdentityIndex, { listener, address }: Caller): Evidence[] {
  const evidence: Evidence[] = []
  const listenerProfile = rules.listeners.get(listener)
  if (listenerProfile !== undefined) evidence.push({ source: 'listener', profile: listenerProfile, rule: listener })

  const entry = address && networks.find(address)
  if (entry !== undefined) evidence.push({ source: 'cidr', profile: entry.value, rule: entry.network.text })

  if (rules.operatorDefault !== undefined) {
    evidence.push({ source: 'operator-default', profile: rules.operatorDefault, rule: NOTHING })
  }
  return evidence
}

export function refuse(caller: Caller, reason: 'identity_unresolved' | 'identity_conflict', detail: string): Resolution {
  return { agent: unknownAgent(caller), denial: { reason, detail } }
}

/** Whether the address is unknown although an answer depends on it: then nothing else may answer in its place. */
export function isBlind({ networks, forwarded }: IdentityRules, { address }: Caller): boolean {
  return address === undefined && (networks.length > 0 || forwarded !== 'none')
}

function conflictIn(evidence: readonly Evidence[]): string | undefined {
  const listener = evidence.find(({ source }) => source === 'listener')
  const network = evidence.find(({ source }) => source === 'cidr')
  if (listener === undefined || network === undefined || listener.profile === network.profile) return undefined
  return `listener ${listener.rule} belongs to profile ${listener.profile}, source network ${network.rule} to profile ${network.profile}`
}

function unknownAgent(caller: Caller): Agent {
  return agentOf(caller, { source: 'none', profile: DEFAULT_PROFILE, rule: NOTHING })
}

function agentOf({ address, via }: Caller, { source, profile, rule }: Evidence): Agent {
  return {
    profile,
    grade: GRADES[source],
    source,
    rule: via === undefined ? rule : `${rule} via ${via}`,
    address: address?.text ?? NOTHING,
  }
}
