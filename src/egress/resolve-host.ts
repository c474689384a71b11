/**
 * From a host to the addresses that may be dialled: literal, special name, hosts file, DNS. Every address is checked against
 * the caller's rules at every use, and the addresses given out are the ones that were checked: nobody resolves again.
 */

import { LRUCache } from 'lru-cache'

import type { Clock } from '../base/clock.ts'
import { parseIpAddress, type IpAddress } from '../base/ip-address.ts'
import type { Denial } from '../model/denial.ts'
import { checkAddress, type AddressRules } from './address-policy.ts'
import { createDnsClient, isDnsFailure, isNegativeAnswer, type DnsAnswer, type DnsFailure, type DnsQuery } from './dns-query.ts'
import { embeddedIpv4 } from './embedded-ipv4.ts'
import { openHostsFile } from './hosts-file.ts'

export interface Resolved {
  /**
   * Checked, never empty, at most 16: IPv4 first, since it also works on hosts that have IPv6 addresses but no route;
   * within a family in the order of the answer. Try them in this order.
   */
  readonly addresses: readonly IpAddress[]
}

export interface ResolverOptions {
  /** DNS servers, `address` or `address:port`; absent: the system's. */
  readonly servers?: readonly string[]
  /** Path of the hosts file. */
  readonly hostsFile: string
  /** For a name altogether, both families and all tries. */
  readonly timeoutMs: number
  /** Longest life of an answer in the cache, whatever its TTL; 0 = no cache. */
  readonly cacheSeconds: number
  readonly maxCacheEntries: number
  readonly clock: Clock
  /** Whether the address and port are the companion's own, or a protected application's: never a destination. */
  readonly protectedAddress: (address: IpAddress, port: number) => boolean
  /** Told of every name that was asked for, or could not be; answers out of the cache, literals and the hosts file are none. */
  readonly onLookup?: (tookMs: number, ending: 'resolved' | 'failed') => void
}

export interface HostResolver {
  /**
   * Answers at once for literals, special names, the hosts file and what the cache holds; the promise never rejects.
   *
   * @param host canonical, as in `Target.host`; one trailing dot is ignored
   * @returns a denial `dns_failed`, `ssrf_address` (any single address is refused) or `protected_target`
   */
  resolve(host: string, port: number, rules: AddressRules): Promise<Resolved | Denial> | Resolved | Denial
  /** Ends the queries under way; they are answered `dns_failed`. */
  close(): void
}

/** What is known of a name, apart from anybody's rules. */
interface KnownHost {
  readonly addresses: readonly IpAddress[]
  /** The addresses, and every IPv4 address inside them. */
  readonly reached: readonly IpAddress[]
  /** Whether no rule is needed to dial any of them. */
  readonly isPublic: boolean
}

interface CachedHost {
  readonly known: KnownHost | Denial
  readonly untilMs: number
}

const NO_EXEMPTION: AddressRules = { allowNetworks: [], trusted: false }
/** More than any real service has; such an answer is an attempt to make us work. */
const MAX_ADDRESSES = 64
const MAX_DIALLED_PER_FAMILY = 8
/** Distinct names asked at a time: each has a socket of its own. */
const MAX_QUERIES = 512
const NEGATIVE_CACHE_SECONDS = 5
const TROUBLE_CACHE_SECONDS = 1
const MS_PER_SECOND = 1000

/** Loopback without asking anybody (RFC 6761 §6.3). */
const LOCALHOST = knownHost(['127.0.0.1', '::1'].flatMap((text) => parseIpAddress(text) ?? []))

/** Top-level names that the DNS does not have: asking would only tell others (RFC 6761, 6762, 7686, 9476). */
const NAMES_NOT_ASKED: ReadonlySet<string> = new Set(['alt', 'invalid', 'local', 'onion'])

/** @throws {TypeError} where `servers` holds what is not an address; the configuration is checked before */
export function createResolver(options: ResolverOptions): HostResolver {
  const hosts = openHostsFile(options.hostsFile, options.clock)
  const literals = createLiteralCache(options)
  const listedHost = createListMemory()
  const names = createNameCache(options)
  const failAtOnce = (detail: string): Denial => {
    options.onLookup?.(0, 'failed')
    return dnsFailed(detail)
  }

  return {
    resolve: (host, port, rules) => {
      const name = host.endsWith('.') ? host.slice(0, -1) : host
      const admit = (known: KnownHost | Denial): Resolved | Denial => admitHost(known, port, { rules, options })

      const literal = literals.find(name)
      if (literal !== undefined) return admit(literal)
      if (name === 'localhost' || name.endsWith('.localhost')) return admit(LOCALHOST)
      const listed = hosts.lookup(name)
      if (listed !== undefined) return admit(listedHost(listed))
      if (NAMES_NOT_ASKED.has(name.slice(name.lastIndexOf('.') + 1))) return failAtOnce('a name that is not in the DNS')

      const known = names.find(name)
      return known instanceof Promise ? known.then(admit) : admit(known)
    },
    close: () => {
      names.close()
    },
  }
}

