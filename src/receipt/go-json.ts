/**
 * JSON text as Go's `encoding/json` writes it (Go 1.22 and later): compact, `<`, `>`, `&`, U+2028 and U+2029 escaped,
 * `\b` and `\f` in short form, a lone surrogate as a raw U+FFFD. Hashes and signatures are over these bytes.
 */

const NEEDS_ESCAPE = /["\\<>&\u0000-\u001f\u2028\u2029\ud800-\udfff]/
const GO_DIFFERS = /[<>&\u2028\u2029]|\\u[dD]/
/** A backslash pair is consumed first, so that the text `\ud800` behind an escaped backslash is left alone. */
const GO_REPLACEMENTS = /\\\\|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|[<>&\u2028\u2029]/g

/** @returns the JSON string, quotes included */
export function quoteGo(text: string): string {
  // Most strings of a receipt need nothing: a test is a fraction of what JSON.stringify costs.
  if (!NEEDS_ESCAPE.test(text)) return `"${text}"`
  const json = JSON.stringify(text)
  return GO_DIFFERS.test(json) ? json.replace(GO_REPLACEMENTS, goSpelling) : json
}

function goSpelling(match: string): string {
  if (match === '\\\\') return match
  if (match.startsWith('\\u')) return '\ufffd'
  return `\\u${match.charCodeAt(0).toString(16).padStart(4, '0')}`
}


/** Order of the keys of a Go map: by UTF-8 bytes, which differs from UTF-16 order beyond the basic plane. */
export function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'))
}

/**
 * Compacts a JSON text as Go does with a `json.RawMessage`: white space dropped, the five HTML-unsafe characters
 * escaped, spelling of numbers and other escapes and order of keys kept.
 *
 * @param json valid JSON; anything else gives an unspecified text
 */
export function compactGo(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|[ \t\n\r]+/g, (part) => {
    if (!part.startsWith('"')) return ''
    return part.replace(/[<>&\u2028\u2029]/g, goSpelling)
  })
}

/** An unsigned or signed 64-bit integer; a bigint where a number cannot hold it exactly. */
export type Uint64 = number | bigint

/** What a member of a Go struct may hold. `time` is an RFC 3339 text, `counts` a map from name to number. */
export type MemberKind = 'version' | 'text' | 'time' | 'texts' | 'flag' | 'uint8' | 'uint64' | 'int64' | 'counts' | 'struct' | 'structs'

/** One member of a Go struct: the encoder writes it, the strict reader types it. */
export interface StructMember {
  readonly name: string
  readonly kind: MemberKind
  /** Written even when zero; otherwise left out when it is empty, 0, false or absent. */
  readonly always: boolean
  /** Members of `struct` and `structs`. */
  readonly members?: readonly StructMember[]
  /** `"name":`, built once. */
  readonly key: string
}

export function always(kind: MemberKind, ...names: readonly string[]): StructMember[] {
  return names.map((name) => ({ name, kind, always: true, key: `"${name}":` }))
}

export function optional(kind: MemberKind, ...names: readonly string[]): StructMember[] {
  return names.map((name) => ({ name, kind, always: false, key: `"${name}":` }))
}

/** A pointer to a struct: left out when absent, `{}` when present and empty. */
export function nested(name: string, members: readonly StructMember[]): StructMember {
  return { name, kind: 'struct', always: false, members, key: `"${name}":` }
}

export function nestedList(name: string, members: readonly StructMember[]): StructMember {
  return { name, kind: 'structs', always: false, members, key: `"${name}":` }
}

/**
 * @param members in declaration order, which is the order of the text
 * @param value its members by wire name, of the types that `kind` says; others are not written
 */
export function encodeStruct(members: readonly StructMember[], value: object): string {
  const values = value as Readonly<Record<string, unknown>>
  let json = ''
  for (const member of members) {
    const held = values[member.name]
    if (held === undefined && !member.always) continue
    // Most members are non-empty text: writing it here saves a call through the table.
    const written = typeof held === 'string' && held !== '' ? quoteGo(held) : WRITERS[member.kind](held as never, member)
    if (written !== '') json += json === '' ? member.key + written : `,${member.key}${written}`
  }
  return `{${json}}`
}

/** Writers by kind; '' means that the member is left out. */
const WRITERS: Readonly<Record<MemberKind, (held: never, member: StructMember) => string>> = {
  version: encodeInteger,
  text: encodeText,
  time: encodeText,
  texts: encodeTexts,
  flag: (held: boolean | undefined) => (held === true ? 'true' : ''),
  uint8: encodeInteger,
  uint64: encodeInteger,
  int64: encodeInteger,
  counts: encodeCounts,
  struct: (held: object, { members = [] }) => encodeStruct(members, held),
  structs: encodeStructs,
}

function encodeText(held: string | undefined, member: StructMember): string {
  return (held === undefined || held === '') && !member.always ? '' : quoteGo(held ?? '')
}

function encodeInteger(held: Uint64 | undefined, member: StructMember): string {
  return (held === undefined || Number(held) === 0) && !member.always ? '' : String(held ?? 0)
}

function encodeTexts(held: readonly string[] | null | undefined, member: StructMember): string {
  if (held === null || held === undefined) return member.always ? 'null' : ''
  return held.length === 0 && !member.always ? '' : `[${held.map(quoteGo).join(',')}]`
}

function encodeCounts(held: ReadonlyMap<string, Uint64>): string {
  if (held.size === 0) return ''
  const byKey = [...held].sort(([a], [b]) => compareUtf8(a, b))
  return `{${byKey.map(([key, number]) => `${quoteGo(key)}:${number}`).join(',')}}`
}

function encodeStructs(held: readonly object[], { members = [] }: StructMember): string {
  return held.length === 0 ? '' : `[${held.map((one) => encodeStruct(members, one)).join(',')}]`
}
