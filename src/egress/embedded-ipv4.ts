/**
 * IPv4 addresses inside IPv6 addresses: where a translator or tunnel end on the path would send the packet on to. Each of
 * them is judged like a destination of its own.
 */

import { ipv4FromNumber, type IpAddress } from '../base/ip-address.ts'

/** One way of writing an IPv4 address into an IPv6 address. */
interface Embedding {
  /** The address shifted right by this many bits equals `prefix`. */
  readonly shift: bigint
  readonly prefix: bigint
  /** The IPv4 addresses, as unsigned numbers. */
  readonly read: (value: bigint) => readonly bigint[]
}

const IPV4_BITS = 32n
const IPV4_MASK = 0xffff_ffffn
const UNSPECIFIED = 0n
const LOOPBACK = 1n
const lastBits = (value: bigint): readonly bigint[] => [value & IPV4_MASK]

const EMBEDDINGS: readonly Embedding[] = [
  // ::a.b.c.d, IPv4-compatible (RFC 4291 §2.5.5.1). `::` and `::1` are addresses of their own.
  { shift: IPV4_BITS, prefix: 0n, read: (value) => (value === UNSPECIFIED || value === LOOPBACK ? [] : lastBits(value)) },
  // ::ffff:a.b.c.d, IPv4-mapped (RFC 4291 §2.5.5.2): parsing makes it IPv4, arithmetic may not.
  { shift: IPV4_BITS, prefix: 0xffffn, read: lastBits },
  // ::ffff:0:a.b.c.d, IPv4-translated (RFC 2765 §2.1)
  { shift: IPV4_BITS, prefix: 0xffff_0000n, read: lastBits },
  // 64:ff9b::a.b.c.d, NAT64 (RFC 6052 §2.1)
  { shift: IPV4_BITS, prefix: 0x0064_ff9b_0000_0000_0000_0000n, read: lastBits },
  // 64:ff9b:1::/48, NAT64 with prefixes of the operator's own choice (RFC 8215)
  { shift: 80n, prefix: 0x0064_ff9b_0001n, read: readLocalNat64 },
  // 2002:aabb:ccdd::/48, 6to4 (RFC 3056 §2)
  { shift: 112n, prefix: 0x2002n, read: (value) => [(value >> 80n) & IPV4_MASK] },
  // 2001:0:<server>:<flags>:<port>:<client, inverted>, Teredo (RFC 4380 §4)
  { shift: 96n, prefix: 0x2001_0000n, read: (value) => [(value >> 64n) & IPV4_MASK, ~value & IPV4_MASK] },
]

/** Second half of an ISATAP address without the IPv4 address: `0:5efe` or `200:5efe` (RFC 5214 §6.1). */
const ISATAP_MARKS: ReadonlySet<bigint> = new Set([0x0000_5efen, 0x0200_5efen])

/** @returns every IPv4 address that an IPv6 address may stand for; empty for IPv4 and for plain IPv6 */
export function embeddedIpv4(address: IpAddress): readonly IpAddress[] {
  if (address.family === 4) return []
  const { value } = address
  const found = EMBEDDINGS.filter(({ shift, prefix }) => value >> shift === prefix).flatMap(({ read }) => read(value))
  if (ISATAP_MARKS.has((value >> IPV4_BITS) & IPV4_MASK)) found.push(value & IPV4_MASK)
  return found.map(ipv4FromNumber)
}

/** Lengths of a NAT64 prefix inside the /48, below 96; their layouts leave bits 64 to 71 out and end in zeros (RFC 6052 §2.2). */
const NAT64_PREFIX_BITS = [48n, 56n, 64n] as const
const BITS_AFTER_OCTET = 56n
const RESERVED_OCTET = 0xffn << BITS_AFTER_OCTET
const AFTER_OCTET = (1n << BITS_AFTER_OCTET) - 1n
const PACKED_BITS = 120n

/** The length of the prefix is not written in the address, so every layout that its zero bits permit is read. */
function readLocalNat64(value: bigint): readonly bigint[] {
  if ((value & RESERVED_OCTET) !== 0n) return lastBits(value)

  const packed = ((value >> 64n) << BITS_AFTER_OCTET) | (value & AFTER_OCTET)
  const short = NAT64_PREFIX_BITS.flatMap((prefixBits) => {
    const suffixBits = PACKED_BITS - prefixBits - IPV4_BITS
    return (packed & ((1n << suffixBits) - 1n)) === 0n ? [(packed >> suffixBits) & IPV4_MASK] : []
  })
  // Zeros of one layout read by another give an address in 0.0.0.0/8: it counts only where no layout gives a better one.
  const plausible = [...short, ...lastBits(value)].filter((candidate) => candidate >> 24n !== 0n)
  return plausible.length > 0 ? plausible : lastBits(value)
}
