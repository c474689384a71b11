/** What the URL of a request gives away by its mere form: data in host labels, and random tokens for a host that nobody knows. */

import type { Hunt } from '../engine/hunt.ts'
import { judgeHostLabels } from './host-labels.ts'
import { judgeToken, MIN_TOKEN } from './random-token.ts'

const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?/i
const PIECE_BREAK = /[/?&;=#,]/

/** @param url as the caller wrote it, or host and port of a tunnel */
export function scanDestination(hunt: Hunt, url: string): void {
  const { standing } = hunt.place
  if (standing === 'known') return
  const hostFrom = AUTHORITY.exec(url)?.[0].length ?? 0
  const hostTo = endOfHost(url, hostFrom)
  if (judgeHostLabels(url.slice(hostFrom, hostTo)) !== undefined) hunt.addSpan('exfil.hostname', 'high', hostFrom, hostTo)
  if (standing === 'new') scanTokens(hunt, url, hostTo)
}

function endOfHost(url: string, from: number): number {
  const end = url.slice(from).search(/[:/?#]/)
  return end < 0 ? url.length : from + end
}

function scanTokens(hunt: Hunt, url: string, from: number): void {
  for (let at = from; at < url.length; ) {
    const rest = url.slice(at).search(PIECE_BREAK)
    const end = rest < 0 ? url.length : at + rest
    if (end - at >= MIN_TOKEN && judgeToken(unescapePercent(url.slice(at, end))) !== undefined) hunt.addSpan('exfil.token', 'medium', at, end)
    at = end + 1
  }
}

/** Tolerant: what is malformed stays as it is. */
function unescapePercent(text: string): string {
  return text.includes('%') ? text.replace(/%([0-9a-fA-F]{2})/g, (_, byte: string) => String.fromCharCode(Number.parseInt(byte, 16))) : text
}
