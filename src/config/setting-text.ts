/** Settings as text for people: with units, short, and without secrets. */

import type { KeyFacts } from './leaves.ts'
import { SecretText } from './secret-text.ts'
import { formatDuration, formatSize } from './units.ts'

const SHOWN_ITEMS = 20

/** @param value in the form of the parsed file; `undefined` where the key is not set and has no default */
export function settingText(value: unknown, facts: Pick<KeyFacts, 'unit' | 'members'>): string {
  if (value === undefined) return 'not set'
  if (value instanceof SecretText) return value.toString()
  if (Array.isArray(value)) return listText(value)
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  return typeof value === 'number' ? numberText(value, facts) : membersText(value, facts)
}

function membersText(value: unknown, { members = {} }: Pick<KeyFacts, 'members'>): string {
  if (typeof value !== 'object' || value === null) return 'set'
  const texts = Object.entries(value).filter(([, member]) => member !== undefined).map(([name, member]: [string, unknown]) => {
    const unit = members[name]
    return `${name}: ${settingText(member, unit === undefined ? {} : { unit })}`
  })
  return `{${texts.join(', ')}}`
}

function numberText(value: number, facts: Pick<KeyFacts, 'unit'>): string {
  if (facts.unit === 'ms') return formatDuration(value)
  return facts.unit === 'bytes' || facts.unit === 'bytes per minute' ? formatSize(value) : String(value)
}

/** Own patterns are told by their names: the expression may spell the secret it looks for. */
function listText(items: readonly unknown[]): string {
  const names = items.slice(0, SHOWN_ITEMS).map((item) => (typeof item === 'string' || typeof item === 'number' ? String(item) : nameOf(item)))
  const rest = items.length > SHOWN_ITEMS ? [`and ${items.length - SHOWN_ITEMS} more`] : []
  return `[${[...names, ...rest].join(', ')}]`
}

function nameOf(item: unknown): string {
  return typeof item === 'object' && item !== null && 'name' in item && typeof item.name === 'string' ? item.name : '?'
}
