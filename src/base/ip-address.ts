/** IPv4 and IPv6 addresses as numbers, with one canonical text each. No I/O, no policy. */

import { isIPv4, isIPv6 } from 'node:net'

export interface IpAddress {
  readonly family: 4 | 6
  /** The 32 or 128 bits, as an unsigned number. */
  readonly value: bigint
  /** Canonical text: dotted decimal, or RFC 5952. Never a zone. */
  readonly text: string
  /** Scope zone (`eth0` of `fe80::1%eth0`), where one was written. */
  readonly zone?: string
}

const GROUP_BITS = 16n
const MAPPED_PREFIX = 0xffffn
const IPV4_BITS = 32n
const IPV4_MASK = 0xffffffffn

/**
 * Reads an address. An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) is the IPv4 address: dual-stack sockets write it so.
 *
 * @returns `undefined` where `text` is not exactly one address; octal, hexadecimal and short IPv4 forms are not.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (isIPv4(text)) return ipv4FromNumber(ipv4Value(text))
  if (!isIPv6(text)) return undefined

  const [address = '', zone] = text.split('%', 2)
  const value = ipv6Value(address)
  if (value >> IPV4_BITS === MAPPED_PREFIX) return ipv4FromNumber(value & IPV4_MASK)
  return { family: 6, value, text: ipv6Text(value), ...(zone !== undefined && { zone }) }
}

/** @returns whether `text` is the canonical form of an IPv4 address: four decimal numbers without leading zeros */
export function isDottedIpv4(text: string): boolean {
  return isIPv4(text)
}

export function ipv4FromNumber(value: bigint): IpAddress {
  const text = [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.')
  return { family: 4, value, text }
}

export function ipv6FromNumber(value: bigint): IpAddress {
  return { family: 6, value, text: ipv6Text(value) }
}

function ipv4Value(text: string): bigint {
  return text.split('.').reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n)
}

function ipv6Value(text: string): bigint {
  const [front = '', back] = text.split('::', 2)
  const before = groupsOf(front)
  const after = back === undefined ? [] : groupsOf(back)
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0n)
  return [...before, ...zeros, ...after].reduce((sum, group) => (sum << GROUP_BITS) | group, 0n)
}

function groupsOf(text: string): bigint[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)]
    const embedded = ipv4Value(group)
    return [embedded >> GROUP_BITS, embedded & 0xffffn]
  })
}

/** RFC 5952 §4: lower case, no leading zeros, the longest run of at least two zero groups as `::`, the first of equals. */
function ipv6Text(value: bigint): string {
  const groups = [7n, 6n, 5n, 4n, 3n, 2n, 1n, 0n].map((at) => ((value >> (at * GROUP_BITS)) & 0xffffn).toString(16))
  let best = { start: -1, length: 1 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === '0') length++
    if (length > best.length) best = { start, length }
  }
  if (best.start < 0) return groups.join(':')
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`
}
