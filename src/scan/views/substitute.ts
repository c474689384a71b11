/** One escape at one place: percent, backslash, character reference, or a code point beyond ASCII. Tolerant: what is malformed stays. */

import { WORD } from '../engine/byte-class.ts'
import { UNDONE, type TextWindow } from '../engine/text-window.ts'
import { foldCodePoint } from './fold-code-point.ts'
import { NAMED_REFERENCES } from './named-references.ts'
import { UTF8_WIDTH } from './utf8-width.ts'

/** What stands for `length` bytes of the text: `outLength` bytes of `out`. One object is used again and again. */
export interface Substitution {
  length: number
  readonly out: Uint8Array
  outLength: number
  undone: number
}

export const SUBSTITUTION: Substitution = { length: 0, out: new Uint8Array(32), outLength: 0, undone: 0 }

/** `more`: the text ends inside of what may be an escape. */
export type Found = 'none' | 'more' | 'found'

const PERCENT = 0x25
const BACKSLASH = 0x5c
const AMPERSAND = 0x26
const FIRST_BEYOND_ASCII = 0x80
/** No escape is longer. */
const LONGEST = 40
const NO_DIGIT = 255
const HASH = 0x23
const SEMICOLON = 0x3b
const MAX_REFERENCE = 23

export const FOLDABLE = Uint8Array.from({ length: 256 }, (_, byte) => Number(byte >= FIRST_BEYOND_ASCII || byte === PERCENT || byte === BACKSLASH || byte === AMPERSAND))

/** @param isLast whether nothing comes behind the text at hand */
export function substituteAt(text: TextWindow, at: number, isLast: boolean): Found {
  const byte = text.at(at)
  const { end } = text
  if (byte < FIRST_BEYOND_ASCII && end - at > 3 && isCommon(text, at, byte)) return 'found'
  const isShort = end - at < LONGEST && !isLast
  if (byte === AMPERSAND && !isReference(text, at + 1)) return 'none'
  if (byte >= FIRST_BEYOND_ASCII) return beyondAscii(text, at, isShort)
  const window = text.text(at, Math.min(end, at + LONGEST))
  if (byte === PERCENT) return escaped(window, PERCENT_ESCAPE, UNDONE.percent, isShort)
  if (byte === BACKSLASH) return escaped(window, BACKSLASH_ESCAPE, UNDONE.escape, isShort)
  return escaped(window, REFERENCE, UNDONE.entity, isShort)
}

/** Most ampersands part the fields of a query: a name without a semicolon behind it is no reference. */
function isReference(text: TextWindow, from: number): boolean {
  if (text.at(from) === HASH) return true
  let at = from
  while (at < text.end && at - from < MAX_REFERENCE && WORD[text.at(at)] === 1) at++
  return at === text.end || text.at(at) === SEMICOLON
}

const COMMON = Uint8Array.from({ length: 256 }, (_, byte) => ({ n: 10, r: 13, t: 9, '"': 34, '/': 47 })[String.fromCharCode(byte)] ?? 0)
const HEX_VALUES = Uint8Array.from({ length: 256 }, (_, byte) => (/[0-9a-fA-F]/.test(String.fromCharCode(byte)) ? Number.parseInt(String.fromCharCode(byte), 16) : NO_DIGIT))

/** The escapes that nearly all text has, read without a regular expression. */
function isCommon(text: TextWindow, at: number, byte: number): boolean {
  const second = text.at(at + 1)
  if (byte === BACKSLASH) return setFound(2, COMMON[second] ?? 0, UNDONE.escape)
  if (byte !== PERCENT) return false
  const [high, low] = [HEX_VALUES[second] ?? NO_DIGIT, HEX_VALUES[text.at(at + 2)] ?? NO_DIGIT]
  // %25 may be the beginning of an escape that was escaped.
  return high !== NO_DIGIT && low !== NO_DIGIT && setFound(3, high * 16 + low === PERCENT ? 0 : high * 16 + low, UNDONE.percent)
}

function setFound(length: number, byte: number, undone: number): boolean {
  if (byte === 0) return false
  SUBSTITUTION.length = length
  SUBSTITUTION.out[0] = byte
  SUBSTITUTION.outLength = 1
  SUBSTITUTION.undone = undone
  return true
}

interface EscapeForm {
  readonly whole: RegExp
  /** Matches a text that ends too early to tell. */
  readonly partial: RegExp
  /** @returns the text it stands for, or `undefined` where it is none */
  decode(match: RegExpExecArray): string | number | undefined
}

