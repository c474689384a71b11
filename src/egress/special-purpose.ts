/**
 * Address space by what it is for: the IANA special-purpose registries of IPv4 and IPv6 (as of 2026), the address space
 * registries around them, and the metadata endpoints of cloud providers. Longest prefix wins. A table: rows and nothing else.
 *
 * Stricter than the registries in one point: blocks that they call globally reachable (anycast of NAT gateways, TURN, AMT,
 * AS112, identifiers) are refused too. No origin lives there, and the nearest router, often one's own, is who answers.
 */

import type { IpAddress } from '../base/ip-address.ts'
import { createNetworkTable } from '../base/network-table.ts'
import { isNetworkFault, parseNetwork } from '../base/network.ts'

/**
 * `public`: may be dialled. `translated`: what counts is the IPv4 address inside. `internal`: a name that the operator
 * trusts may have such an address. `never`: only a network in the allow list opens it.
 */
export type Reach = 'public' | 'translated' | 'internal' | 'never'

export interface AddressBlock {
  /** CIDR text. */
  readonly network: string
  readonly name: string
  /** RFC, or the provider whose documentation names the address. */
  readonly source: string
  readonly reach: Reach
}

export const ADDRESS_BLOCKS: readonly AddressBlock[] = [
  // IPv4 https://www.iana.org/assignments/iana-ipv4-special-registry
  { network: '0.0.0.0/0', name: 'public', source: 'RFC 791', reach: 'public' },
  { network: '0.0.0.0/8', name: 'this network', source: 'RFC 791', reach: 'never' },
  { network: '0.0.0.0/32', name: 'unspecified', source: 'RFC 1122', reach: 'never' },
  { network: '10.0.0.0/8', name: 'private use', source: 'RFC 1918', reach: 'internal' },
  { network: '100.64.0.0/10', name: 'shared address space', source: 'RFC 6598', reach: 'internal' },
  { network: '127.0.0.0/8', name: 'loopback', source: 'RFC 1122', reach: 'internal' },
  { network: '169.254.0.0/16', name: 'link local', source: 'RFC 3927', reach: 'never' },
  { network: '172.16.0.0/12', name: 'private use', source: 'RFC 1918', reach: 'internal' },
  { network: '192.0.0.0/24', name: 'IETF protocol assignments', source: 'RFC 6890', reach: 'never' },
  { network: '192.0.0.0/29', name: 'IPv4 service continuity', source: 'RFC 7335', reach: 'never' },
  { network: '192.0.0.8/32', name: 'IPv4 dummy address', source: 'RFC 7600', reach: 'never' },
  { network: '192.0.0.9/32', name: 'port control protocol anycast', source: 'RFC 7723', reach: 'never' },
  { network: '192.0.0.10/32', name: 'TURN anycast', source: 'RFC 8155', reach: 'never' },
  { network: '192.0.0.170/32', name: 'NAT64 discovery', source: 'RFC 8880', reach: 'never' },
  { network: '192.0.0.171/32', name: 'NAT64 discovery', source: 'RFC 8880', reach: 'never' },
  { network: '192.0.2.0/24', name: 'documentation', source: 'RFC 5737', reach: 'never' },
  { network: '192.31.196.0/24', name: 'AS112', source: 'RFC 7535', reach: 'never' },
  { network: '192.52.193.0/24', name: 'automatic multicast tunnelling', source: 'RFC 7450', reach: 'never' },
  { network: '192.88.99.0/24', name: '6to4 relay anycast', source: 'RFC 7526', reach: 'never' },
  { network: '192.88.99.2/32', name: '6a44 relay anycast', source: 'RFC 6751', reach: 'never' },
  { network: '192.168.0.0/16', name: 'private use', source: 'RFC 1918', reach: 'internal' },
  { network: '192.175.48.0/24', name: 'AS112', source: 'RFC 7534', reach: 'never' },
  { network: '198.18.0.0/15', name: 'benchmarking', source: 'RFC 2544', reach: 'never' },
  { network: '198.51.100.0/24', name: 'documentation', source: 'RFC 5737', reach: 'never' },
  { network: '203.0.113.0/24', name: 'documentation', source: 'RFC 5737', reach: 'never' },
  { network: '224.0.0.0/4', name: 'multicast', source: 'RFC 5771', reach: 'never' },
  { network: '240.0.0.0/4', name: 'reserved', source: 'RFC 1112', reach: 'never' },
  { network: '255.255.255.255/32', name: 'limited broadcast', source: 'RFC 919', reach: 'never' },

  // IPv6 https://www.iana.org/assignments/iana-ipv6-special-registry and /ipv6-address-space
  { network: '::/0', name: 'outside global unicast', source: 'RFC 4291', reach: 'never' },
  { network: '2000::/3', name: 'public', source: 'RFC 4291', reach: 'public' },
  { network: '::/96', name: 'IPv4-compatible', source: 'RFC 4291', reach: 'never' },
  { network: '::/128', name: 'unspecified', source: 'RFC 4291', reach: 'never' },
  { network: '::1/128', name: 'loopback', source: 'RFC 4291', reach: 'internal' },
  { network: '::ffff:0:0:0/96', name: 'IPv4-translated', source: 'RFC 2765', reach: 'never' },
  { network: '64:ff9b::/96', name: 'NAT64', source: 'RFC 6052', reach: 'translated' },
  { network: '64:ff9b:1::/48', name: 'local-use NAT64', source: 'RFC 8215', reach: 'never' },
  { network: '100::/64', name: 'discard only', source: 'RFC 6666', reach: 'never' },
  { network: '100:0:0:1::/64', name: 'dummy prefix', source: 'RFC 9780', reach: 'never' },
  { network: '2001::/23', name: 'IETF protocol assignments', source: 'RFC 2928', reach: 'never' },
  { network: '2001::/32', name: 'Teredo', source: 'RFC 4380', reach: 'never' },
  { network: '2001:1::1/128', name: 'port control protocol anycast', source: 'RFC 7723', reach: 'never' },
  { network: '2001:1::2/128', name: 'TURN anycast', source: 'RFC 8155', reach: 'never' },
  { network: '2001:1::3/128', name: 'service registration anycast', source: 'RFC 9665', reach: 'never' },
  { network: '2001:2::/48', name: 'benchmarking', source: 'RFC 5180', reach: 'never' },
  { network: '2001:3::/32', name: 'automatic multicast tunnelling', source: 'RFC 7450', reach: 'never' },
  { network: '2001:4:112::/48', name: 'AS112', source: 'RFC 7535', reach: 'never' },
  { network: '2001:10::/28', name: 'ORCHID, deprecated', source: 'RFC 4843', reach: 'never' },
  { network: '2001:20::/28', name: 'ORCHIDv2', source: 'RFC 7343', reach: 'never' },
  { network: '2001:30::/28', name: 'drone remote identifiers', source: 'RFC 9374', reach: 'never' },
  { network: '2001:db8::/32', name: 'documentation', source: 'RFC 3849', reach: 'never' },
  { network: '2002::/16', name: '6to4', source: 'RFC 3056', reach: 'never' },
  { network: '2620:4f:8000::/48', name: 'AS112', source: 'RFC 7534', reach: 'never' },
  { network: '3fff::/20', name: 'documentation', source: 'RFC 9637', reach: 'never' },
  { network: '5f00::/16', name: 'segment routing identifiers', source: 'RFC 9602', reach: 'never' },
  { network: 'fc00::/7', name: 'unique local', source: 'RFC 4193', reach: 'internal' },
  { network: 'fe80::/10', name: 'link local', source: 'RFC 4291', reach: 'never' },
  { network: 'fec0::/10', name: 'site local, deprecated', source: 'RFC 3879', reach: 'never' },
  { network: 'ff00::/8', name: 'multicast', source: 'RFC 4291', reach: 'never' },

  // Metadata endpoints: they hand out credentials to whoever can reach them, so a trusted name does not open them either.
  { network: '100.100.100.200/32', name: 'cloud metadata', source: 'Alibaba Cloud', reach: 'never' },
  { network: '168.63.129.16/32', name: 'cloud metadata', source: 'Azure', reach: 'never' },
  { network: '169.254.0.23/32', name: 'cloud metadata', source: 'Tencent Cloud', reach: 'never' },
  { network: '169.254.42.42/32', name: 'cloud metadata', source: 'Scaleway', reach: 'never' },
  { network: '169.254.169.254/32', name: 'cloud metadata', source: 'AWS, Azure, Google Cloud and others', reach: 'never' },
  { network: '169.254.170.2/32', name: 'cloud metadata', source: 'AWS ECS', reach: 'never' },
  { network: '169.254.170.23/32', name: 'cloud metadata', source: 'AWS EKS', reach: 'never' },
  { network: '192.0.0.192/32', name: 'cloud metadata', source: 'Oracle Cloud', reach: 'never' },
  { network: 'fd00:42::42/128', name: 'cloud metadata', source: 'Scaleway', reach: 'never' },
  { network: 'fd00:ec2::23/128', name: 'cloud metadata', source: 'AWS EKS', reach: 'never' },
  { network: 'fd00:ec2::254/128', name: 'cloud metadata', source: 'AWS', reach: 'never' },
  { network: 'fd20:ce::254/128', name: 'cloud metadata', source: 'Google Cloud', reach: 'never' },
  { network: 'fe80::a9fe:a9fe/128', name: 'cloud metadata', source: 'OpenStack', reach: 'never' },
]

/** Never met: every address has a row. Fail closed if a row is lost. */
const UNLISTED: AddressBlock = { network: '', name: 'unlisted', source: '', reach: 'never' }

const TABLE = createNetworkTable(
  ADDRESS_BLOCKS.map((block) => {
    const network = parseNetwork(block.network)
    if (isNetworkFault(network)) throw new RangeError(`${block.network}: expected ${network.expected}`)
    return { network, value: block }
  }),
)

/** @returns the most specific block that holds the address; the text of an IPv4-mapped address has its IPv4 block */
export function addressBlockOf(address: IpAddress): AddressBlock {
  return TABLE.find(address)?.value ?? UNLISTED
}
