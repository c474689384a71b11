/**
 * Decides whether an address may be dialled. Only public addresses may, unless the operator opened the address (a network
 * of `ssrf.ip_allowlist`) or its name (`trusted_domains`); what an IPv6 address embeds must pass as well.
 */

import type { IpAddress } from '../base/ip-address.ts'
import { networkContains, type Network } from '../base/network.ts'
import { embeddedIpv4 } from './embedded-ipv4.ts'
import { addressBlockOf } from './special-purpose.ts'

export interface AddressRules {
  /** Networks that may be dialled although they are not public, metadata endpoints and multicast included. */
  readonly allowNetworks: readonly Network[]
  /**
   * Whether the name is one whose addresses may be internal: private use, shared space, loopback, unique local. Link-local
   * addresses, metadata endpoints, multicast, unspecified, broadcast and the rest stay refused.
   */
  readonly trusted: boolean
}

/** Why an address is refused. */
export interface AddressRefusal {
  /** Canonical text of what was refused: the address, or the IPv4 address inside it. */
  readonly address: string
  /** Name and source of the block, for example `private use (RFC 1918)`. */
  readonly block: string
}

/** @returns the first refusal, the address before what it embeds; `undefined` where it may be dialled. An address with a zone never may. */
export function checkAddress(address: IpAddress, rules: AddressRules): AddressRefusal | undefined {
  if (address.zone !== undefined) return { address: address.text, block: 'address with a zone' }
  const refusal = checkOne(address, rules)
  if (refusal !== undefined || address.family === 4) return refusal

  for (const embedded of embeddedIpv4(address)) {
    const inner = checkOne(embedded, rules)
    if (inner !== undefined) return inner
  }
  return undefined
}

function checkOne(address: IpAddress, { allowNetworks, trusted }: AddressRules): AddressRefusal | undefined {
  const { name, source, reach } = addressBlockOf(address)
  // A translated address passes here, for the IPv4 address inside it decides.
  if (reach === 'public' || reach === 'translated') return undefined
  if (trusted && reach === 'internal') return undefined
  if (allowNetworks.some((network) => networkContains(network, address))) return undefined
  return { address: address.text, block: `${name} (${source})` }
}