interface Admission {
  readonly rules: AddressRules
  readonly options: ResolverOptions
}

/** One address that may not be dialled refuses the name: who mixes internal addresses in wants them dialled. */
function admitHost(known: KnownHost | Denial, port: number, { rules, options }: Admission): Resolved | Denial {
  if ('reason' in known) return known
  const own = known.reached.find((address) => options.protectedAddress(address, port))
  if (own !== undefined) return { reason: 'protected_target', detail: `${own.text} port ${port}` }
  for (const address of known.isPublic ? [] : known.addresses) {
    const refusal = checkAddress(address, rules)
    if (refusal !== undefined) return { reason: 'ssrf_address', detail: `${refusal.address}: ${refusal.block}` }
  }
  return { addresses: dialled(known.addresses) }
}

function dialled(addresses: readonly IpAddress[]): readonly IpAddress[] {
  if (addresses.length <= MAX_DIALLED_PER_FAMILY) return addresses
  const ofFamily = (family: 4 | 6): IpAddress[] => addresses.filter((address) => address.family === family).slice(0, MAX_DIALLED_PER_FAMILY)
  return [...ofFamily(4), ...ofFamily(6)]
}

function knownHost(addresses: readonly IpAddress[]): KnownHost {
  const reached = addresses.flatMap((address) => [address, ...embeddedIpv4(address)])
  return { addresses, reached, isPublic: addresses.every((address) => checkAddress(address, NO_EXEMPTION) === undefined) }
}

/** The hosts file gives the same list until the file changes, so what is known of a list is kept as long as the list. */
function createListMemory(): (addresses: readonly IpAddress[]) => KnownHost {
  const remembered = new WeakMap<readonly IpAddress[], KnownHost>()
  return (addresses) => {
    const known = remembered.get(addresses)
    if (known !== undefined) return known
    const first = knownHost(addresses)
    remembered.set(addresses, first)
    return first
  }
}

/** Addresses written as such, parsed and classified once. Apart from the names: spraying addresses pushes no name out. */
function createLiteralCache({ maxCacheEntries }: ResolverOptions): { find(text: string): KnownHost | undefined } {
  const cache = new LRUCache<string, KnownHost>({ max: maxCacheEntries })
  return {
    find: (text) => {
      const cached = cache.get(text)
      if (cached !== undefined) return cached
      const address = parseIpAddress(text)
      if (address === undefined) return undefined
      const known = knownHost([address])
      cache.set(text, known)
      return known
    },
  }
}

interface NameCache {
  find(name: string): Promise<KnownHost | Denial> | KnownHost | Denial
  close(): void
}

/** The DNS behind a bounded cache; callers that ask for the same name at the same time share one query. */
function createNameCache({ servers, timeoutMs, cacheSeconds, maxCacheEntries, clock, onLookup }: ResolverOptions): NameCache {
  const dns = createDnsClient({ timeoutMs, ...(servers !== undefined && { servers }) })
  const cache = new LRUCache<string, CachedHost>({ max: maxCacheEntries })
  const pending = new Map<string, { query: DnsQuery; known: Promise<KnownHost | Denial> }>()

  async function ask(name: string, query: DnsQuery): Promise<KnownHost | Denial> {
    const startedMs = clock.monotonicMs()
    const outcome = await query.outcome
    pending.delete(name)
    const known = readOutcome(outcome)
    onLookup?.(clock.monotonicMs() - startedMs, 'reason' in known ? 'failed' : 'resolved')
    const untilMs = clock.monotonicMs() + Math.min(lifeSeconds(outcome), cacheSeconds) * MS_PER_SECOND
    cache.set(name, { known, untilMs })
    return known
  }

  return {
    find: (name) => {
      const cached = cache.get(name)
      if (cached !== undefined && clock.monotonicMs() < cached.untilMs) return cached.known
      const asked = pending.get(name)
      if (asked !== undefined) return asked.known
      if (pending.size >= MAX_QUERIES) return dnsFailed('too many names are being resolved')

      const query = dns.query(name)
      const known = ask(name, query)
      pending.set(name, { query, known })
      return known
    },
    close: () => {
      for (const { query } of pending.values()) query.cancel()
    },
  }
}

function readOutcome(outcome: DnsAnswer | DnsFailure): KnownHost | Denial {
  if (isDnsFailure(outcome)) return dnsFailed(outcome.code)
  if (outcome.addresses.length > MAX_ADDRESSES) return dnsFailed(`more than ${MAX_ADDRESSES} addresses`)
  return knownHost(outcome.addresses)
}

function lifeSeconds(outcome: DnsAnswer | DnsFailure): number {
  if (!isDnsFailure(outcome)) return outcome.ttlSeconds
  return isNegativeAnswer(outcome) ? NEGATIVE_CACHE_SECONDS : TROUBLE_CACHE_SECONDS
}

function dnsFailed(detail: string): Denial {
  return { reason: 'dns_failed', detail }
}
