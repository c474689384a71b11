/** What a file says, flat: one entry for each key that stands in it. */

import type { WrittenSetting } from './config.ts'
import { dottedPath, type KeyPath } from './config-problem.ts'
import { generic } from './foreign-keys.ts'
import { findKey } from './keys.ts'
import type { FileConfig } from './schema.ts'
import { SecretText } from './secret-text.ts'
import type { SourceDocument } from './yaml-source.ts'

/** @returns the settings by dotted key, in the order of the schema; secrets wrapped */
export function writtenSettings(file: FileConfig, source: SourceDocument): Map<string, WrittenSetting> {
  return new Map(collect(file, [], source))
}

function collect(level: object, path: KeyPath, source: SourceDocument): [string, WrittenSetting][] {
  return Object.entries(level).flatMap(([name, value]: [string, unknown]): [string, WrittenSetting][] => {
    const here = [...path, name]
    const facts = findKey(generic(here))
    if (facts === undefined) return typeof value === 'object' && value !== null ? collect(value, here, source) : []
    const kept = facts.secret === true && typeof value === 'string' ? new SecretText(value) : withoutValues(structuredClone(value))
    return [[dottedPath(here), { value: kept, line: source.keyAt(here).line }]]
  })
}

/** A canary token's value is kept as a secret: whether it changed can be told, what it is cannot. */
function withoutValues(value: unknown): unknown {
  if (!Array.isArray(value)) return value
  return value.map((item: unknown): unknown =>
    typeof item === 'object' && item !== null && 'value' in item && typeof item.value === 'string' ? { ...item, value: new SecretText(item.value).digest() } : item,
  )
}
