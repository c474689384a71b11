/** What is wrong with the sections `redaction`: a name that leads nowhere would switch the control off in silence. */

import { ALL_CREDENTIALS, classOfRule, PERSONAL_CLASSES } from '../redact/index.ts'
import { listRules } from '../scan/index.ts'
import { fail, type Findings } from './check-agents.ts'
import { shownText, type KeyPath } from './config-problem.ts'
import { ownEntry } from './redaction-fields.ts'
import type { FileConfig } from './schema.ts'

type FileRedaction = NonNullable<FileConfig['redaction']>

const PERSONAL = PERSONAL_CLASSES.map(({ name }) => name)
const CLASS_FORM = `expected ${ALL_CREDENTIALS}, the class of a rule, or one of ${PERSONAL.join(', ')}`

export function checkRedaction(file: FileConfig, findings: Findings): void {
  const { redaction } = file
  const known = new Set([ALL_CREDENTIALS, ...PERSONAL, ...listRules().map(classOfRule), ...ownClasses(file)])
  for (const [name, { classes = [], dictionaries = [] }] of Object.entries(redaction?.profiles ?? {})) {
    const path = ['redaction', 'profiles', name]
    failWhere([...path, 'classes'], classes.map((text) => known.has(text) ? undefined : `${CLASS_FORM}, got ${shownText(text)}`), findings)
    failWhere([...path, 'dictionaries'], dictionaries.map((text) => hasDictionary(redaction, text) ? undefined : `expected the name of a dictionary with entries, got ${shownText(text)}`), findings)
  }
}

/** Own patterns have classes, too. */
function ownClasses({ dlp, agents = {} }: FileConfig): string[] {
  const levels = [dlp, ...Object.values(agents).map((profile) => profile.dlp)]
  return levels.flatMap((level) => level?.patterns ?? []).map(({ name }) => classOfRule(`custom.${name}`))
}

/** @param faults by position in the list */
function failWhere(path: KeyPath, faults: readonly (string | undefined)[], findings: Findings): void {
  for (const [at, fault] of faults.entries()) if (fault !== undefined) fail(findings, [...path, at], fault)
}

function hasDictionary(redaction: FileRedaction | undefined, name: string): boolean {
  return (ownEntry(redaction?.dictionaries, name)?.entries.length ?? 0) > 0
}

/** @param path of the level's section; `name` as it is in force there */
export function checkEnabled(path: KeyPath, { isEnabled, name }: { readonly isEnabled: boolean; readonly name: string | undefined }, { redaction }: FileConfig, findings: Findings): void {
  if (!isEnabled) return
  if (name === undefined) fail(findings, [...path, 'enabled'], 'expected redaction.default_profile beside it, got none')
  else if (ownEntry(redaction?.profiles, name) === undefined) fail(findings, [...path, 'default_profile'], `expected a name under redaction.profiles, got ${shownText(name)}`)
}
