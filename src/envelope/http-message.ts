/** A message as it is signed: what stands on the wire, and for a request the scheme it came by, which does not. */

import type { RawHeaders } from '../model/raw-headers.ts'

export interface RequestMessage {
  readonly kind: 'request'
  /** Case kept: methods are case-sensitive (RFC 9110 §9.1). */
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** Host and port as `Host` or `:authority` has them. */
  readonly authority: string
  /** Exactly as in the request line: origin, absolute, authority (CONNECT) or asterisk form (RFC 9112 §3.2). */
  readonly requestTarget: string
  readonly headers: RawHeaders
  readonly trailers?: RawHeaders
}

export interface ResponseMessage {
  readonly kind: 'response'
  readonly status: number
  readonly headers: RawHeaders
  readonly trailers?: RawHeaders
  /** What it answers; needed for components with `req`. */
  readonly request?: RequestMessage
}

export type HttpMessage = RequestMessage | ResponseMessage

const DEFAULT_PORTS = { http: '80', https: '443' } as const

/** @returns host and port in lower case, without the port where it is the scheme's own (RFC 9421 §2.2.3) */
export function normalizedAuthority(authority: string, scheme: 'http' | 'https'): string {
  const lower = authority.toLowerCase()
  const [, host, port] = /^(.*):(\d*)$/.exec(lower) ?? []
  // A colon inside the brackets of an IPv6 address begins no port.
  if (host === undefined || (host.startsWith('[') && !host.endsWith(']'))) return lower
  return port === '' || port === DEFAULT_PORTS[scheme] ? host : lower
}

export interface TargetParts {
  /** Absolute, as RFC 9110 §7.1 rebuilds it from the request. */
  readonly uri: string
  /** As written; empty where there is none. */
  readonly path: string
  /** With its question mark; `undefined` where there is none. */
  readonly query: string | undefined
}

/** @returns the target of the request, nothing in it decoded or normalised */
export function targetParts({ scheme, authority, requestTarget }: RequestMessage): TargetParts {
  if (requestTarget.startsWith('/')) return { uri: `${scheme}://${authority}${requestTarget}`, ...pathAndQuery(requestTarget) }
  const [, afterAuthority] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/is.exec(requestTarget) ?? []
  if (afterAuthority !== undefined) return { uri: requestTarget, ...pathAndQuery(afterAuthority) }
  // Asterisk form: the server as a whole. Authority form: the target of a tunnel (RFC 9112 §3.3).
  return { uri: `${scheme}://${requestTarget === '*' ? authority : requestTarget}`, path: '', query: undefined }
}

function pathAndQuery(text: string): { path: string; query: string | undefined } {
  const mark = text.indexOf('?')
  return mark === -1 ? { path: text, query: undefined } : { path: text.slice(0, mark), query: text.slice(mark) }
}
