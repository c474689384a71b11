/**
 * Decides which agent a caller is. No header is read except the one in which a configured proxy names its client, and that
 * one only on connections from that proxy: where it is missing or unclear the caller is refused, never guessed.
 */

import { parseIpAddress } from '../base/ip-address.ts'
import type { Agent, Connection, IdentityRules } from '../model/agent.ts'
import type { RawHeaders } from '../model/raw-headers.ts'
import { createIdentityIndex, isTrustedProxy, matchProfile, refuse, type Caller, type IdentityIndex, type Resolution } from './match-profile.ts'
import { walkHops } from './walk-hops.ts'

export interface IdentityResolver {
  /**
   * Who sends a request. Total: without a denial, exactly one profile is named.
   *
   * By listener, TCP peer or PROXY header the answer is fixed for the life of `connection` once it is not a refusal, and
   * a reload does not change it: pass the same object for every request of a socket. A profile so named may have gone with
   * a reload; that is for the caller to see. By a trusted proxy's header the answer is worked out for every request.
   */
  resolve(connection: Connection, headers: RawHeaders): Resolution
  /** Whether the connection carries requests of many clients, each named in a trusted proxy's header: it is no agent's own. */
  isShared(connection: Connection): boolean
  /**
   * Whether a connection keeps a profile that the rules in force now would not give it.
   *
   * @returns the profile it keeps and the one it would have, `undefined` for a refusal; nothing where they agree
   */
  changeOf(connection: Connection): IdentityChange | undefined
  /** Whether a connection from this TCP peer must begin with a PROXY v2 header; from all others none is accepted. */
  expectsProxyHeader(peerAddress: string): boolean
  /** Puts the rules of a reloaded configuration in force, for connections that are not yet fixed. */
  setRules(rules: IdentityRules): void
}

export interface IdentityChange {
  readonly from: Agent
  readonly to: string | undefined
}

export function createIdentityResolver(rules: IdentityRules): IdentityResolver {
  let index = createIdentityIndex(rules)
  const fixed = new WeakMap<Connection, Resolution>()

  return {
    resolve: (connection, headers) => {
      const hop = forwardingHop(index, connection)
      if (hop !== undefined) return resolveForwarded(index, hop, headers)

      const known = fixed.get(connection)
      if (known !== undefined) return known
      const resolution = resolveConnection(index, connection)
      // A refusal fixes nothing: a reload that adds the missing network takes effect at once.
      if (resolution.denial === undefined) fixed.set(connection, resolution)
      return resolution
    },
    isShared: (connection) => forwardingHop(index, connection) !== undefined,
    changeOf: (connection) => {
      const from = fixed.get(connection)?.agent
      if (from === undefined || forwardingHop(index, connection) !== undefined) return undefined
      const now = resolveConnection(index, connection)
      const to = now.denial === undefined ? now.agent.profile : undefined
      return to === from.profile ? undefined : { from, to }
    },
    expectsProxyHeader: (peerAddress) => index.rules.forwarded === 'proxy_v2' && isTrustedPeer(index, peerAddress),
    setRules: (reloaded) => {
      index = createIdentityIndex(reloaded)
    },
  }
}

interface ForwardingHop {
  readonly field: 'x-forwarded-for' | 'forwarded'
  readonly caller: Caller
}

/** @returns the hop behind a connection that carries requests of many clients, named in a header; `undefined` for any other */
function forwardingHop(index: IdentityIndex, { listener, peerAddress, proxied }: Connection): ForwardingHop | undefined {
  const field = index.rules.forwarded
  if (proxied !== undefined || field === 'none' || field === 'proxy_v2') return undefined
  const address = parseIpAddress(peerAddress)
  if (address === undefined || !isTrustedProxy(index, address)) return undefined
  return { field, caller: { listener, address } }
}

function resolveForwarded(index: IdentityIndex, { field, caller }: ForwardingHop, headers: RawHeaders): Resolution {
  const client = walkHops(headers, field, (address) => isTrustedProxy(index, address))
  if ('fault' in client) return refuse(caller, 'identity_unresolved', client.fault)
  return matchProfile(index, { ...caller, address: client, via: field })
}

function resolveConnection(index: IdentityIndex, { listener, peerAddress, proxied }: Connection): Resolution {
  const peer: Caller = { listener, address: parseIpAddress(peerAddress) }
  if (proxied === undefined) {
    // Ingress lets no such connection through; a reload can still turn its peer into a trusted proxy before the first request.
    if (index.rules.forwarded === 'proxy_v2' && isTrustedPeer(index, peerAddress)) {
      return refuse(peer, 'identity_unresolved', 'a trusted proxy opened the connection without a PROXY header')
    }
    return matchProfile(index, peer)
  }
  const address = parseIpAddress(proxied)
  if (address === undefined) return refuse(peer, 'identity_unresolved', 'the PROXY header names no client address')
  return matchProfile(index, { listener, address, via: 'proxy_v2' })
}

function isTrustedPeer(index: IdentityIndex, peerAddress: string): boolean {
  const address = parseIpAddress(peerAddress)
  return address !== undefined && isTrustedProxy(index, address)
}
