/** Finds in the slots of a message what its redaction profile names beyond credentials: personal classes and words of dictionaries. */

import type { RedactionDictionary } from '../model/policy.ts'
import { PERSONAL_CLASSES, type PersonalClass } from './personal-classes.ts'
import type { RedactionSpan } from './redact-body.ts'
import { readSlot, type SlotText } from './slot-text.ts'
import type { Slot } from './slot.ts'

/** Credentials win over a word of a dictionary, and that over what merely has a form. */
export const CREDENTIAL_PRIORITY = 100
const PERSONAL_PRIORITY = 10

export interface SpanFinder {
  /** @returns spans of the message, in no order, possibly overlapping */
  find(bytes: Buffer, slots: readonly Slot[]): readonly RedactionSpan[]
}

interface Search {
  readonly className: string
  readonly priority: number
  readonly pattern: RegExp
  readonly isOne?: ((match: string) => boolean) | undefined
}

/** Compiles a profile's searches once. @param classes names of personal classes; others are the scanner's and are left out */
export function createSpanFinder(classes: ReadonlySet<string>, dictionaries: readonly RedactionDictionary[]): SpanFinder {
  const personal = PERSONAL_CLASSES.filter(({ name }) => classes.has(name)).map(personalSearch)
  const searches = [...dictionaries.map(dictionarySearch), ...personal]
  return { find: (bytes, slots) => (searches.length === 0 ? [] : slots.flatMap((slot) => findIn(readSlot(bytes, slot), searches))) }
}

function personalSearch({ name, pattern, isOne }: PersonalClass): Search {
  return { className: name, priority: PERSONAL_PRIORITY, pattern, isOne }
}

/** Longest first, so that of two words that begin alike the longer one is found. */
function dictionarySearch({ className, entries, isCaseSensitive, isWholeWord, priority }: RedactionDictionary): Search {
  const words = [...entries].sort((a, b) => b.length - a.length).map((word) => Buffer.from(word).toString('latin1').replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&'))
  const source = `(?:${words.join('|')})`
  return { className, priority, pattern: new RegExp(isWholeWord ? `(?<!\\w)${source}(?!\\w)` : source, isCaseSensitive ? 'g' : 'gi') }
}

function findIn({ text, offsetOf }: SlotText, searches: readonly Search[]): RedactionSpan[] {
  return searches.flatMap(({ className, priority, pattern, isOne }) =>
    [...text.matchAll(pattern)]
      .filter((match) => match[0] !== '' && isOne?.(match[0]) !== false)
      .map((match) => ({ className, priority, start: offsetOf(match.index), end: offsetOf(match.index + match[0].length) })))
}
