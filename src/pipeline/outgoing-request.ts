/**
 * The request in the form in which it leaves. Built before the scan, so that what is scanned is what is sent: fields of
 * this hop, of other proxies, and claims about who is calling are gone; `Host` and `Via` are ours.
 */

import { hopByHopNames } from '../egress/index.ts'
import type { OutgoingRequest, RequestHead, Target } from '../model/exchange.ts'
import { headerValues, withoutHeaders, type RawHeaders } from '../model/raw-headers.ts'

/** Never forwarded: framing is written anew, addresses of our side stay ours, and identity is not the caller's to state. */
const NEVER_FORWARDED: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'expect',
  'via',
  'forwarded',
  'x-real-ip',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-forwarded-prefix',
  'x-pipelock-agent',
  'pipelock-mediation',
  'chaperone-call',
  'chaperone-head',
  'chaperone-refused-by',
])

const DEFAULT_PORTS = { http: 80, https: 443 } as const

/** @param via our own Via member, for example `1.1 chaperone (3f2a…)` */
export function buildOutgoing(head: RequestHead, body: Buffer, via: string): OutgoingRequest {
  const kept = withoutHeaders(head.headers, NEVER_FORWARDED, hopByHopNames(head.headers))
  const headers = ['Host', hostField(head.target), ...kept, 'Via', [...headerValues(head.headers, 'via'), via].join(', ')]
  return { method: head.method, target: head.target, headers, body }
}

/** @returns the authority of the target, the port left out where it is the scheme's own */
export function hostField({ scheme, host, port }: Target): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === DEFAULT_PORTS[scheme] ? name : `${name}:${port}`
}

const ACCEPT_ENCODING: ReadonlySet<string> = new Set(['accept-encoding'])

/** Asks for an answer that the scanners can read: no content coding. */
export function withIdentityCoding(headers: RawHeaders): RawHeaders {
  return [...withoutHeaders(headers, ACCEPT_ENCODING), 'Accept-Encoding', 'identity']
}
