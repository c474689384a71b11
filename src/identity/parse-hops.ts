/**
 * What one line of `X-Forwarded-For` (no standard; the usual forms) or `Forwarded` (RFC 7239) says about addresses.
 * Strict: text that could be read in two ways is not read at all. Whom to believe is not decided here.
 */

import { parseIpAddress, type IpAddress } from '../base/ip-address.ts'

export interface HopFormat {
  /** Gives the elements of a field line, leftmost first, or `undefined` where it cannot be told where they end. */
  readonly splitLine: (line: string) => string[] | undefined
  /** Gives the address, or `undefined` where the element hides it (`unknown`, `_x`), is empty or is malformed. */
  readonly parseElement: (element: string) => IpAddress | undefined
}

export const HOP_FORMATS: Record<'x-forwarded-for' | 'forwarded', HopFormat> = {
  'x-forwarded-for': {
    splitLine: (line) => line.split(',').map(trimBlanks),
    parseElement: (element) => parseIpAddress(element) ?? parseNode(element, DECIMAL_PORT),
  },
  forwarded: { splitLine: (line) => splitUnquoted(line, ','), parseElement: parseForwardedElement },
}

const DECIMAL_PORT = /^[0-9]{1,5}$/
const MAX_PORT = 65_535

/** RFC 7239 §6: a port can be hidden like a name, and the address beside it still counts. */
const DECIMAL_OR_HIDDEN_PORT = /^(?:[0-9]{1,5}|_[A-Za-z0-9._-]+)$/

/** RFC 7239 §4, RFC 9110 §5.6: `token "=" ( token / quoted-string )`, without blanks around the sign. */
const PAIR = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*)")$/

function parseForwardedElement(element: string): IpAddress | undefined {
  const values = new Map<string, string>()
  for (const pair of splitUnquoted(element, ';') ?? []) {
    if (pair === '') continue
    const parsed = parsePair(pair)
    // A parameter given twice leaves open which one the hop meant.
    if (parsed === undefined || values.has(parsed.name)) return undefined
    values.set(parsed.name, parsed.value)
  }
  return parseNode(values.get('for') ?? '', DECIMAL_OR_HIDDEN_PORT)
}

function parsePair(pair: string): { readonly name: string; readonly value: string } | undefined {
  const [matched, name = '', token, quoted = ''] = PAIR.exec(pair) ?? []
  if (matched === undefined) return undefined
  return { name: name.toLowerCase(), value: token ?? quoted.replace(/\\(.)/g, '$1') }
}

/** `a.b.c.d`, `a.b.c.d:port`, `[v6]` or `[v6]:port`. */
function parseNode(text: string, portForm: RegExp): IpAddress | undefined {
  const [matched, ipv6, ipv4, port] = /^(?:\[([^[\]]*:[^[\]]*)\]|([0-9.]+))(?::(.*))?$/.exec(text) ?? []
  if (matched === undefined) return undefined
  if (port !== undefined && !(portForm.test(port) && !(Number(port) > MAX_PORT))) return undefined
  return parseIpAddress(ipv6 ?? ipv4 ?? '')
}

/** @returns the trimmed parts between separators outside quotes, or `undefined` where a quote is never closed */
function splitUnquoted(text: string, separator: ',' | ';'): string[] | undefined {
  const parts: string[] = []
  let start = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '"') quoted = !quoted
    else if (quoted && char === '\\') at++
    else if (!quoted && char === separator) {
      parts.push(trimBlanks(text.slice(start, at)))
      start = at + 1
    }
  }
  parts.push(trimBlanks(text.slice(start)))
  return quoted ? undefined : parts
}

/** Optional whitespace of HTTP is blank and tab; `trim()` would also take characters that a hop cannot have meant. */
function trimBlanks(text: string): string {
  return text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '')
}
