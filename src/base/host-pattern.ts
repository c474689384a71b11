/**
 * Host patterns of allow and block lists: `example.com`, `*.example.com` (any depth, not the apex), an address, each with
 * an optional `:port`. Names are compared in their canonical ASCII form (lower case, IDNA); no regular expressions.
 */

import { parseIpAddress } from './ip-address.ts'

export interface HostPattern {
  readonly kind: 'exact' | 'suffix'
  /** Canonical name or address; of a suffix pattern the part after `*.`. */
  readonly host: string
  /** Absent: every port. */
  readonly port?: number
  /** As written. */
  readonly text: string
}

/** Why a text is not a host pattern: the words after `expected …` in an error. */
export interface HostPatternFault {
  readonly expected: string
}

export interface HostList {
  /**
   * @param host canonical, as in `Target.host`; one trailing dot is ignored
   * @returns the pattern that matches, as written; an exact one before a suffix
   */
  matches(host: string, port: number): string | undefined
}

/** A list holds a text that is not a host pattern: `config/` checks every text first, so this is a fault of ours. */
export class HostPatternError extends Error {
  override readonly name = 'HostPatternError'
}

const MAX_PORT = 65_535
const MAX_NAME_LENGTH = 253
const MAX_LABEL_LENGTH = 63
const SUFFIX_MARK = '*.'

/** @returns a fault where `text` is not exactly one pattern; a bare `*`, URLs, user names, paths and odd IPv4 forms are not */
export function parseHostPattern(text: string): HostPattern | HostPatternFault {
  const kind = text.startsWith(SUFFIX_MARK) ? 'suffix' : 'exact'
  const split = splitPort(kind === 'suffix' ? text.slice(SUFFIX_MARK.length) : text)
  if ('expected' in split) return split

  const host = canonicalName(split.name)
  if (host === undefined) return { expected: 'a host name, *.name or an address, each with an optional :port' }
  if (kind === 'suffix' && parseIpAddress(host) !== undefined) return { expected: 'a name after "*.", not an address' }
  return { kind, host, text, ...(split.port !== undefined && { port: split.port }) }
}

export function isHostPatternFault(parsed: HostPattern | HostPatternFault): parsed is HostPatternFault {
  return 'expected' in parsed
}

/** @param host canonical, as in `Target.host`; one trailing dot is ignored */
export function matchesHost(pattern: HostPattern, host: string, port: number): boolean {
  if (pattern.port !== undefined && pattern.port !== port) return false
  const name = comparable(host)
  if (pattern.kind === 'exact') return name === pattern.host
  return name.length > pattern.host.length + 1 && name.endsWith(`.${pattern.host}`)
}

/**
 * Compiles a list for look-up in time that depends on the labels of its patterns, not on their number.
 *
 * @throws {HostPatternError} where a text is not a pattern: leaving it out would open a block list
 */
export function compileHostList(texts: readonly string[]): HostList {
  const exact: PatternTable = new Map()
  const suffixes: PatternTable = new Map()
  let deepest = 0
  for (const text of texts) {
    const pattern = parseHostPattern(text)
    if (isHostPatternFault(pattern)) throw new HostPatternError(`host list: expected ${pattern.expected}`)
    addPattern(pattern.kind === 'exact' ? exact : suffixes, pattern)
    if (pattern.kind === 'suffix') deepest = Math.max(deepest, pattern.host.split('.').length)
  }

  return {
    matches: (host, port) => {
      const name = comparable(host)
      return textFor(exact.get(name), port) ?? matchSuffix({ suffixes, deepest }, name, port)
    },
  }
}

/** Patterns of one host: the text that holds for every port, and those that hold for one. */
interface PortTexts {
  any?: string
  readonly byPort: Map<number, string>
}

type PatternTable = Map<string, PortTexts>

function addPattern(table: PatternTable, { host, port, text }: HostPattern): void {
  const texts = table.get(host) ?? { byPort: new Map<number, string>() }
  table.set(host, texts)
  if (port === undefined) texts.any ??= text
  else if (!texts.byPort.has(port)) texts.byPort.set(port, text)
}

function textFor(texts: PortTexts | undefined, port: number): string | undefined {
  return texts?.any ?? texts?.byPort.get(port)
}

/** Walks from the last label leftwards, never deeper than the deepest pattern: a name of a thousand labels costs no more. */
function matchSuffix(list: { suffixes: PatternTable; deepest: number }, name: string, port: number): string | undefined {
  let dot = name.length
  for (let depth = 0; depth < list.deepest; depth++) {
    dot = name.lastIndexOf('.', dot - 1)
    if (dot <= 0) return undefined
    const text = textFor(list.suffixes.get(name.slice(dot + 1)), port)
    if (text !== undefined) return text
  }
  return undefined
}

function comparable(host: string): string {
  // `::ffff:10.0.0.1` is 10.0.0.1: one address, one text.
  if (host.includes(':')) return parseIpAddress(host)?.text ?? host
  const name = host.toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}

function splitPort(text: string): { readonly name: string; readonly port?: number } | HostPatternFault {
  // An address with two or more colons and no brackets is IPv6 without a port.
  if (!text.startsWith('[') && text.indexOf(':') !== text.lastIndexOf(':')) return { name: text }

  const end = text.startsWith('[') ? text.indexOf(']') + 1 : text.indexOf(':')
  if (end <= 0 || end === text.length) return { name: text }
  const portText = text.slice(end + 1)
  const port = Number(portText)
  if (text[end] !== ':' || !/^[1-9][0-9]{0,4}$/.test(portText) || port > MAX_PORT) return { expected: `a port from 1 to ${MAX_PORT} after the host` }
  return { name: text.slice(0, end), port }
}

/** Canonical text of a name or address, or `undefined`. */
function canonicalName(name: string): string | undefined {
  if (name.includes(':')) return parseIpAddress(name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name)?.text
  const address = parseIpAddress(name)
  if (address !== undefined) return address.text

  // `%` would be decoded and `*` kept by the URL parser: neither belongs in a name.
  if (/[\s/?#@\\%*[\]<>^|"'`{}]/.test(name) || !URL.canParse(`http://${name}/`)) return undefined
  const host = comparable(new URL(`http://${name}/`).hostname)
  return isName(host) ? host : undefined
}

/** Whether this is a name; the URL parser reads `127.1` and `0x7f000001` as addresses, and a list says those in dotted decimal. */
function isName(host: string): boolean {
  if (host.length > MAX_NAME_LENGTH || parseIpAddress(host) !== undefined) return false
  return host.split('.').every((label) => label !== '' && label.length <= MAX_LABEL_LENGTH)
}
