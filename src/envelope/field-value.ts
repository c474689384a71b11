/** Values of field components (RFC 9421 §2.1): lines joined, or parsed and serialised (`sf`, `key`), or as bytes (`bs`). */

import { headerValues, type RawHeaders } from '../model/raw-headers.ts'
import type { Component } from './component.ts'
import { MessageSignatureError } from './message-signature-error.ts'
import { canonicalField, canonicalMember, trimSpace, type FieldType } from './structured-field.ts'

/** Structured type by field name, lower case. A field with `sf` must have its type known to both sides (§2.1.1). */
export type FieldTypes = ReadonlyMap<string, FieldType>

const named = (type: FieldType, ...names: readonly string[]): (readonly [string, FieldType])[] => names.map((name) => [name, type] as const)

/** Types of the IANA field name registry, and of our own fields. */
export const KNOWN_FIELD_TYPES: FieldTypes = new Map([
  ...named('dictionary', 'accept-signature', 'cdn-cache-control', 'content-digest', 'permissions-policy', 'priority', 'repr-digest'),
  ...named('dictionary', 'reporting-endpoints', 'signature', 'signature-input', 'want-content-digest', 'want-repr-digest', 'chaperone-head', 'pipelock-mediation'),
  ...named('list', 'accept-ch', 'cache-status', 'client-cert-chain', 'proxy-status', 'sec-ch-ua'),
  ...named('item', 'capsule-protocol', 'client-cert', 'cross-origin-embedder-policy', 'cross-origin-opener-policy', 'deprecation'),
  ...named('item', 'idempotency-key', 'origin-agent-cluster', 'cross-origin-resource-policy', 'chaperone-stream'),
])

/** A line break of the message, with the white space around it (RFC 9112 §5.2: obsolete line folding). */
const LINE_FOLD = /[ \t]*\r?\n[ \t]+/g

/**
 * @param fields the header section, or the trailers for a component with `tr`
 * @returns what stands in the signature base
 * @throws {MessageSignatureError} `component_missing`, `field_malformed`
 */
export function fieldValue(component: Component, fields: RawHeaders, types: FieldTypes): string {
  const { name, params, id } = component
  const lines = headerValues(fields, name).map(cleanLine)
  if (lines.length === 0) throw new MessageSignatureError('component_missing', `${id}: expected the field in the message`)
  if (params.has('bs')) return lines.map((line) => encodeLine(line, id)).join(', ')
  const joined = lines.join(', ')
  const key = params.get('key')
  if (typeof key === 'string') return memberValue(component, joined, key)
  return params.has('sf') ? canonicalField(joined, typeOf(component, types)) : joined
}

function memberValue({ id }: Component, joined: string, key: string): string {
  const value = canonicalMember(joined, key)
  if (value === undefined) throw new MessageSignatureError('component_missing', `${id}: expected the member in the field`)
  return value
}

function typeOf({ name, id }: Component, types: FieldTypes): FieldType {
  const type = types.get(name)
  if (type === undefined) throw new MessageSignatureError('component_invalid', `${id}: expected a field whose structured type is known`)
  return type
}

/** §2.1.3: the bytes of each line by themselves. Field values are latin-1 text, so a character beyond it was never on a wire. */
function encodeLine(line: string, id: string): string {
  if (/[\r\n\u0100-\uffff]/.test(line)) throw new MessageSignatureError('value_invalid', `${id}: expected bytes on one line`)
  return `:${Buffer.from(line, 'latin1').toString('base64')}:`
}

function cleanLine(value: string): string {
  const trimmed = trimSpace(value)
  return trimmed.includes('\n') ? trimmed.replace(LINE_FOLD, ' ') : trimmed
}
