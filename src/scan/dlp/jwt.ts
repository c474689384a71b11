/** JSON Web Tokens (RFC 7519): told by their header, allowed where tokens belong, and at the host they were made for. */

import type { MatchPlace, Severity } from './secret-rule.ts'

const MAX_PAYLOAD_CHARACTERS = 4096

/** A token in a header is how one logs in. Elsewhere it is a credential, unless it names the destination as issuer or audience. */
export function judgeJwt(match: string, place: MatchPlace): Severity | undefined {
  if (place.kind === 'header') return undefined
  const [header = '', payload = ''] = match.split('.')
  const algorithm = jsonObject(header)?.['alg']
  if (typeof algorithm !== 'string') return undefined
  return isMeantFor(payload, place.host) ? undefined : 'high'
}

function isMeantFor(payload: string, host: string): boolean {
  const claims = jsonObject(payload)
  if (claims === undefined) return false
  const named = [claims['iss'], claims['aud']].flat().filter((name) => typeof name === 'string')
  const home = siteOf(host)
  return named.some((name) => siteOf(hostOf(name)) === home)
}

function hostOf(name: string): string {
  return URL.canParse(name) ? new URL(name).hostname : name.toLowerCase()
}

/** The last two labels, three under a two-letter country domain with a short second label; an address as it is. */
function siteOf(host: string): string {
  const labels = host.split('.')
  if (labels.length < 2 || /^[\d.]+$/.test(host)) return host
  const [second = '', top = ''] = labels.slice(-2)
  return labels.slice(top.length === 2 && second.length <= 3 ? -3 : -2).join('.')
}

function jsonObject(part: string): Record<string, unknown> | undefined {
  if (part.length > MAX_PAYLOAD_CHARACTERS) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
