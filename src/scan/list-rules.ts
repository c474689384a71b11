/** The names of the built-in rules, for configuration and reference. */

import { CREDENTIAL_RULES } from './dlp/credential-rules.ts'

/** @returns every built-in rule's stable id once, in the order of the tables */
export function listRules(): readonly string[] {
  return [...new Set(CREDENTIAL_RULES.map(({ rule }) => rule))]
}
