/** Translates a Pipelock configuration into ours and says what became of every key. Values of dropped keys are not repeated. */

import { stringify } from 'yaml'
import { dottedPath, formatProblem, type ConfigProblem, type KeyPath } from './config-problem.ts'
import { foreignKey, generic, isMissed } from './foreign-keys.ts'
import { FOREIGN_DEFAULTS, IMPORT_RULES, type ImportRule } from './import-rules.ts'
import { isConfigErrors, parseConfig } from './load-config.ts'
import { isSourceErrors, parseYamlSource } from './yaml-source.ts'

export interface PipelockImport {
  /** Our file; empty where the other one is not readable YAML. */
  readonly text: string
  /** One line per key of the other file, in its order: `kept: …`, `renamed: …`, `changed: …`, `dropped: …`, then `added: …`. */
  readonly changes: readonly string[]
  /** Those of the changes that leave out a control or a setting: somebody has to decide how to go on without it. */
  readonly losses: readonly string[]
  /** What still has to be put right by hand before the result loads; of the other file where `text` is empty. */
  readonly problems: readonly ConfigProblem[]
}

const RESULT_NAME = 'imported.yaml'

interface Work {
  readonly target: Record<string, unknown>
  readonly changes: string[]
  readonly losses: string[]
  /** Dotted keys written so far. */
  readonly written: Set<string>
}

export function importPipelock(text: string, fileName = 'pipelock.yaml'): PipelockImport {
  const source = parseYamlSource(text, fileName)
  if (isSourceErrors(source)) return { text: '', changes: source.problems.map(formatProblem), losses: [], problems: source.problems }

  const work: Work = { target: newMap(), changes: [], losses: [], written: new Set() }
  translateMap(source.root, [], work)
  for (const [key, value] of FOREIGN_DEFAULTS) {
    if (work.written.has(key)) continue
    write(work, key.split('.'), value)
    work.changes.push(`added: ${key}: ${String(value)}, the other product's default`)
  }
  const translated = `# Translated from ${fileName.replace(/[^\x20-\x7e]/g, '?')}\n${stringify(work.target, { lineWidth: 120 })}`
  const loaded = parseConfig(translated, RESULT_NAME, {})
  return { text: translated, changes: work.changes, losses: work.losses, problems: isConfigErrors(loaded) ? loaded.problems : [] }
}

function translateMap(level: object, path: KeyPath, work: Work): void {
  for (const [name, value] of Object.entries(level) as [string, unknown][]) {
    const here = [...path, name]
    const rule = IMPORT_RULES.get(generic(here))
    if (rule !== undefined) translateKey(value, here, rule, work)
    else if (hasRulesBelow(here) && typeof value === 'object' && value !== null && !Array.isArray(value)) translateSection(value, here, work)
    else note(work, `dropped: ${dottedPath(here)}: ${foreignKey(here) ?? 'no such key here'}`, isMissed(here, value))
  }
}

/** A profile stays a profile even when none of its keys does. */
function translateSection(section: object, path: KeyPath, work: Work): void {
  const isProfile = path.length === 2 && path[0] === 'agents'
  if (isProfile) write(work, path, newMap())
  translateMap(section, path, work)
}

function translateKey(value: unknown, path: KeyPath, rule: ImportRule, work: Work): void {
  const { value: translated, notes = [], isLossy = false } = rule.convert(value)
  const from = dottedPath(path)
  const target = targetPath(rule.to, path)
  if (translated !== undefined) {
    write(work, target, translated)
    work.written.add(rule.to)
  }
  const to = dottedPath(target)
  if (translated === undefined) note(work, `dropped: ${from}: ${notes.join('; ')}`, isLossy)
  else if (notes.length > 0) note(work, `changed: ${from}: ${notes.join('; ')}`, isLossy)
  else work.changes.push(from === to ? `kept: ${from}` : `renamed: ${from} is ${to}`)
}

function note({ changes, losses }: Work, line: string, isLoss: boolean): void {
  changes.push(line)
  if (isLoss) losses.push(line)
}

/** Only keys of profiles hold a name, and they keep their place. */
function targetPath(to: string, path: KeyPath): KeyPath {
  return path[0] === 'agents' ? path : to.split('.')
}

function hasRulesBelow(path: KeyPath): boolean {
  const prefix = `${generic(path)}.`
  return [...IMPORT_RULES.keys()].some((key) => key.startsWith(prefix))
}

function write({ target }: Work, path: KeyPath, value: unknown): void {
  let level = target
  for (const segment of path.slice(0, -1)) {
    const next = (level[segment] as Record<string, unknown> | undefined) ?? newMap()
    Object.defineProperty(level, segment, { value: next, enumerable: true, configurable: true })
    level = next
  }
  Object.defineProperty(level, path.at(-1) ?? '', { value, enumerable: true, configurable: true })
}

/** Without a prototype: names of profiles come from the file. */
function newMap(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>
}
