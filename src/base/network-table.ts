/**
 * A map from IPv4 and IPv6 networks to values, searched by longest prefix. The networks of a family are laid out once as
 * adjoining stretches of address space; a lookup is one binary search, whatever the number of prefix lengths in use.
 */

import type { IpAddress } from './ip-address.ts'
import type { Network } from './network.ts'

export interface NetworkEntry<V> {
  readonly network: Network
  readonly value: V
}

export interface NetworkTable<V> {
  /** @returns the entry with the longest prefix among those that contain the address: the very object that was given */
  find(address: IpAddress): NetworkEntry<V> | undefined
  /** @returns every entry that contains the address, longest prefix first */
  findAll(address: IpAddress): NetworkEntry<V>[]
}

/** An entry and the next wider entry around it. */
interface Nested<V> {
  readonly entry: NetworkEntry<V>
  readonly around: Nested<V> | undefined
  /** First address after the network. */
  readonly end: bigint
}

/** Stretch `n` begins at `starts[n]`, ends where the next begins, and belongs to `owners[n]`; nothing owns a gap. */
interface Layout<V> {
  readonly starts: bigint[]
  readonly owners: (Nested<V> | undefined)[]
}

const BITS = { 4: 32, 6: 128 } as const

/**
 * @param entries in any order; nesting is allowed. Equal networks are for the configuration to refuse: of two, `find`
 * gives the later.
 */
export function createNetworkTable<V>(entries: Iterable<NetworkEntry<V>>): NetworkTable<V> {
  const all = [...entries]
  const layouts = { 4: layOut(all, 4), 6: layOut(all, 6) }
  const ownerOf = (address: IpAddress) => search(layouts[address.family], address.value)

  return {
    find: (address) => ownerOf(address)?.entry,
    findAll: (address) => {
      const found: NetworkEntry<V>[] = []
      for (let owner = ownerOf(address); owner !== undefined; owner = owner.around) found.push(owner.entry)
      return found
    },
  }
}

function layOut<V>(entries: readonly NetworkEntry<V>[], family: 4 | 6): Layout<V> {
  const layout: Layout<V> = { starts: [0n], owners: [undefined] }
  let open: Nested<V> | undefined
  // Networks nest or are disjoint, so that in this order each one's surroundings are exactly those still open.
  for (const entry of entries.filter(({ network }) => network.family === family).sort(byStartThenWidest)) {
    const { value, prefix } = entry.network
    open = closeUpTo(layout, open, value)
    open = { entry, around: open, end: value + (1n << BigInt(BITS[family] - prefix)) }
    begin(layout, value, open)
  }
  closeUpTo(layout, open, 1n << BigInt(BITS[family]))
  return layout
}

/** Ends every open network that does not reach `position`: the space after it belongs to what surrounds it. */
function closeUpTo<V>(layout: Layout<V>, open: Nested<V> | undefined, position: bigint): Nested<V> | undefined {
  let innermost = open
  while (innermost !== undefined && innermost.end <= position) {
    begin(layout, innermost.end, innermost.around)
    innermost = innermost.around
  }
  return innermost
}

function begin<V>({ starts, owners }: Layout<V>, start: bigint, owner: Nested<V> | undefined): void {
  if (starts.at(-1) === start) {
    owners[owners.length - 1] = owner
  } else {
    starts.push(start)
    owners.push(owner)
  }
}

function search<V>({ starts, owners }: Layout<V>, value: bigint): Nested<V> | undefined {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((starts[middle] ?? 0n) <= value) low = middle
    else high = middle - 1
  }
  return owners[low]
}

function byStartThenWidest(a: NetworkEntry<unknown>, b: NetworkEntry<unknown>): number {
  if (a.network.value !== b.network.value) return a.network.value < b.network.value ? -1 : 1
  return a.network.prefix - b.network.prefix
}
