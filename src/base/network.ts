/** IPv4 and IPv6 networks in CIDR notation (RFC 4632, RFC 4291 §2.3). */

import { ipv4FromNumber, ipv6FromNumber, parseIpAddress, type IpAddress } from './ip-address.ts'

export interface Network {
  readonly family: 4 | 6
  /** First address of the network. */
  readonly value: bigint
  /** Length of the prefix, 0 to 32 or 128. */
  readonly prefix: number
  /** Canonical CIDR text. */
  readonly text: string
}

/** Why a text is not a network: the words after `expected …` in an error. */
export interface NetworkFault {
  readonly expected: string
}

const BITS = { 4: 32, 6: 128 } as const

/**
 * @param text `10.0.0.0/8`, `2001:db8::/32`, or one bare address
 * @returns a fault where it is not a network, has host bits set, carries a zone, or writes an IPv4 network as a mapped one
 */
export function parseNetwork(text: string): Network | NetworkFault {
  const [addressText = '', prefixText, ...rest] = text.split('/')
  const address = parseIpAddress(addressText)
  if (address === undefined || rest.length > 0) return { expected: 'a network in CIDR notation, like 10.0.0.0/8 or 2001:db8::/32' }
  if (address.zone !== undefined) return { expected: 'a network without a zone' }
  if (address.family === 4 && addressText.includes(':')) return { expected: 'an IPv4 network in dotted form, not IPv4-mapped IPv6' }

  const bits = BITS[address.family]
  const prefix = prefixText === undefined ? bits : parsePrefix(prefixText, bits)
  if (prefix === undefined) return { expected: `a prefix length from 0 to ${bits}` }

  const network = { family: address.family, value: address.value, prefix, text: `${address.text}/${prefix}` }
  const hostBits = address.value & hostMask(network)
  if (hostBits !== 0n) return { expected: `no host bits: ${maskedText(address, network)}` }
  return network
}

function parsePrefix(text: string, bits: number): number | undefined {
  if (!/^(0|[1-9][0-9]{0,2})$/.test(text)) return undefined
  const prefix = Number(text)
  return prefix <= bits ? prefix : undefined
}

export function isNetworkFault(parsed: Network | NetworkFault): parsed is NetworkFault {
  return 'expected' in parsed
}

export function networkContains(network: Network, address: IpAddress): boolean {
  return network.family === address.family && (address.value & ~hostMask(network)) === network.value
}

/** @returns whether the two share at least one address: one then contains the other */
export function networksOverlap(a: Network, b: Network): boolean {
  if (a.family !== b.family) return false
  const wider = a.prefix <= b.prefix ? a : b
  const narrower = wider === a ? b : a
  return (narrower.value & ~hostMask(wider)) === wider.value
}

function hostMask({ family, prefix }: { family: 4 | 6; prefix: number }): bigint {
  return (1n << BigInt(BITS[family] - prefix)) - 1n
}

function maskedText(address: IpAddress, network: { family: 4 | 6; prefix: number }): string {
  const value = address.value & ~hostMask(network)
  const masked = network.family === 4 ? ipv4FromNumber(value) : ipv6FromNumber(value)
  return `${masked.text}/${network.prefix}`
}
