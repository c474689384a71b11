/**
 * Classes of text that is no credential and yet should not leave: addresses of people and machines, digests. Off unless a
 * redaction profile names them. Every expression is linear: no repeat inside a repeat can match the same text twice.
 */

export interface PersonalClass {
  readonly name: string
  /** Global, on latin-1 text. */
  readonly pattern: RegExp
  /** Looks at what the expression cannot say. */
  readonly isOne?: (match: string) => boolean
  readonly source: string
}

const OCTET = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)'
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?'
const MIN_IPV6_COLONS = 2
const MAX_IPV6_GROUPS = 8

function digest(name: string, hexDigits: number, source: string): PersonalClass {
  return { name, pattern: new RegExp(`(?<![0-9a-zA-Z])[0-9a-fA-F]{${hexDigits}}(?![0-9a-zA-Z])`, 'g'), source }
}

/** Two or more colons and at most eight groups, one of them possibly left out: a time of day has no `::` and fewer than seven colons. */
function isIpv6(match: string): boolean {
  const groups = match.split(':')
  const gaps = match.split('::').length - 1
  if (gaps > 1 || groups.length - 1 < MIN_IPV6_COLONS || !/[0-9a-fA-F]/.test(match)) return false
  return gaps === 1 ? groups.length <= MAX_IPV6_GROUPS + 1 : groups.length === MAX_IPV6_GROUPS
}

export const PERSONAL_CLASSES: readonly PersonalClass[] = [
  { name: 'email', pattern: new RegExp(`(?<![\\w.+-])[\\w.%+-]{1,64}@(?:${LABEL}\\.){1,8}[a-zA-Z]{2,24}(?![\\w-])`, 'g'), source: 'https://www.rfc-editor.org/rfc/rfc5322#section-3.4.1' },
  { name: 'cidr', pattern: new RegExp(`(?<![\\w.])${IPV4}\\/(?:3[0-2]|[12]?\\d)(?![\\w.])`, 'g'), source: 'https://www.rfc-editor.org/rfc/rfc4632' },
  { name: 'ipv4', pattern: new RegExp(`(?<![\\w.])${IPV4}(?![\\w]|\\.\\d)`, 'g'), source: 'https://www.rfc-editor.org/rfc/rfc791' },
  { name: 'ipv6', pattern: /(?<![\w:.])[0-9a-fA-F:]{2,39}(?![\w:])/g, isOne: isIpv6, source: 'https://www.rfc-editor.org/rfc/rfc4291#section-2.2' },
  { name: 'mac', pattern: /(?<![\w:-])[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}(?![\w:-])/g, source: 'https://standards.ieee.org/products-programs/regauth/' },
  { name: 'fqdn', pattern: new RegExp(`(?<![\\w.@-])(?:${LABEL}\\.){1,8}[a-zA-Z]{2,24}(?![\\w-]|\\.[\\w-])`, 'g'), source: 'https://www.rfc-editor.org/rfc/rfc1035#section-2.3.1' },
  { name: 'ad-user', pattern: /(?<![\w\\-])[A-Z][A-Z0-9-]{1,14}\\[a-zA-Z][\w.-]{1,31}(?![\w\\])/g, source: 'https://learn.microsoft.com/windows/win32/secauthn/user-name-formats' },
  digest('md5', 32, 'https://www.rfc-editor.org/rfc/rfc1321'),
  digest('sha1', 40, 'https://csrc.nist.gov/pubs/fips/180-4/upd1/final'),
  digest('sha256', 64, 'https://csrc.nist.gov/pubs/fips/180-4/upd1/final'),
  digest('sha512', 128, 'https://csrc.nist.gov/pubs/fips/180-4/upd1/final'),
]