/** `%25` before two digits is `%` once more: however often a byte was encoded, it is read at once. */
const PERCENT_ESCAPE: EscapeForm = {
  whole: /^%(?:25){0,12}(?:([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))/,
  partial: /^%(?:25){0,12}(?:[0-9a-fA-F]?|u[0-9a-fA-F]{0,3})$/,
  decode: ([, byte, unit]) => (byte === undefined ? textOf(Number.parseInt(unit ?? '', 16)) : Number.parseInt(byte, 16)),
}

const SIMPLE: ReadonlyMap<string, string> = new Map([['n', '\n'], ['r', '\r'], ['t', '\t'], ['b', '\b'], ['f', '\f'], ['v', '\v'], ['/', '/'], ['"', '"'], ["'", "'"], ['\n', ''], ['`', '`']])

/** Escapes of JSON, C, shells and regular expressions; a text that was quoted several times has several backslashes. */
const BACKSLASH_ESCAPE: EscapeForm = {
  whole: /^\\{1,8}(?:u([dD][89abAB][0-9a-fA-F]{2})\\{1,8}u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,6})\}|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([nrtbfv/"'\n`])|(?=[^\\]|$))/,
  partial: /^\\{1,8}(?:[uU][0-9a-fA-F]{0,7}|u[dD][89abAB][0-9a-fA-F]{2}(?:\\{1,8}(?:u[0-9a-fA-F]{0,3})?)?|u\{[0-9a-fA-F]{0,6}|x[0-9a-fA-F]?|[0-3][0-7]?)?$/,
  decode: ([whole, high, low, unit, byte, braced, long, octal, simple]) => {
    if (high !== undefined && low !== undefined) return textOf(0x10000 + ((Number.parseInt(high, 16) & 0x3ff) << 10) + (Number.parseInt(low, 16) & 0x3ff))
    const hex = unit ?? braced ?? long
    if (hex !== undefined) return textOf(Number.parseInt(hex, 16))
    if (byte !== undefined) return Number.parseInt(byte, 16)
    if (octal !== undefined) return Number.parseInt(octal, 8)
    if (simple !== undefined) return SIMPLE.get(simple)
    return whole.length > 1 ? '\\' : undefined
  },
}

const REFERENCE: EscapeForm = {
  whole: /^&(?:#([0-9]{1,7});?|#[xX]([0-9a-fA-F]{1,6});?|([a-zA-Z]{2,20}[0-9]{0,2});)/,
  partial: /^&(?:#(?:[0-9]{0,7}|[xX][0-9a-fA-F]{0,6})|[a-zA-Z]{0,20}[0-9]{0,2})$/,
  decode: ([, decimal, hex, name]) => {
    if (name !== undefined) return NAMED_REFERENCES.get(name)
    return textOf(decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal))
  },
}

function escaped(window: string, form: EscapeForm, undone: number, isShort: boolean): Found {
  if (isShort && form.partial.test(window)) return 'more'
  const match = form.whole.exec(window)
  const decoded = match === null ? undefined : form.decode(match)
  if (match === null || decoded === undefined) return 'none'
  SUBSTITUTION.length = match[0].length
  SUBSTITUTION.undone = undone
  if (typeof decoded === 'number') {
    SUBSTITUTION.out[0] = decoded
    SUBSTITUTION.outLength = 1
  } else {
    write(Buffer.from(decoded))
  }
  return 'found'
}

function write(bytes: Uint8Array): void {
  SUBSTITUTION.out.set(bytes.subarray(0, SUBSTITUTION.out.length))
  SUBSTITUTION.outLength = Math.min(bytes.length, SUBSTITUTION.out.length)
}

function textOf(codePoint: number): string | undefined {
  return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : undefined
}

/** UTF-8 (RFC 3629); bytes that are none stand for themselves. */
function beyondAscii(text: TextWindow, at: number, isShort: boolean): Found {
  const width = UTF8_WIDTH[text.at(at)] ?? 0
  const codePoint = width === 0 ? undefined : codePointAt(text, at, width)
  if (codePoint === undefined) return width > text.end - at && isShort ? 'more' : 'none'
  const folded = codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint <= 0xdfff) ? undefined : foldCodePoint(codePoint)
  if (folded === undefined) return 'none'
  write(folded)
  SUBSTITUTION.length = width
  SUBSTITUTION.undone = UNDONE.unicode
  return 'found'
}

/** @returns `undefined` where the bytes are not there, or are no continuation */
function codePointAt(text: TextWindow, at: number, width: number): number | undefined {
  let codePoint = text.at(at) & (0x7f >> width)
  for (let next = at + 1; next < at + width; next++) {
    if (next >= text.end || (text.at(next) & 0xc0) !== 0x80) return undefined
    codePoint = (codePoint << 6) | (text.at(next) & 0x3f)
  }
  return codePoint
}
