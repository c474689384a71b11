/**
 * JSON to the members of a Go struct, by the list that the encoder follows. Stricter than Go and than the Python
 * verifier, each of which fills in what the other leaves out: every member known, of its type, present if always written.
 */

import type { StructMember, Uint64 } from '../receipt/go-json.ts'
import { ShapeError } from './fault.ts'
import type { JsonObject, JsonValue } from './strict-json.ts'
import { isGoTimestamp } from './timestamp.ts'

const WHOLE_NUMBER = /^(?:0|-?[1-9][0-9]*)$/
/** Digits of any 64-bit number; longer ones are not converted, which would take quadratic time. */
const MAX_DIGITS = 20
const INT64_MAX = 2n ** 63n - 1n

const RANGES = {
  version: { min: 0n, max: INT64_MAX },
  uint8: { min: 0n, max: 255n },
  uint64: { min: 0n, max: 2n ** 64n - 1n },
  int64: { min: -INT64_MAX - 1n, max: INT64_MAX },
} as const

type IntegerKind = keyof typeof RANGES

/**
 * @param path dotted name for messages
 * @returns the members by wire name: text, boolean, number (bigint beyond 2^53), arrays, maps, nested objects
 * @throws {ShapeError}
 */
export function readStruct(members: readonly StructMember[], value: JsonValue, path: string): object {
  const object = expectObject(value, path)
  const read: Record<string, unknown> = {}
  let known = 0
  for (const member of members) {
    const held = object.members.get(member.name)
    if (held === undefined) {
      if (member.always) throw new ShapeError('member_missing', `${path}.${member.name} is absent`)
      continue
    }
    known++
    read[member.name] = readMember(member, held, `${path}.${member.name}`)
  }
  if (known !== object.members.size) refuseUnknown(object, members.map(({ name }) => name), path)
  return read
}

/** @throws {ShapeError} where the value is not an object */
export function expectObject(value: JsonValue | undefined, path: string): JsonObject {
  if (value?.kind === 'object') return value
  throw new ShapeError('member_type', `${path} is not an object`)
}

/** @throws {ShapeError} where the value is not a string */
export function expectText(value: JsonValue | undefined, path: string): string {
  if (value?.kind === 'text') return value.value
  throw new ShapeError('member_type', `${path} is not text`)
}

/** @throws {ShapeError} for the first member that is not among the names */
export function refuseUnknown(object: JsonObject, names: readonly string[], path: string): void {
  const known = new Set(names)
  for (const name of object.members.keys()) {
    if (!known.has(name)) throw new ShapeError('unknown_member', `${path}.${name} is not a member of the format`)
  }
}

/** @throws {ShapeError} where the value is not a whole number of the range, in plain decimal */
export function readInteger(value: JsonValue | undefined, kind: IntegerKind, path: string): Uint64 {
  if (value?.kind !== 'number') throw new ShapeError('member_type', `${path} is not a number`)
  if (WHOLE_NUMBER.test(value.value) && value.value.length <= MAX_DIGITS) {
    const { min, max } = RANGES[kind]
    const exact = BigInt(value.value)
    if (exact >= min && exact <= max) return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact
  }
  throw new ShapeError('number_range', `${path} is not a whole number of its range`)
}

function readMember(member: StructMember, value: JsonValue, path: string): unknown {
  return READERS[member.kind](value, path, member)
}

type Reader = (value: JsonValue, path: string, member: StructMember) => unknown

const READERS: Readonly<Record<StructMember['kind'], Reader>> = {
  version: (value, path) => readInteger(value, 'version', path),
  text: expectText,
  time: readTime,
  texts: readTexts,
  flag: readFlag,
  uint8: (value, path) => readInteger(value, 'uint8', path),
  uint64: (value, path) => readInteger(value, 'uint64', path),
  int64: (value, path) => readInteger(value, 'int64', path),
  counts: readCounts,
  struct: (value, path, { members = [] }) => readStruct(members, value, path),
  structs: (value, path, { members = [] }) => expectItems(value, path).map((item, at) => readStruct(members, item, `${path}[${at}]`)),
}

function readTime(value: JsonValue, path: string): string {
  const text = expectText(value, path)
  if (!isGoTimestamp(text)) throw new ShapeError('timestamp_form', `${path} is not a time as Go writes it`)
  return text
}

/** `null` is what Go writes for a list that is always written and was never made. */
function readTexts(value: JsonValue, path: string, member: StructMember): readonly string[] | null {
  if (value.kind === 'null' && member.always) return null
  return expectItems(value, path).map((item, at) => expectText(item, `${path}[${at}]`))
}

function readFlag(value: JsonValue, path: string): boolean {
  if (value.kind !== 'true' && value.kind !== 'false') throw new ShapeError('member_type', `${path} is not true or false`)
  return value.kind === 'true'
}

function readCounts(value: JsonValue, path: string): ReadonlyMap<string, Uint64> {
  const { members } = expectObject(value, path)
  return new Map([...members].map(([name, count]) => [name, readInteger(count, 'int64', `${path}.${name}`)]))
}

function expectItems(value: JsonValue, path: string): readonly JsonValue[] {
  if (value.kind === 'array') return value.items
  throw new ShapeError('member_type', `${path} is not a list`)
}
