/**
 * Reads request targets strictly: what is forwarded and signed must be what was scanned, so nothing is normalised but the
 * host (RFC 9112 §3.2, RFC 3986 §3). `new URL()` is not used here: it drops tabs, swaps backslashes and resolves dots.
 */

import { canonicalHost } from '../base/canonical-host.ts'
import type { Denial } from '../model/denial.ts'
import type { Target } from '../model/exchange.ts'

const ABSOLUTE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^#]*)(#.*)?$/is
const AUTHORITY = /^(\[[^\]]*\]|[^:]*)(?::([0-9]*))?$/
/** Nothing that ends a request line or that a lenient peer reads as white space; 0x80 to 0xff pass as they came. */
 
const UNSAFE = /[\u0000-\u0020\u007f]/
const DEFAULT_PORTS = { http: 80, https: 443 } as const
const MAX_PORT = 65_535

/**
 * Reads `http://host:port/path?query`.
 *
 * @param fragment what a `#` does: a request line must not hold one; a URL out of a query parameter may, and it is not sent
 */
// eslint-disable-next-line complexity -- one refusal per line reads better than a table
export function parseAbsoluteTarget(raw: string, fragment: 'refuse' | 'drop'): Target | Denial {
  const match = ABSOLUTE.exec(raw)
  if (match === null || UNSAFE.test(raw)) return malformed('expected an absolute URL without control characters or spaces')
  const [, schemeText = '', authority = '', pathText = '', fragmentText] = match
  if (fragmentText !== undefined && fragment === 'refuse') return malformed('a request target has no fragment')

  const scheme = schemeText.toLowerCase()
  if (scheme !== 'http' && scheme !== 'https') return { reason: 'scheme_not_allowed', detail: 'expected http or https' }
  if (authority.includes('@')) return malformed('credentials in the URL')

  const place = parseAuthority(authority, DEFAULT_PORTS[scheme])
  if ('reason' in place) return place
  return { scheme, ...place, path: pathText.startsWith('/') ? pathText : `/${pathText}`, raw }
}

/** Reads the target of CONNECT: `host:port`, the port required (RFC 9110 §9.3.6). */
export function parseAuthorityTarget(raw: string): Target | Denial {
  const place = parseAuthority(raw, undefined)
  return 'reason' in place ? place : { scheme: 'https', ...place, path: '', raw }
}

// eslint-disable-next-line complexity -- one refusal per line reads better than a table
function parseAuthority(text: string, defaultPort: number | undefined): { host: string; port: number } | Denial {
  const match = AUTHORITY.exec(text)
  const host = match === null || UNSAFE.test(text) ? undefined : canonicalHost(match[1] ?? '')
  if (match === null || host === undefined) return malformed('the host is not a valid name or address')

  const port = match[2] === undefined || match[2] === '' ? defaultPort : Number(match[2])
  if (port === undefined || port < 1 || port > MAX_PORT) return malformed('expected a port from 1 to 65535')
  return { host, port }
}

function malformed(detail: string): Denial {
  return { reason: 'malformed_request', detail }
}
