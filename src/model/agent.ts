/** Who is calling, and how sure we are of it. */

import type { Network } from '../base/network.ts'

/**
 * How an identity was established, strongest first (identity.md §1.3). `attested` and `verified` belong to evidence
 * that no surface of this version collects.
 */
export type Grade = 'attested' | 'verified' | 'bound' | 'config-default' | 'unknown'

/** Which evidence named the profile. */
export type IdentitySource = 'listener' | 'cidr' | 'operator-default' | 'none'

export interface Agent {
  /** Name of the profile in the configuration; `_default` for callers that nothing matched. Fixed per connection. */
  readonly profile: string
  readonly grade: Grade
  readonly source: IdentitySource
  /** The listener address, the network in CIDR text, or `-`: what matched, for log and receipt. */
  readonly rule: string
  /** Canonical text of the address the caller is held to: the peer's, or the one a trusted hop vouched for. */
  readonly address: string
}

/** What the configuration says about telling callers apart. Plain frozen data, swapped whole by a reload. */
export interface IdentityRules {
  /** Profile by configured listener address, for listeners that belong to one profile. */
  readonly listeners: ReadonlyMap<string, string>
  readonly networks: readonly { readonly network: Network; readonly profile: string }[]
  readonly trustedProxies: readonly Network[]
  /** How a trusted hop names its client; `none` where no hop is trusted. */
  readonly forwarded: 'none' | 'x-forwarded-for' | 'forwarded' | 'proxy_v2'
  /** Profile the operator gives to every caller that nothing else matched (`default_agent_identity`). */
  readonly operatorDefault?: string
  readonly unmatched: 'default' | 'deny'
}

/** Reserved name of the profile of traffic that no other profile matches. */
export const DEFAULT_PROFILE = '_default'

/** What ingress knows of a connection when it is accepted, captured once: a destroyed socket has no address. */
export interface Connection {
  /** Configured address of the listener, as written, for example `127.0.0.1:8888`. */
  readonly listener: string
  /** Address of the TCP peer as Node gives it; may be IPv4-mapped or carry a zone. Empty when already gone. */
  readonly peerAddress: string
  readonly peerPort: number
  /** Client address out of a PROXY v2 header; `unresolved` for UNSPEC, Unix or LOCAL; absent where none is configured. */
  readonly proxied?: string
}
