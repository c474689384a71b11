/** Header fields that belong to one connection and are never forwarded (RFC 9110 §7.6.1, RFC 9112 §7). */

import { headerTokens, type RawHeaders } from '../model/raw-headers.ts'

const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

const HOP_BY_HOP_SET: ReadonlySet<string> = new Set(HOP_BY_HOP)

/** Fields that `Connection` must not take away: without them the message would be framed or routed otherwise. */
const NEVER_NOMINATED: ReadonlySet<string> = new Set(['host', 'content-length', 'content-type', 'content-encoding', 'cache-control', 'authorization', 'via'])

/** @returns the names to drop: the fixed ones and those that the message's own `Connection` field nominates */
export function hopByHopNames(headers: RawHeaders): ReadonlySet<string> {
  const nominated = headerTokens(headers, 'connection').filter((name) => name !== 'close' && name !== 'keep-alive' && !NEVER_NOMINATED.has(name))
  return nominated.length === 0 ? HOP_BY_HOP_SET : new Set([...HOP_BY_HOP, ...nominated])
}
