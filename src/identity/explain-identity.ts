/** How an identity comes about, step by step, for an operator who asks before any traffic does. */

import { parseIpAddress } from '../base/ip-address.ts'
import type { IdentityRules } from '../model/agent.ts'
import { createIdentityIndex, evidenceFor, isBlind, matchProfile, type Caller, type Evidence, type Resolution } from './match-profile.ts'

/** One kind of evidence, in the order in which it is considered. */
export interface IdentityStep {
  readonly source: 'listener' | 'cidr' | 'operator-default' | 'unmatched'
  /** `decides`: this names the profile. `agrees`: it names the same one. `conflicts`: the two differ, and the caller is refused. */
  readonly effect: 'no match' | 'decides' | 'agrees' | 'conflicts' | 'not reached'
  /** What the step names, also where it is not reached. */
  readonly profile?: string
  readonly rule?: string
}

export interface IdentityExplanation {
  /** Canonical text; `undefined` where the question held no address. */
  readonly address: string | undefined
  readonly steps: readonly IdentityStep[]
  /** Every configured source network that contains the address, longest prefix first: the first is the one that counts. */
  readonly networks: readonly { readonly network: string; readonly profile: string }[]
  /** The `trusted_proxies` entry that contains the address: such a peer speaks for its clients, by `forwarded`, not for itself. */
  readonly trustedProxy?: string
  readonly forwarded: IdentityRules['forwarded']
  /** For a caller held to this address: of a trusted proxy, what a client with its address would be. */
  readonly result: Resolution
}

/** @param listener configured address of the listener, as written; absent: one that belongs to no profile */
export function explainIdentity(rules: IdentityRules, addressText: string, listener = ''): IdentityExplanation {
  const index = createIdentityIndex(rules)
  const address = parseIpAddress(addressText)
  const caller = { listener, address }
  const result = matchProfile(index, caller)
  // Where no header is read, an entry of `trusted_proxies` changes nothing.
  const trustedProxy = address && rules.forwarded !== 'none' ? index.trustedProxies.find(address)?.network.text : undefined
  return {
    address: address?.text,
    steps: explainSteps(rules, caller, evidenceFor(index, caller), result),
    networks: address ? index.networks.findAll(address).map(({ network, value }) => ({ network: network.text, profile: value })) : [],
    ...(trustedProxy !== undefined && { trustedProxy }),
    forwarded: rules.forwarded,
    result,
  }
}

function explainSteps(rules: IdentityRules, caller: Caller, evidence: readonly Evidence[], result: Resolution): IdentityStep[] {
  const blind = isBlind(rules, caller)
  const steps = (['listener', 'cidr', 'operator-default'] as const).map((source): IdentityStep => {
    const found = evidence.find((one) => one.source === source)
    if (found === undefined) return { source, effect: 'no match' }
    const effect = blind ? 'not reached' : effectOf(found, evidence[0], result)
    return { source, effect, profile: found.profile, rule: found.rule }
  })
  const reached = evidence.length === 0 && !blind
  return [...steps, { source: 'unmatched', effect: reached ? 'decides' : 'not reached', rule: rules.unmatched }]
}

function effectOf(found: Evidence, strongest: Evidence | undefined, { denial }: Resolution): IdentityStep['effect'] {
  if (found.source === 'operator-default') return found === strongest ? 'decides' : 'not reached'
  if (denial !== undefined) return 'conflicts'
  return found === strongest ? 'decides' : 'agrees'
}
