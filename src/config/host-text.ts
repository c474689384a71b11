/** Listener addresses, name servers and networks as a configuration writes them. Text only: nothing is resolved. */

import { ipv4FromNumber, ipv6FromNumber, parseIpAddress } from '../base/ip-address.ts'
import { parseNetwork, isNetworkFault, type Network } from '../base/network.ts'

/** A place to listen at. */
export interface ListenAddress {
  /** Canonical text: `127.0.0.1:8888`, `[::1]:8888`. The listener's name in identity rules, logs and receipts. */
  readonly text: string
  /** Canonical address, IPv6 without brackets; `localhost` is 127.0.0.1. */
  readonly host: string
  /** 0 lets the operating system choose. */
  readonly port: number
}

const MAX_PORT = 65_535

/** @param text an IPv4 address, a bracketed IPv6 address or `localhost`, and a port */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const parts = hostAndPort(text)
  if (parts === undefined) return undefined
  const host = parts.host === 'localhost' ? '127.0.0.1' : parseIpAddress(parts.host)?.text
  if (host === undefined || parts.host.includes('%')) return undefined
  return { text: endpointText(host, parts.port), host, port: parts.port }
}

/** @returns `address:port` of a name server, port 53 where none is written */
export function parseNameServer(text: string): string | undefined {
  const bare = parseIpAddress(text)
  const parts = bare === undefined ? hostAndPort(text) : { host: text, port: 53 }
  const host = bare ?? (parts === undefined ? undefined : parseIpAddress(parts.host))
  if (parts === undefined || host === undefined || host.zone !== undefined || parts.port === 0) return undefined
  return endpointText(host.text, parts.port)
}

export function isLoopback({ host }: ListenAddress): boolean {
  return host.startsWith('127.') || host === '::1'
}

/** @returns whether the two cannot both be bound, or (port 0) could not be told apart by name */
export function listenersCollide(a: ListenAddress, b: ListenAddress): boolean {
  if (a.port !== b.port) return false
  if (a.host === b.host) return true
  return a.port !== 0 && (covers(a.host, b.host) || covers(b.host, a.host))
}

/** `::` is bound dual-stack and so takes the port in both families. */
function covers(wildcard: string, host: string): boolean {
  return wildcard === '::' || (wildcard === '0.0.0.0' && !host.includes(':'))
}

function hostAndPort(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(0|[1-9][0-9]{0,4})$/.exec(text)
  if (match === null) return undefined
  const port = Number(match[3])
  const host = match[1] ?? match[2] ?? ''
  if (port > MAX_PORT || (match[1] !== undefined) !== host.includes(':')) return undefined
  return { host, port }
}

function endpointText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** @returns the network with its host bits cleared (`10.42.3.7/24` is 10.42.3.0/24), or `undefined` where it is none even then */
export function parseNetworkLoosely(text: string): Network | undefined {
  const [addressText = '', prefixText = ''] = text.split('/')
  const address = parseIpAddress(addressText)
  if (address === undefined || !/^[0-9]{1,3}$/.test(prefixText)) return undefined
  const bits = address.family === 4 ? 32 : 128
  if (Number(prefixText) > bits) return undefined

  const hostBits = BigInt(bits - Number(prefixText))
  const value = (address.value >> hostBits) << hostBits
  const masked = (address.family === 4 ? ipv4FromNumber(value) : ipv6FromNumber(value)).text
  const network = parseNetwork(`${masked}/${prefixText}`)
  return isWrittenPlainly(addressText, masked) && !isNetworkFault(network) ? network : undefined
}

/** What is not a network for another reason (a zone, IPv4-mapped IPv6) must not become one by being rewritten. */
function isWrittenPlainly(written: string, masked: string): boolean {
  return !written.includes('%') && written.includes(':') === masked.includes(':')
}
