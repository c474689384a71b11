/**
 * Ways to write a text so that a search for the text itself does not find it, each undone by a reader without a key. Tables
 * by nature.
 */

import { base32 } from '@scure/base'

export interface Encoding {
  readonly name: string
  /** @returns the text in a form that may stand in a body; a place percent-encodes what it cannot hold */
  readonly encode: (text: string) => string
  /** Lines or blanks belong to the form: a header or a path cannot hold it. */
  readonly isBlock?: true
}

const TAG_BLOCK = 0xe0000
const FULLWIDTH_SHIFT = 0xfee0
const ZERO_WIDTH_SPACE = '\u200b'
const SOFT_HYPHEN = '\u00ad'
const COMBINING_ACCENT = '\u0301'
const LINE_CHARACTERS = 76
/** Cyrillic and Greek letters that look like the Latin one. */
const LOOKALIKES: ReadonlyMap<string, string> = new Map([
  ['a', '\u0430'], ['c', '\u0441'], ['e', '\u0435'], ['i', '\u0456'], ['j', '\u0458'], ['o', '\u043e'], ['p', '\u0440'], ['s', '\u0455'], ['x', '\u0445'],
  ['y', '\u0443'], ['A', '\u0410'], ['B', '\u0412'], ['C', '\u0421'], ['E', '\u0415'], ['H', '\u041d'], ['I', '\u0406'], ['K', '\u041a'], ['M', '\u041c'],
  ['N', '\u039d'], ['O', '\u041e'], ['P', '\u0420'], ['S', '\u0405'], ['T', '\u0422'], ['X', '\u0425'], ['Z', '\u0396'],
])

const each = (text: string, change: (character: string, code: number) => string): string => Array.from(text).map((character) => change(character, character.codePointAt(0) ?? 0)).join('')
const hexOf = (code: number, digits: number): string => code.toString(16).padStart(digits, '0')
const percent = (text: string): string => [...Buffer.from(text)].map((byte) => `%${hexOf(byte, 2).toUpperCase()}`).join('')
/** Encodes only the signs of the last layer, as clients do. */
const percentSigns = (text: string): string => text.replaceAll('%', '%25')
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const hex = (text: string): string => Buffer.from(text).toString('hex')
const isVisible = (code: number): boolean => code > 0x20 && code < 0x7f
const separated = (by: string) => (text: string): string => Array.from(text).join(by)

export function rot13(text: string): string {
  return text.replace(/[a-zA-Z]/g, (letter) => {
    const first = letter < 'a' ? 0x41 : 0x61
    return String.fromCharCode(((letter.charCodeAt(0) - first + 13) % 26) + first)
  })
}

export const ENCODINGS: readonly Encoding[] = [
  { name: 'as it is', encode: (text) => text },
  { name: 'percent', encode: percent },
  { name: 'percent twice', encode: (text) => percentSigns(percent(text)) },
  { name: 'percent three times', encode: (text) => percentSigns(percentSigns(percent(text))) },
  { name: 'percent beside a malformed escape', encode: (text) => `%zz,${percent(text)}%4` },
  { name: 'base64', encode: base64 },
  { name: 'base64url without padding', encode: (text) => Buffer.from(text).toString('base64url') },
  { name: 'base64 without padding', encode: (text) => base64(text).replace(/=+$/, '') },
  { name: 'base64 one byte further', encode: (text) => base64(`!${text}`) },
  { name: 'base64 two bytes further', encode: (text) => base64(`!!${text}`) },
  { name: 'base64 behind letters', encode: (text) => `v1${base64(text)}` },
  { name: 'base64 in lines', encode: (text) => base64(`${'.'.repeat(LINE_CHARACTERS)}${text}`).replace(new RegExp(`.{${LINE_CHARACTERS}}`, 'g'), '$&\n'), isBlock: true },
  { name: 'base64 twice', encode: (text) => base64(base64(text)) },
  { name: 'base64 three times', encode: (text) => base64(base64(base64(text))) },
  { name: 'hex', encode: hex },
  { name: 'hex in capitals', encode: (text) => hex(text).toUpperCase() },
  { name: 'hex behind a label', encode: (text) => `id_${hex(text)}` },
  { name: 'hex with colons', encode: (text) => hex(text).replace(/..(?=.)/g, '$&:') },
  { name: 'hex with \\x', encode: (text) => hex(text).replace(/../g, '\\x$&') },
  { name: 'base64 of hex', encode: (text) => base64(hex(text)) },
  { name: 'hex of base64', encode: (text) => hex(base64(text)) },
  { name: 'percent of base64', encode: (text) => percent(base64(text)) },
  { name: 'base32', encode: (text) => base32.encode(Buffer.from(text)) },
  { name: 'HTML entities', encode: (text) => each(text, (_, code) => `&#${code};`) },
  { name: 'HTML entities in hex', encode: (text) => each(text, (_, code) => `&#x${hexOf(code, 2)};`) },
  { name: '\\u escapes', encode: (text) => each(text, (_, code) => `\\u${hexOf(code, 4)}`) },
  { name: 'zero-width spaces', encode: separated(ZERO_WIDTH_SPACE) },
  { name: 'soft hyphens', encode: separated(SOFT_HYPHEN) },
  { name: 'combining marks', encode: (text) => each(text, (character) => character + (/[A-Za-z]/.test(character) ? COMBINING_ACCENT : '')) },
  { name: 'fullwidth', encode: (text) => each(text, (character, code) => (isVisible(code) ? String.fromCodePoint(code + FULLWIDTH_SHIFT) : character)) },
  { name: 'lookalike letters', encode: (text) => each(text, (character) => LOOKALIKES.get(character) ?? character) },
  { name: 'tag block', encode: (text) => each(text, (character, code) => (code < 0x80 ? String.fromCodePoint(TAG_BLOCK + code) : character)) },
  { name: 'dotted', encode: separated('.') },
  { name: 'dashed', encode: separated('-') },
  { name: 'spaced', encode: separated(' ') },
  { name: 'reversed', encode: (text) => Array.from(text).reverse().join('') },
  { name: 'rot13', encode: rot13 },
]

/** What survives a name server: letters of one case, digits and hyphens. */
export const HOST_ENCODINGS: readonly Encoding[] = [
  { name: 'hex in host labels', encode: hex },
  { name: 'base32 in host labels', encode: (text) => base32.encode(Buffer.from(text)).replace(/=+$/, '').toLowerCase() },
]
