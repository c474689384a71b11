/** From the sections `redaction` to the redaction of a profile. Nothing is judged here. */

import type { RedactionDictionary, RedactionPolicy } from '../model/policy.ts'
import { fillIn } from './fill-in.ts'
import { DICTIONARY_DEFAULTS, REDACTION_DEFAULTS } from './redaction-schema.ts'
import type { FileConfig } from './schema.ts'

type FileRedaction = NonNullable<FileConfig['redaction']>

/** @returns the redaction of that name as the data path reads it; `undefined` where the file has none of that name */
export function buildRedaction(redaction: FileRedaction | undefined, name: string): RedactionPolicy | undefined {
  const profile = ownEntry(redaction?.profiles, name)
  if (redaction === undefined || profile === undefined) return undefined
  return {
    profile: name,
    classes: profile.classes ?? [],
    dictionaries: (profile.dictionaries ?? []).flatMap((dictionary) => buildDictionary(redaction, dictionary)),
    maxRedactions: redaction.limits?.max_redactions_per_request ?? REDACTION_DEFAULTS.limits.max_redactions_per_request,
  }
}

function buildDictionary({ dictionaries }: FileRedaction, name: string): RedactionDictionary[] {
  const written = ownEntry(dictionaries, name)
  if (written === undefined || written.entries.length === 0) return []
  const { word_boundary: isWholeWord, case_sensitive: isCaseSensitive, priority } = fillIn(DICTIONARY_DEFAULTS, written)
  return [{ className: written.class, entries: written.entries, isWholeWord, isCaseSensitive, priority }]
}

/** Names come from the file, and every object inherits a `constructor`. */
export function ownEntry<T>(entries: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return entries !== undefined && Object.hasOwn(entries, name) ? entries[name] : undefined
}
