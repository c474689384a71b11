/** The rules of one profile in the form in which they are matched. Compiled once per policy object. */

import { RE2JS } from 're2js'

import type { OwnSecret } from '../../model/own-secret.ts'
import type { DlpPolicy } from '../../model/policy.ts'
import { CREDENTIAL_RULES } from '../dlp/credential-rules.ts'
import type { SecretRule, Severity } from '../dlp/secret-rule.ts'
import { BlockProbe } from './block-probe.ts'
import { compileLiterals, type LiteralAutomaton } from './literal-automaton.ts'
import { OwnSecretProbe } from './own-secret-probe.ts'
import { PairProbe } from './pair-probe.ts'
import type { Needle, Probe } from './probe.ts'
import { ReversedProbe } from './reversed-probe.ts'
import { rotate, RuleProbe } from './rule-probe.ts'
import { TokenPartsProbe } from './token-parts-probe.ts'

export interface RunRule {
  readonly row: SecretRule
  readonly needle: Needle
}

export interface CustomRule {
  readonly rule: string
  readonly severity: Severity
  /** Linear whatever it says, by the way RE2 works. */
  readonly pattern: RE2JS
}

export interface CompiledRules {
  readonly literals: LiteralAutomaton<Needle>
  /** Rules that look at whole runs of characters, by what the runs are of. */
  readonly runs: { readonly token: readonly RunRule[]; readonly base64: readonly RunRule[] }
  readonly custom: readonly CustomRule[]
  /** Ids of the rules whose matches do not come about by chance where pieces of text are put together. */
  readonly joinable: ReadonlySet<string>
  /** The literals of these rules alone: what shows whether a piece may begin a match. */
  readonly beginnings: LiteralAutomaton<true>
  /** Whether the built-in rules are among them. */
  readonly hasDefaults: boolean
}

const COMPILED = new WeakMap<DlpPolicy, CompiledRules>()
/** Backwards and by thirteen places only what is long enough not to stand everywhere. */
const MIN_TRANSFORMED = 4

interface Literal {
  readonly literal: Buffer
  readonly value: Needle
}

export function compileRules(dlp: DlpPolicy): CompiledRules {
  let compiled = COMPILED.get(dlp)
  if (compiled === undefined) {
    const rows = dlp.includeDefaults ? CREDENTIAL_RULES : []
    const joinable = rows.filter(({ disguises, literals }) => disguises === true && literals.some(isDistinctive))
    const own = dlp.ownSecrets ?? []
    const beginnings = [...joinable.flatMap(({ literals }) => literals.filter(isDistinctive)), ...own.flatMap(({ cores }) => cores.map(({ text }) => text))]
    compiled = {
      beginnings: compileLiterals(beginnings.map((text) => ({ literal: Buffer.from(text, 'latin1'), value: true as const }))),
      literals: compileLiterals([...rows.flatMap(literalsOf), ...own.flatMap(ownLiterals)]),
      runs: { token: runRules(rows, 'token'), base64: runRules(rows, 'base64') },
      joinable: new Set([...joinable, ...own].map(({ rule }) => rule)),
      hasDefaults: dlp.includeDefaults,
      custom: dlp.patterns.map(({ name, regex, severity }) => ({ rule: `custom.${name}`, severity, pattern: RE2JS.compile(regex) })),
    }
    COMPILED.set(dlp, compiled)
  }
  return compiled
}

/** Forwards and backwards; what is encoded is found in the views that decode it. */
function ownLiterals(secret: OwnSecret): Literal[] {
  return secret.cores.flatMap(({ offset, text }) => {
    const literal = Buffer.from(text, 'latin1')
    return [
      { literal, value: { probe: new OwnSecretProbe(secret, offset, 'forwards') } },
      { literal: Buffer.from(literal).reverse(), value: { probe: new OwnSecretProbe(secret, offset, 'backwards') } },
    ]
  })
}

function probeOf(row: SecretRule): Probe {
  if (row.pair === true) return new PairProbe(row)
  if (row.parts !== undefined) return new TokenPartsProbe(row, row.parts)
  return row.block === undefined ? new RuleProbe(row) : new BlockProbe(row, row.block)
}

function runRules(rows: readonly SecretRule[], of: 'token' | 'base64'): RunRule[] {
  return rows.filter(({ run }) => run?.of === of).map((row) => ({ row, needle: { probe: new RuleProbe(row) } }))
}

function literalsOf(row: SecretRule): Literal[] {
  const forms = [...forForm(row, probeOf(row), (literal) => literal)]
  const transformed = { ...row, literals: row.literals.filter(isDistinctive) }
  if (row.disguises === true && transformed.literals.length > 0) {
    forms.push(...forForm(transformed, new RuleProbe(row, 'rot13'), rotate), ...forForm(transformed, new ReversedProbe(row), (literal) => Array.from(literal).reverse().join('')))
  }
  return forms
}

function forForm({ literals, looseLiterals, anyDigit }: SecretRule, probe: Probe, transform: (literal: string) => string): Literal[] {
  return literals.map((text) => {
    const literal = Buffer.from(transform(text), 'latin1')
    const needle: Needle = looseLiterals === true ? { probe } : { probe, exact: literal, ...(anyDigit === true && { anyDigit }) }
    return { literal, value: needle }
  })
}

function isDistinctive(literal: string): boolean {
  return literal.length >= MIN_TRANSFORMED && /[A-Za-z].*[A-Za-z]/.test(literal)
}
