/** The rules of one profile in the form in which they are matched. Compiled once per policy object. */

import type { DlpPolicy } from '../model/policy.ts'
import { CREDENTIAL_RULES } from './dlp/credential-rules.ts'
import type { SecretRule, Severity } from './dlp/secret-rule.ts'
import { compileLiterals, type LiteralAutomaton } from './literal-automaton.ts'

export interface MatchableRule {
  readonly row: SecretRule
  /** The row's shape, bound to where it is asked. */
  readonly sticky: RegExp
}

export interface CustomRule {
  readonly rule: string
  readonly severity: Severity
  /** Global; linear by the check of the configuration. */
  readonly pattern: RegExp
}

export interface CompiledRules {
  readonly literals: LiteralAutomaton<MatchableRule>
  readonly runs: readonly MatchableRule[]
  readonly custom: readonly CustomRule[]
}

const COMPILED = new WeakMap<DlpPolicy, CompiledRules>()
const INLINE_FLAGS = /^\(\?([ims]+)\)/

export function compileRules(dlp: DlpPolicy): CompiledRules {
  let compiled = COMPILED.get(dlp)
  if (compiled === undefined) {
    const rows = dlp.includeDefaults ? CREDENTIAL_RULES : []
    const rules = rows.map((row) => ({ row, sticky: new RegExp(row.shape.source, 'y') }))
    compiled = {
      literals: compileLiterals(rules.flatMap((value) => value.row.literals.map((literal) => ({ literal, value })))),
      runs: rules.filter(({ row }) => row.run !== undefined),
      custom: dlp.patterns.map(({ name, regex, severity }) => ({ rule: `custom.${name}`, severity, pattern: customPattern(regex) })),
    }
    COMPILED.set(dlp, compiled)
  }
  return compiled
}

/** RE2 writes flags for the whole pattern as `(?i)` in front of it. */
function customPattern(regex: string): RegExp {
  const flags = INLINE_FLAGS.exec(regex)
  return flags === null ? new RegExp(regex, 'g') : new RegExp(regex.slice(flags[0].length), `g${flags[1] ?? ''}`)
}
