/**
 * The cheap refusals that need the request head and the profile only: method, form of the target, length, host lists,
 * loop. No content is read; a percent-encoded line end in a path or query is the scanners' matter, since forms send it.
 */

import { compileHostList, type HostList } from '../base/host-pattern.ts'
import type { Denial } from '../model/denial.ts'
import type { RequestHead, Surface } from '../model/exchange.ts'
import type { Profile } from '../model/policy.ts'
import { headerTokens, type RawHeaders } from '../model/raw-headers.ts'

export type ShapedProfile = Pick<Profile, 'mode' | 'enforce' | 'apiAllowlist' | 'blocklist' | 'maxUrlLength'>

export interface ShapeQuestion {
  readonly head: RequestHead
  readonly surface: Surface
  /** Compiled on first sight and kept as long as the object lives, so pass the profile itself, not a copy. */
  readonly profile: ShapedProfile
  /** The name this companion writes as `received-by` in Via (RFC 9110 §7.6.3). */
  readonly ownVia: string
}

export interface ShapeFinding {
  readonly denial: Denial
  /** `warn`: to be recorded, the exchange goes on. Only host lists warn, under `audit` or `enforce: false`. */
  readonly weight: 'block' | 'warn'
}

/**
 * Methods that are forwarded. WebDAV is not among them: COPY and MOVE name a second target in a header, which no host
 * list sees. TRACE echoes what proxies add.
 */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'])

/** Longest DNS name in its text form (RFC 1035 §2.3.4); an address is shorter. */
const MAX_HOST_LENGTH = 253
const MAX_PORT = 65_535

/** Nothing that ends a request line or separates its parts; bytes from 0x80 on came so from the wire and pass. */
const CONTROL_OR_SPACE = /[\u0000-\u0020\u007f]/
/** Path characters that have no single byte on the wire, besides the above. */
const UNSENDABLE = /[^\u0021-\u007e\u0080-\u00ff]/
const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i

/** @returns the first fault, those that always refuse before those that may only warn; `undefined` where there is none */
export function checkShape(question: ShapeQuestion): ShapeFinding | undefined {
  const { head, surface, profile, ownVia } = question
  const denial =
    checkMethod(head.method, surface) ??
    checkLength(head.target.raw, profile.maxUrlLength) ??
    checkTarget(head, surface) ??
    checkLoop(head.headers, ownVia)
  if (denial !== undefined) return { denial, weight: 'block' }

  const listed = checkHostLists(head.target, profile)
  if (listed === undefined) return undefined
  return { denial: listed, weight: profile.mode === 'audit' || !profile.enforce ? 'warn' : 'block' }
}

/** Case counts (RFC 9110 §9.1): `get` is another method. */
function checkMethod(method: string, surface: Surface): Denial | undefined {
  const allowed = surface === 'connect' ? method === 'CONNECT' : METHODS.has(method)
  if (allowed) return undefined
  return { reason: 'method_not_allowed', detail: surface === 'connect' ? 'expected CONNECT' : `expected one of ${[...METHODS].join(', ')}` }
}

function checkLength(raw: string, maxUrlLength: number): Denial | undefined {
  if (maxUrlLength === 0 || raw.length <= maxUrlLength) return undefined
  return { reason: 'url_too_long', detail: `${raw.length} characters are over max_url_length ${maxUrlLength}` }
}

function checkTarget({ target }: RequestHead, surface: Surface): Denial | undefined {
  if (CONTROL_OR_SPACE.test(target.raw)) return malformed('the target holds a control character or a space')
  if (UNSENDABLE.test(target.path)) return malformed('the path holds a character that must be percent-encoded')
  if (target.host === '' || target.host.length > MAX_HOST_LENGTH) return malformed('the host is empty or too long')
  if (!(target.port >= 1 && target.port <= MAX_PORT)) return malformed('expected a port from 1 to 65535')
  return surface === 'connect' ? checkAuthority(target.raw) : checkUrl(target.raw)
}

/** Looks at the target as written: reading it into host and path has hidden who the user name was. */
function checkUrl(raw: string): Denial | undefined {
  if (raw.startsWith('/')) return undefined
  const match = SCHEME.exec(raw)
  if (match === null) return malformed('expected a URL with a scheme and a host')
  const scheme = match[1]?.toLowerCase()
  if (scheme !== 'http' && scheme !== 'https') return { reason: 'scheme_not_allowed', detail: 'expected http or https' }

  const rest = raw.slice(match[0].length)
  const end = rest.search(/[/?#]/)
  return checkAuthority(end === -1 ? rest : rest.slice(0, end))
}

function checkAuthority(authority: string): Denial | undefined {
  if (authority.includes('@')) return malformed('the target holds a user name')
  // Two readings: one parser ends the host at a backslash, another takes it for part of a user name.
  if (/[\\/?#]/.test(authority)) return malformed('the host holds a delimiter')
  return undefined
}

function checkLoop(headers: RawHeaders, ownVia: string): Denial | undefined {
  const own = ownVia.toLowerCase()
  const passed = headerTokens(headers, 'via').some((hop) => hop.split(/[ \t]+/)[1] === own)
  return passed ? { reason: 'loop', detail: 'Via names this companion' } : undefined
}

function checkHostLists({ host, port }: RequestHead['target'], profile: ShapedProfile): Denial | undefined {
  const { allow, block } = listsOf(profile)
  const blocked = block.matches(host, port)
  if (blocked !== undefined) return { reason: 'host_blocked', detail: `blocklist entry ${blocked}` }
  if (profile.mode !== 'strict' || allow.matches(host, port) !== undefined) return undefined
  return { reason: 'host_not_allowed', detail: `mode is strict and none of ${profile.apiAllowlist.length} api_allowlist entries matches` }
}

interface CompiledLists {
  readonly allow: HostList
  readonly block: HostList
}

/** By profile object: a reload brings new objects, and the old ones go with the exchanges that hold them. */
const compiled = new WeakMap<ShapedProfile, CompiledLists>()

function listsOf(profile: ShapedProfile): CompiledLists {
  const known = compiled.get(profile)
  if (known !== undefined) return known
  const lists = { allow: compileHostList(profile.apiAllowlist), block: compileHostList(profile.blocklist) }
  compiled.set(profile, lists)
  return lists
}

function malformed(detail: string): Denial {
  return { reason: 'malformed_request', detail }
}
