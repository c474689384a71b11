/** The section `redaction` of the file and of a profile. Rows of the schema. */

import * as z from 'zod'
import { flag, key, leaf, listOf, wholeNumber, type KeyFacts } from './leaves.ts'

export const REDACTION_DEFAULTS = { enabled: false, profiles: {}, dictionaries: {}, limits: { max_redactions_per_request: 10_000 } } as const
export const DICTIONARY_DEFAULTS = { word_boundary: true, case_sensitive: false, priority: 50 } as const

const MAX_NAME = 48
const MAX_ENTRY = 256
const MAX_PRIORITY = 99

const reload = (description: string, effect: string, rest: Partial<KeyFacts> = {}): KeyFacts => ({ description, effect, applies: 'reload', ...rest })
const name = () => leaf(z.string().regex(new RegExp(`^[a-z0-9](?:[a-z0-9-]{0,${MAX_NAME - 2}}[a-z0-9])?$`)), { expected: `a name of 1 to ${MAX_NAME} lower-case letters, digits and hyphens` })
const entry = () => leaf(z.string().min(1).max(MAX_ENTRY), { expected: `a text of 1 to ${MAX_ENTRY} characters`, shown: false })

const profile = z.strictObject({ classes: listOf(name()).optional(), dictionaries: listOf(name()).optional() })
const dictionary = z.strictObject({
  class: name(),
  entries: listOf(entry()),
  word_boundary: flag().optional(),
  case_sensitive: flag().optional(),
  priority: wholeNumber(0, MAX_PRIORITY).optional(),
})

const enabled = key(flag(), reload(
  'true replaces what the redaction profile names by placeholders before a request body leaves; what cannot be replaced is refused.',
  'true forwards <pl:CLASS:N> in the place of a credential that would have been refused', { default: REDACTION_DEFAULTS.enabled }))
const defaultProfile = key(name(), reload('The redaction profile that applies.', 'the classes of that profile are replaced, others are not'))

/** As a profile of agents has it. */
export const profileRedaction = z.strictObject({ enabled, default_profile: defaultProfile }).optional()

/** As the top level has it. */
export const fileRedaction = z.strictObject({
  enabled,
  default_profile: defaultProfile,
  profiles: key(leaf(z.record(name(), profile), { expected: 'redaction profiles by name', shown: false }), reload(
    'Redaction profiles by name: {classes, dictionaries}. The class credentials stands for every credential.',
    'a class named there is replaced (<pl:CLASS:N>)', { default: REDACTION_DEFAULTS.profiles })),
  dictionaries: key(leaf(z.record(name(), dictionary), { expected: 'dictionaries by name', shown: false }), reload(
    'Lists of words by name: {class, entries, word_boundary, case_sensitive, priority}.',
    'a word of a dictionary that the redaction profile names is replaced', { default: REDACTION_DEFAULTS.dictionaries })),
  limits: z.strictObject({
    max_redactions_per_request: key(wholeNumber(1, 1_000_000), reload('Replacements in one body.', 'a body with one more is refused (redaction_unsafe)', { default: REDACTION_DEFAULTS.limits.max_redactions_per_request, unit: 'count' })),
  }).optional(),
}).optional()
