/**
 * Who may speak to the admin listener: a bearer of the token, or whoever may open the socket. Names in `Host` that are not
 * ours are turned away, since that is how a page in a browser reaches loopback under its own name (DNS rebinding).
 */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

import { parseIpAddress } from '../base/ip-address.ts'
import { networkContains, type Network } from '../base/network.ts'
import { headerValues } from '../model/raw-headers.ts'

export type AdminTransport = 'tcp' | 'socket'

const LOOPBACK_V4: Network = { family: 4, value: 0x7f000000n, prefix: 8, text: '127.0.0.0/8' }
const LOOPBACK_V6 = '::1'
const BEARER = /^Bearer ([\x21-\x7e]+)$/i

/**
 * @param token as it stands in its file, without line end; `undefined` or empty: nobody bears it
 * @returns a check of the Authorization field that takes the same time for every wrong token and keeps no token
 */
export function createTokenCheck(token: string | undefined): (request: IncomingMessage) => boolean {
  const expected = token === undefined || token === '' ? undefined : digestOf(token)
  return (request) => {
    const fields = headerValues(request.rawHeaders, 'authorization')
    const offered = fields.length === 1 ? BEARER.exec(fields[0] ?? '')?.[1] : undefined
    return expected !== undefined && offered !== undefined && timingSafeEqual(expected, digestOf(offered))
  }
}

/** Equal length whatever was offered, so that comparing tells nothing of the length either. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest()
}

/**
 * @param names that may stand in `Host` besides `localhost`, loopback addresses, and the address the caller connected to
 * @returns why a request is turned away, or `undefined`
 */
export function createOriginCheck(names: readonly string[]): (request: IncomingMessage) => 'host' | 'origin' | undefined {
  // A listener on '' is one on every address: no name, so no Host either.
  const known = new Set(['localhost', ...names.filter((name) => name !== '').map((name) => name.toLowerCase())])
  return (request) => {
    const hosts = headerValues(request.rawHeaders, 'host')
    const host = hosts.length === 1 ? (hosts[0] ?? '') : ''
    if (!isKnownHost(withoutPort(host), known, request.socket.localAddress)) return 'host'
    return isCrossOrigin(request, host) ? 'origin' : undefined
  }
}

/** @returns whether a page of another origin made a browser send this */
export function isCrossOrigin(request: IncomingMessage, host: string): boolean {
  const site = request.headers['sec-fetch-site']
  if (site === 'cross-site' || site === 'same-site') return true
  return headerValues(request.rawHeaders, 'origin').some((origin) => origin.toLowerCase() !== `http://${host.toLowerCase()}`)
}

function isKnownHost(name: string, known: ReadonlySet<string>, localAddress: string | undefined): boolean {
  const address = parseIpAddress(name)
  if (address === undefined) return known.has(name)
  if (address.text === LOOPBACK_V6 || networkContains(LOOPBACK_V4, address) || known.has(name)) return true
  // An address cannot be rebound; this one is where the connection really ended (a probe by pod address).
  return localAddress !== undefined && parseIpAddress(localAddress)?.text === address.text
}

/** @returns the lower-cased name or address before an optional port; '' where there is none */
function withoutPort(host: string): string {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@]+))(?::[0-9]{1,5})?$/i.exec(host)
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase()
}
