/**
 * Whether a token is made of chance, or of encoded text. Length and alphabet decide nothing: names are long, too. What tells a
 * name is that its letters follow each other as letters of words do; identifiers of known forms are told by their forms.
 */

/** Shortest token that is judged. */
export const MIN_TOKEN = 24

/** Pairs of letters that make up 96 % of the words and identifiers of licences, documentation and type declarations. */
const FOLLOWERS =
  'abcdefghiklmnprstuvwy baeilorsu cacehiklmoprstuy dadegilmorstuy eabcdefghiklmnopqrstuvwxy faefilorstuy gaeghilmnorsu haeimnortuy iabcdefgklmnoprstvxz jaeosu kaeilnosu ' +
  'lacdefilostuvy mabeimopsu nacdefgiklnopstuvy oabcdefgiklmnoprstuvwy pacehiloprstuy qu rabcdefgiklmnoprstuvy sacefhiklmnopstuy tacdefhilmoprstuwy uabcdefgilmnprst vaeio ' +
  'waehinors xceipt yaeimnops zaei'

const COMMON_PAIRS: ReadonlySet<string> = new Set(FOLLOWERS.split(' ').flatMap((row) => Array.from(row.slice(1)).map((next) => row.charAt(0) + next)))

/** Words have at least four of five pairs of their letters in the table; chance has every second one. */
const MAX_COMMON_SHARE = 0.72
const MIN_PAIRS = 10
/** Per character; names in camel case have one per word. */
const MIN_SWITCHES = 0.32
const MIN_DISTINCT = 10
const MIN_TEXT_BYTES = 12

/** MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512 in hexadecimal, and object ids of 12 bytes. */
const HASH_LENGTHS: ReadonlySet<number> = new Set([24, 32, 40, 56, 64, 96, 128])
const UUID = /^\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?$/i
/** Crockford's base32: 48 bits of time, 80 of chance. */
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i
const HEX = /^(?:[0-9a-f]+|[0-9A-F]+)$/
/** Characters of one token; dots, colons and the like part two. */
const PART = /[A-Za-z0-9+/=_-]{24,}/g
const SUBPART = /[A-Za-z0-9+]{24,}/g

/** @returns what a piece of a URL holds of 24 characters or more that is not a name, an identifier or a hash */
export function judgeToken(piece: string): 'encoded' | 'random' | undefined {
  if (piece.length < MIN_TOKEN || UUID.test(piece)) return undefined
  for (const [part] of piece.matchAll(PART)) {
    const found = judgePart(part) ?? part.match(SUBPART)?.map(judgePart).find((sub) => sub !== undefined)
    if (found !== undefined) return found
  }
  return undefined
}

function judgePart(part: string): 'encoded' | 'random' | undefined {
  if (UUID.test(part) || ULID.test(part)) return undefined
  if (isEncodedText(part)) return 'encoded'
  if (HEX.test(part)) return HASH_LENGTHS.has(part.length) || /^\d+$/.test(part) ? undefined : 'random'
  return isRandom(part) ? 'random' : undefined
}

/** Hexadecimal, base32 or base64 of at least 12 printable characters. */
export function isEncodedText(token: string, minBytes = MIN_TEXT_BYTES): boolean {
  if (HEX.test(token) && isText(Buffer.from(token, 'hex'), minBytes)) return true
  if (/^(?:[A-Z2-7]+|[a-z2-7]+)=*$/.test(token) && isText(decodeBase32(token.toUpperCase()), minBytes)) return true
  return /[A-Z]/.test(token) && /[a-z]/.test(token) && isText(Buffer.from(token, 'base64url'), minBytes)
}

function isText(bytes: Buffer, minBytes: number): boolean {
  return bytes.length >= minBytes && bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d || byte === 0x09)
}

function decodeBase32(text: string): Buffer {
  const bytes: number[] = []
  let [bits, held] = [0, 0]
  for (const symbol of text) {
    const value = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(symbol)
    if (value < 0) break
    bits = ((bits << 5) | value) & 0xffff
    held += 5
    if (held < 8) continue
    held -= 8
    bytes.push((bits >> held) & 0xff)
  }
  return Buffer.from(bytes)
}

/** @param part letters, digits and little else */
export function isRandom(part: string): boolean {
  const text = part.replace(/[-_=+/]/g, '')
  // Words joined by hyphens are words.
  if (part.length - text.length > part.length / 10 || new Set(text).size < MIN_DISTINCT) return false
  const { pairs, common, switches } = countPairs(text)
  if (switches >= text.length * MIN_SWITCHES) return true
  return pairs >= MIN_PAIRS && common < pairs * MAX_COMMON_SHARE
}

/** `switches`: from letter to digit or back, and from lower to upper case. */
function countPairs(text: string): { readonly pairs: number; readonly common: number; readonly switches: number } {
  let [pairs, common, switches] = [0, 0, 0]
  for (let at = 1; at < text.length; at++) {
    const [before, here] = [text.charAt(at - 1), text.charAt(at)]
    if (isDigit(before) !== isDigit(here) || (isLower(before) && isUpper(here))) switches++
    if (isDigit(before) || isDigit(here)) continue
    pairs++
    if (COMMON_PAIRS.has((before + here).toLowerCase())) common++
  }
  return { pairs, common, switches }
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9'
}

function isLower(character: string): boolean {
  return character >= 'a' && character <= 'z'
}

function isUpper(character: string): boolean {
  return character >= 'A' && character <= 'Z'
}
