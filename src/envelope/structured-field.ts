/**
 * Structured fields (RFC 9651) over the library `structured-headers`, with what signing needs beyond it: no key twice, the
 * text of each member as it stood, and an exact serialisation of decimals and dates. Every failure is `field_malformed`.
 */

import * as library from 'structured-headers'

import { MessageSignatureError } from './message-signature-error.ts'

/** As the library has it, without the browser types that its own declarations name. A Byte Sequence is read as an ArrayBuffer. */
export type BareItem = number | string | boolean | ArrayBuffer | Uint8Array | Date | library.Token | library.DisplayString
export type Parameters = ReadonlyMap<string, BareItem>
export type Item = readonly [BareItem, Parameters]
export type InnerList = readonly [readonly Item[], Parameters]

export type FieldType = 'dictionary' | 'list' | 'item'

export interface DictionaryMember {
  readonly key: string
  /** The member as it stood in the field, key included, without the white space around it. */
  readonly text: string
  readonly value: Item | InnerList
}

/**
 * A Display String, a String, or the comma between two members. A text that no quote closes is taken to its end, where it
 * fails to parse: looking for the quote again from each next character would take quadratic time.
 */
const MEMBER_BOUNDARY = /%"[^"]*"?|"(?:[^"\\]|\\.)*"?|,/gs

/**
 * @returns the members of a dictionary in order; none for an empty text
 * @throws {MessageSignatureError} also where a key stands twice: readers differ in which of the two they take
 */
export function parseMembers(text: string): DictionaryMember[] {
  if (text.trim() === '') return []
  const members = splitMembers(text).map(parseMember)
  const keys = new Set(members.map(({ key }) => key))
  if (keys.size !== members.length) throw malformed('expected no key twice in a dictionary')
  return members
}

function splitMembers(text: string): string[] {
  const parts: string[] = []
  let start = 0
  for (const { 0: lexeme, index } of text.matchAll(MEMBER_BOUNDARY)) {
    if (lexeme !== ',') continue
    parts.push(text.slice(start, index))
    start = index + 1
  }
  return [...parts, text.slice(start)]
}

function parseMember(part: string): DictionaryMember {
  const text = trimSpace(part)
  const [entry, ...others] = attempt(() => [...(library.parseDictionary(text) as Map<string, Item | InnerList>)])
  if (entry === undefined || others.length > 0) throw malformed('expected a member between two commas')
  return { key: entry[0], text, value: entry[1] }
}

/** Linear, unlike a pattern for spaces before an end; and without the other white space that String.trim takes. */
export function trimSpace(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const [TAB, LF, CR, SPACE] = [9, 10, 13, 32]

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB || code === LF || code === CR
}

/** @throws {MessageSignatureError} `value_invalid` where a text cannot be written */
export function serializeMembers(members: Iterable<readonly [string, Item | InnerList]>): string {
  return written(() => library.serializeDictionary(new Map(members) as library.Dictionary))
}

/** @throws {MessageSignatureError} `value_invalid` */
export function serializeItem(item: Item): string {
  return written(() => library.serializeItem(item as library.Item))
}

/** @throws {MessageSignatureError} `value_invalid` */
export function serializeInnerList(list: InnerList): string {
  return written(() => library.serializeInnerList(list as unknown as library.InnerList))
}

export function isInnerList(value: Item | InnerList): value is InnerList {
  return Array.isArray(value[0])
}

/** @returns the bytes of a Byte Sequence, or `undefined` where the value is something else */
export function byteSequence(value: Item | InnerList | undefined): Buffer | undefined {
  return value !== undefined && value[0] instanceof ArrayBuffer ? Buffer.from(value[0]) : undefined
}

/**
 * Strict serialisation of a whole field (RFC 9421 §2.1.1).
 *
 * @throws {MessageSignatureError} where the text is not of that type
 */
export function canonicalField(text: string, type: FieldType): string {
  const exact = keepExact(text)
  const serialized = attempt(() => {
    if (type === 'item') return library.serializeItem(library.parseItem(exact.text))
    if (type === 'list') return library.serializeList(library.parseList(exact.text))
    return serializeMembers(parseMembers(exact.text).map(({ key, value }) => [key, value] as const))
  })
  return exact.restore(serialized)
}

/**
 * Strict serialisation of the value of one dictionary member (RFC 9421 §2.1.2).
 *
 * @returns `undefined` where the dictionary has no such key
 * @throws {MessageSignatureError} where the text is not a dictionary
 */
export function canonicalMember(text: string, key: string): string | undefined {
  const exact = keepExact(text)
  const member = parseMembers(exact.text).find((one) => one.key === key)
  if (member === undefined) return undefined
  const { value } = member
  return exact.restore(isInnerList(value) ? serializeInnerList(value) : serializeItem(value))
}

interface ExactText {
  readonly text: string
  readonly restore: (serialized: string) => string
}

/** In this order: Display String, String, Byte Sequence, Token or key, Date, number, anything else. */
const LEXEME = /%"[^"]*"?|"(?:[^"\\]|\\.)*"?|:[^:]*:?|[A-Za-z*][\w:/!#$%&'*+\-.^`|~]*|@-?\d+|-?\d+(?:\.\d+)?|./gs
const DATE = /^@(-?\d{1,15})$/
/** RFC 9651 §3.3.2: at most 12 digits, then 1 to 3. */
const WHOLE_DECIMAL = /^(-?\d{1,12})\.0{1,3}$/
/** What the library would write with one hexadecimal digit instead of two. */
const CONTROL_IN_DISPLAY_STRING = /^%".*%0/s

/**
 * The library knows one kind of number, so `1.0` would come back as `1`, and reads no Date that something follows. Both
 * become tokens that the text does not hold otherwise, and are put back into what was serialised.
 */
function keepExact(text: string): ExactText {
  if (!/\.0|@|%"/.test(text)) return { text, restore: (serialized) => serialized }
  const longestRun = (text.match(/x+/g) ?? []).reduce((longest, { length }) => Math.max(longest, length), 0)
  const mark = `*${'x'.repeat(longestRun + 1)}`
  const exact = text.replace(LEXEME, (lexeme) => {
    if (CONTROL_IN_DISPLAY_STRING.test(lexeme)) throw malformed('expected no control in a Display String')
    const [, seconds] = DATE.exec(lexeme) ?? []
    if (seconds !== undefined) return `${mark}d${wholeNumber(seconds)}.`
    const [, whole] = WHOLE_DECIMAL.exec(lexeme) ?? []
    return whole === undefined ? lexeme : `${mark}n${wholeNumber(whole)}.`
  })
  const marked = new RegExp(`${mark.replace('*', '\\*')}([dn])(-?\\d+)\\.`, 'g')
  return { text: exact, restore: (serialized) => serialized.replace(marked, (_all, kind: string, number: string) => (kind === 'd' ? `@${number}` : `${number}.0`)) }
}

/** Without leading zeros, and without the sign of zero. */
function wholeNumber(digits: string): string {
  const number = Number(digits)
  return String(number === 0 ? 0 : number)
}

/** The library throws errors of its own, and TypeErrors at some ends of text. */
function attempt<T>(act: () => T): T {
  try {
    return act()
  } catch (cause) {
    if (cause instanceof MessageSignatureError) throw cause
    throw malformed('expected a structured field', cause)
  }
}

function written(act: () => string): string {
  try {
    return act()
  } catch (cause) {
    throw new MessageSignatureError('value_invalid', 'expected texts and numbers that a structured field can hold', { cause })
  }
}

function malformed(problem: string, cause?: unknown): MessageSignatureError {
  return new MessageSignatureError('field_malformed', problem, { cause })
}
