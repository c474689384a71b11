/** The kinds of value a key can have: how each is read, its JSON Schema, and the words for what was expected. */

import { isAbsolute } from 'node:path'
import * as z from 'zod'
import { isHostPatternFault, parseHostPattern } from '../base/host-pattern.ts'
import { isNetworkFault, parseNetwork } from '../base/network.ts'
import { parseListenAddress, parseNameServer, parseNetworkLoosely } from './host-text.ts'
import { DURATION_TEXT, SIZE_TEXT, durationMs, formatDuration, formatSize, sizeBytes } from './units.ts'

export type Unit = 'ms' | 'bytes' | 'days' | 'minutes' | 'per minute' | 'bytes per minute' | 'characters' | 'count'

/** What is known of a key beside its type. Written once, read by the schema, the reference, `explain` and `diff`. */
export interface KeyFacts {
  readonly description: string
  /** In the form of the parsed file; absent where the key has no default. */
  readonly default?: unknown
  readonly unit?: Unit
  /** Of a key that is a mapping: the units of its members. */
  readonly members?: Readonly<Record<string, Unit>>
  /** What can be observed to change when the key changes: what its effect test asserts. */
  readonly effect: string
  /** Whether a reload applies the key, or the running companion keeps the old value until it is restarted. */
  readonly applies: 'reload' | 'restart'
  /** A secret: never shown, and may be written `${env:NAME}`. */
  readonly secret?: true
}

export interface LeafFacts {
  /** The words after `expected`. */
  readonly expected: string
  /** Whether the value may stand in a message. */
  readonly shown?: false
}

/** setTimeout takes 31 bits; beyond them it fires at once. */
const MAX_DURATION_MS = 2_147_483_000
const MAX_COUNT = 1_000_000_000
const MAX_BYTES = 1_099_511_627_776
const MAX_TEXT = 4_096

/** Marks a type as a key of the file. Every key may be absent. */
export function key<T extends z.ZodType>(type: T, facts: KeyFacts): z.ZodOptional<T> {
  return type.meta({ ...type.meta(), ...facts }).optional()
}

export function leaf<T extends z.ZodType>(type: T, facts: LeafFacts): T {
  return type.meta({ ...facts })
}

export function flag() {
  return leaf(z.boolean(), { expected: 'true or false' })
}

export function oneOf<const T extends readonly [string, ...string[]]>(...words: T) {
  return leaf(z.enum(words), { expected: words.length === 1 ? words[0] : `one of ${words.join(', ')}` })
}

export function wholeNumber(min: number, max = MAX_COUNT) {
  const expected = max === MAX_COUNT ? `a whole number, at least ${min}` : `a whole number from ${min} to ${max}`
  return leaf(z.int().min(min).max(max), { expected })
}

/** @param form `seconds`: a plain number is seconds, as in every key that ends in `_seconds`; `units`: only 0 needs no unit */
export function duration(minMs: number, form: 'seconds' | 'units' = 'units', maxMs = MAX_DURATION_MS) {
  const plain = form === 'seconds' ? 'seconds, or a duration' : 'a duration'
  const expected = `${plain} like 30s or 5m, from ${formatDuration(minMs)} to ${maxMs === MAX_DURATION_MS ? '24d' : formatDuration(maxMs)}`
  const number = form === 'seconds' ? z.int().min(0) : z.literal(0)
  const read = z.union([number, z.string().regex(DURATION_TEXT)]).transform((value) => (typeof value === 'number' ? value * 1_000 : durationMs(value)))
  return leaf(read.refine((ms) => ms >= minMs && ms <= maxMs), { expected })
}

export function size(minBytes: number, maxBytes = MAX_BYTES) {
  const expected = `bytes, or a size like 64KiB or 10MiB, from ${formatSize(minBytes)} to ${formatSize(maxBytes)}`
  const read = z.union([z.int().min(0), z.string().regex(SIZE_TEXT)]).transform((value) => (typeof value === 'number' ? value : sizeBytes(value)))
  return leaf(read.refine((bytes) => bytes >= minBytes && bytes <= maxBytes), { expected })
}

export function listOf<T extends z.ZodType>(item: T) {
  return leaf(z.array(item), { expected: 'a list', shown: false })
}

export function hostPattern() {
  const pattern = z.string().max(MAX_TEXT).refine((text) => !isHostPatternFault(parseHostPattern(text)))
  return leaf(pattern, { expected: 'a host name, *.name or an address, each with an optional :port' })
}

export function listenAddress() {
  const address = z.string().max(MAX_TEXT).refine((text) => parseListenAddress(text) !== undefined)
  return leaf(address, { expected: 'an address and port like 127.0.0.1:8888 or [::1]:8888' })
}

/** Host bits and the whole address space are judged later, where the keys that allow them are known. */
export function network() {
  const text = z.string().max(MAX_TEXT).refine((value) => parseNetworkLoosely(value) !== undefined || !isNetworkFault(parseNetwork(value)))
  return leaf(text, { expected: 'a network in CIDR notation, like 10.0.0.0/8 or 2001:db8::/32 (IPv4 in dotted form)' })
}

export function nameServer() {
  return leaf(z.string().max(MAX_TEXT).refine((text) => parseNameServer(text) !== undefined), { expected: 'the address of a name server, like 10.0.0.53 or [2001:db8::53]:53' })
}

export function absolutePath() {
  return leaf(z.string().max(MAX_TEXT).refine((text) => isAbsolute(text) && !text.includes('\0')), { expected: 'an absolute path' })
}

export function trustDomain() {
  return leaf(z.string().regex(/^[a-z0-9._-]{1,255}$/), { expected: 'a trust domain of lower-case letters, digits, dots, hyphens and underscores' })
}

/** A text that is not shown; its content is judged where it is used. */
export function hiddenText(expected: string, characters: { readonly min: number; readonly max: number }) {
  return leaf(z.string().min(characters.min).max(characters.max), { expected, shown: false })
}
