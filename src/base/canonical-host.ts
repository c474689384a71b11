/**
 * One text per host: lower case, IDNA to ASCII, every spelling of an IPv4 address in dotted decimal, as a WHATWG URL parser
 * reads it (URL Standard §3.5). Whatever that parser would cut off, decode or drop is refused instead.
 */

import { isDottedIpv4, parseIpAddress } from './ip-address.ts'

const MAX_RAW_LENGTH = 1024
const MAX_NAME_LENGTH = 253
const MAX_LABEL_LENGTH = 63

/** Delimiters of a URL, controls (C0, DEL, C1) and the space: the URL parser ends the host there, or skips them. */
const UNSAFE = /[\u0000-\u0020\u007f-\u009f/\\?#@%:[\]<>^|"`{}]/
const NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/
/** Names the URL parser returns as they are: no IDNA label, and a last label that cannot be the end of an IPv4 address. */
const PLAIN_NAME = /^(?!(?:.*\.)?xn--)(?:[a-z0-9_-]+\.)*[a-z_-][a-z0-9_-]*$/

/**
 * @param raw the host of a URL or authority without its port, an IPv6 address in brackets; no user name, no percent-encoding
 * @returns a name without the trailing dot, or the canonical text of an address without brackets (an IPv4-mapped one as
 * IPv4); `undefined` where it is neither
 */
export function canonicalHost(raw: string): string | undefined {
  if (raw.length > MAX_RAW_LENGTH) return undefined
  if (PLAIN_NAME.test(raw)) return withinLimits(raw)
  if (raw.startsWith('[') && raw.endsWith(']')) return bracketedAddress(raw.slice(1, -1))
  // Four decimal numbers without leading zeros: the URL parser (3 us) would give them back as they are.
  if (isDottedIpv4(raw)) return raw
  if (UNSAFE.test(raw)) return undefined

  const url = URL.parse(`http://${raw}/`)
  if (url === null) return undefined
  const host = url.hostname.endsWith('.') ? url.hostname.slice(0, -1) : url.hostname
  return NAME.test(host) ? withinLimits(host) : undefined
}

function bracketedAddress(text: string): string | undefined {
  // A zone names an interface of this host; it would be lost on an IPv4-mapped address.
  return text.includes(':') && !text.includes('%') ? parseIpAddress(text)?.text : undefined
}

function withinLimits(name: string): string | undefined {
  if (name.length > MAX_NAME_LENGTH) return undefined
  return name.split('.').every((label) => label.length <= MAX_LABEL_LENGTH) ? name : undefined
}
