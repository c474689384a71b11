/**
 * Asks the DNS for the addresses of one name: A and AAAA side by side, over c-ares sockets. Never `dns.lookup`: its thread
 * pool has four threads for the whole process, and four slow names would stop every file read as well.
 */

import { Resolver } from 'node:dns/promises'

import { parseIpAddress, type IpAddress } from '../base/ip-address.ts'

export interface DnsAnswer {
  /** IPv4 before IPv6, each in the order of the answer, without repeats; never empty. */
  readonly addresses: readonly IpAddress[]
  /** The shortest of all records. */
  readonly ttlSeconds: number
}

export interface DnsFailure {
  /** As Node names it: `ENOTFOUND` and `ENODATA` are answers, everything else is trouble. */
  readonly code: string
}

export interface DnsClientOptions {
  /** `address` or `address:port`, IPv6 in brackets with a port; absent: those of the system, as they are now. */
  readonly servers?: readonly string[]
  readonly timeoutMs: number
}

export interface DnsQuery {
  /** Never rejects. */
  readonly outcome: Promise<DnsAnswer | DnsFailure>
  /** Ends the query with the failure `ETIMEOUT`. */
  cancel(): void
}

export interface DnsClient {
  /**
   * Sends the two questions from a channel of their own: a fresh source port for each name makes a forged answer harder to
   * land, a cancelled name takes no other with it, and the system's list of servers is read anew.
   *
   * @param name asked as it is: there is no search list
   */
  query(name: string): DnsQuery
}

const TRIES = 3
const TRIES_SHARE = 4
/** After one family has answered, the other may take this share of the time-out: some servers never answer AAAA. */
const SECOND_FAMILY_SHARE = 4

interface FamilyAnswer {
  readonly records: readonly { address: string; ttl: number }[]
  readonly code?: string
}

/** @throws {TypeError} where `servers` holds what is not an address */
export function createDnsClient({ servers, timeoutMs }: DnsClientOptions): DnsClient {
  const openChannel = (): Resolver => {
    const resolver = new Resolver({ timeout: Math.ceil(timeoutMs / TRIES_SHARE), tries: TRIES })
    if (servers !== undefined) resolver.setServers(servers)
    return resolver
  }
  openChannel()
  return { query: (name) => query(name, openChannel(), timeoutMs) }
}

function query(name: string, resolver: Resolver, timeoutMs: number): DnsQuery {
  const cancel = (): void => {
    resolver.cancel()
  }
  const timers = [setTimeout(cancel, timeoutMs)]
  const waitLittle = (answer: FamilyAnswer): FamilyAnswer => {
    if (answer.records.length > 0) timers.push(setTimeout(cancel, timeoutMs / SECOND_FAMILY_SHARE))
    return answer
  }
  const outcome = Promise.all([
    settle(resolver.resolve4(name, { ttl: true })).then(waitLittle),
    settle(resolver.resolve6(name, { ttl: true })).then(waitLittle),
  ]).then(([four, six]) => {
    timers.forEach(clearTimeout)
    return combine(four, six)
  })
  return { outcome, cancel }
}

export function isDnsFailure(outcome: DnsAnswer | DnsFailure): outcome is DnsFailure {
  return 'code' in outcome
}

/** Whether the failure says that the name has no address, and not that nobody could be asked. */
export function isNegativeAnswer({ code }: DnsFailure): boolean {
  return code === 'ENOTFOUND' || code === 'ENODATA'
}

function settle(question: Promise<{ address: string; ttl: number }[]>): Promise<FamilyAnswer> {
  return question.then(
    (records) => ({ records }),
    (error: unknown) => ({ records: [], code: codeOf(error) }),
  )
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'EUNKNOWN'
  return code === 'ECANCELLED' ? 'ETIMEOUT' : code
}

function combine(four: FamilyAnswer, six: FamilyAnswer): DnsAnswer | DnsFailure {
  const records = [...four.records, ...six.records]
  const addresses = new Map<string, IpAddress>()
  for (const record of records) {
    const address = parseIpAddress(record.address)
    if (address !== undefined) addresses.set(address.text, address)
  }
  if (addresses.size > 0) {
    return { addresses: [...addresses.values()], ttlSeconds: Math.min(...records.map(({ ttl }) => ttl)) }
  }

  const codes = [four.code ?? 'ENODATA', six.code ?? 'ENODATA']
  return { code: codes.find((code) => !isNegativeAnswer({ code })) ?? codes[0] ?? 'ENODATA' }
}
