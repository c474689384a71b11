/** One line of a recorder file: strict reading, and the hash of what stands there. */

import { encodeEntry, type EntryFields, entryHash } from '../receipt/entry.ts'
import { always, optional, type StructMember } from '../receipt/go-json.ts'
import { ShapeError } from './fault.ts'
import { expectObject, readInteger, readStruct } from './read-struct.ts'
import { type JsonObject, type JsonValue, parseJson } from './strict-json.ts'

export interface ParsedEntry {
  readonly fields: EntryFields
  /** What the line says its hash is. */
  readonly statedHash: string
  /** What it is. */
  readonly ownHash: string
  readonly detail: JsonValue
  /** Whether the line is letter for letter what an emitter writes. */
  readonly isUsualSpelling: boolean
}

/** Wire shape of an entry without its detail. */
interface WireEntry {
  readonly v: EntryFields['version']
  readonly seq: EntryFields['seq']
  readonly ts: string
  readonly session_id: string
  readonly trace_id?: string
  readonly type: string
  readonly event_kind?: string
  readonly transport: string
  readonly summary: string
  readonly raw_ref?: string
  readonly prev_hash: string
  readonly hash: string
}

const COMMON: readonly StructMember[] = [
  ...always('version', 'v'), ...always('uint64', 'seq'), ...always('time', 'ts'), ...always('text', 'session_id'), ...optional('text', 'trace_id'),
  ...always('text', 'type'), ...always('text', 'transport', 'summary'), ...optional('text', 'raw_ref'), ...always('text', 'prev_hash', 'hash'),
]
const MEMBERS = { 1: COMMON, 2: [...COMMON, ...optional('text', 'event_kind')] } as const

/** @returns whether an object looks like an entry, valid or not */
export function isEntry(value: JsonValue): value is JsonObject {
  return value.kind === 'object' && value.members.has('v')
}

/** @throws {ShapeError} */
export function parseEntry(line: string): ParsedEntry {
  const object = expectObject(parseJson(line), 'entry')
  const version = readInteger(object.members.get('v'), 'version', 'entry.v')
  if (version !== 1 && version !== 2) throw new ShapeError('unsupported_version', `entry version ${version}, expected 1 or 2`)
  const detail = object.members.get('detail')
  if (detail === undefined) throw new ShapeError('member_missing', 'entry.detail is absent')

  const rest = new Map(object.members)
  rest.delete('detail')
  const wire = readStruct(MEMBERS[version], { ...object, members: rest }, 'entry') as WireEntry
  requirePlain(wire)
  const fields = fieldsOf(wire, line.slice(detail.start, detail.end))
  return {
    fields,
    statedHash: wire.hash,
    ownHash: entryHash(fields),
    detail,
    isUsualSpelling: encodeEntry(fields, wire.hash) === line,
  }
}

function requirePlain(wire: WireEntry): void {
  if (wire.session_id === '') throw new ShapeError('entry_invalid', 'session_id is empty')
  if (!wire.ts.endsWith('Z')) throw new ShapeError('timestamp_form', 'ts is not in UTC')
  // NUL separates what is hashed: inside a member it could move text from one member into the next.
  const hashed = [wire.session_id, wire.trace_id, wire.type, wire.event_kind, wire.transport, wire.summary, wire.raw_ref, wire.prev_hash]
  if (hashed.some((text) => text?.includes('\0') === true)) throw new ShapeError('entry_invalid', 'a member holds NUL')
}

function fieldsOf(wire: WireEntry, detail: string): EntryFields {
  return {
    version: wire.v,
    seq: wire.seq,
    timestamp: wire.ts,
    sessionId: wire.session_id,
    traceId: wire.trace_id,
    type: wire.type,
    eventKind: wire.event_kind,
    transport: wire.transport,
    summary: wire.summary,
    detail,
    rawRef: wire.raw_ref,
    prevHash: wire.prev_hash,
  }
}
