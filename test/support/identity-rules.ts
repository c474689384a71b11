/** Identity rules and connections for tests: only what a test is about is written down. */

import assert from 'node:assert/strict'

import { isNetworkFault, parseNetwork, type Network } from '../../src/base/network.ts'
import type { Connection, IdentityRules } from '../../src/model/agent.ts'

export interface RulesInWords {
  /** Profile by listener address. */
  readonly listeners?: Readonly<Record<string, string>>
  /** Profile by network in CIDR notation. */
  readonly networks?: Readonly<Record<string, string>>
  readonly trustedProxies?: readonly string[]
  readonly forwarded?: IdentityRules['forwarded']
  readonly operatorDefault?: string
  readonly unmatched?: IdentityRules['unmatched']
}

export function identityRules(words: RulesInWords = {}): IdentityRules {
  return {
    listeners: new Map(Object.entries(words.listeners ?? {})),
    networks: Object.entries(words.networks ?? {}).map(([text, profile]) => ({ network: networkOf(text), profile })),
    trustedProxies: (words.trustedProxies ?? []).map(networkOf),
    forwarded: words.forwarded ?? 'none',
    ...(words.operatorDefault !== undefined && { operatorDefault: words.operatorDefault }),
    unmatched: words.unmatched ?? 'default',
  }
}

/** @returns a new connection, from that peer, at the listener `127.0.0.1:8888` unless told otherwise */
export function connectionFrom(peerAddress: string, rest: Partial<Connection> = {}): Connection {
  return { listener: '127.0.0.1:8888', peerPort: 40_000, ...rest, peerAddress }
}

export function networkOf(text: string): Network {
  const network = parseNetwork(text)
  assert.ok(!isNetworkFault(network), `not a network: ${text}`)
  return network
}
