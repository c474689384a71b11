/** The keys of the file as a flat table, read off the schema. */

import * as z from 'zod'
import { type KeyFacts } from './leaves.ts'
import { fileSchema } from './schema.ts'

export interface ConfigKey extends KeyFacts {
  /** Dotted, for example `timeouts.dns` or `agents.<name>.mode`. */
  readonly key: string
  /** The words after `expected` for a wrong value. */
  readonly expected: string
}

/** Stands for the name of a profile in the dotted key. */
export const ANY_AGENT = '<name>'

type Meta = Partial<KeyFacts> & { readonly expected?: string; readonly shown?: false }

/** @returns every key that a file may set, in the order of the schema; a list is one key */
export function listKeys(): readonly ConfigKey[] {
  return KEYS
}

/** @returns the facts of a key, by its dotted text with `<name>` for a profile's name */
export function findKey(dotted: string): ConfigKey | undefined {
  return KEY_BY_NAME.get(dotted)
}

/** @returns what the schema says of a place in the file, or `undefined` where the schema has no such place */
export function metaAt(path: readonly (string | number)[]): Meta | undefined {
  const schema = path.reduce<z.core.$ZodType | undefined>(stepInto, fileSchema)
  if (schema === undefined) return undefined
  const inner = unwrap(schema)
  const written = metaOf(inner)
  if (written.expected !== undefined) return written
  // A text in the place of a section may be a secret that lost its key.
  return { expected: 'a mapping', shown: false }
}

/** @returns the keys a mapping of the file may have; empty where the place is none, or its keys are names */
export function keysAt(path: readonly (string | number)[]): readonly string[] {
  const schema = path.reduce<z.core.$ZodType | undefined>(stepInto, fileSchema)
  const inner = schema === undefined ? undefined : unwrap(schema)
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : []
}

function stepInto(schema: z.core.$ZodType | undefined, segment: string | number): z.core.$ZodType | undefined {
  const inner = schema === undefined ? undefined : unwrap(schema)
  if (inner instanceof z.ZodArray) return inner.element
  if (inner instanceof z.ZodRecord) return inner.valueType
  if (!(inner instanceof z.ZodObject)) return undefined
  // A Map: the segment comes from the file, and `shape.constructor` would exist.
  return new Map(members(inner)).get(String(segment))
}

function members(schema: z.ZodObject): [string, z.core.$ZodType][] {
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape
  return Object.entries(shape)
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional ? unwrap(schema.unwrap()) : schema
}

function metaOf(schema: z.core.$ZodType): Meta {
  return z.globalRegistry.get(schema) as Meta | undefined ?? {}
}

function collect(schema: z.core.$ZodType, prefix: string): ConfigKey[] {
  const inner = unwrap(schema)
  const { description, effect, applies, expected = '', ...rest } = metaOf(inner)
  if (description !== undefined && effect !== undefined && applies !== undefined) return [{ key: prefix, ...rest, description, effect, applies, expected }]
  if (inner instanceof z.ZodRecord) return collect(inner.valueType, `${prefix}.${ANY_AGENT}`)
  if (!(inner instanceof z.ZodObject)) return []
  return members(inner).flatMap(([name, type]) => collect(type, prefix === '' ? name : `${prefix}.${name}`))
}

/** A profile inherits what it leaves out, so its keys have no default of their own. */
function withoutInherited({ default: value, ...rest }: ConfigKey): ConfigKey {
  return rest.key.startsWith('agents.') || value === undefined ? rest : { ...rest, default: value }
}

const KEYS: readonly ConfigKey[] = Object.freeze(collect(fileSchema, '').map((row) => Object.freeze(withoutInherited(row))))
const KEY_BY_NAME: ReadonlyMap<string, ConfigKey> = new Map(KEYS.map((row) => [row.key, row]))
