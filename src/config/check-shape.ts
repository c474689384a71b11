/** From the tree of the file to its typed form: types, ranges, unknown keys, names of profiles, references to the environment. */

import type * as z from 'zod'
import { checkAgentName } from './agent-name.ts'
import { describeValue, dottedPath, shownText, type ConfigProblem, type KeyPath } from './config-problem.ts'
import { foreignKey } from './foreign-keys.ts'
import { keysAt, metaAt } from './keys.ts'
import { fileSchema, type FileConfig } from './schema.ts'
import { closestWord } from './closest-word.ts'
import type { SourceDocument, SourceMap } from './yaml-source.ts'

/** The environment, or what stands for it. */
export type Environment = Readonly<Record<string, string | undefined>>

const REFERENCE = /^\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}$/
const REFERENCE_START = '${env:'

/** @returns the typed file, or every fault of shape in no particular order */
export function checkShape(source: SourceDocument, env: Environment): FileConfig | readonly ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const root = substitute(source.root, [], { source, env, problems }) as SourceMap
  problems.push(...agentNames(source))
  const parsed = fileSchema.safeParse(root)
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap((issue) => problemsOf(issue, source)))
  return problems.length === 0 && parsed.success ? parsed.data : unique(problems)
}

interface Substitution {
  readonly source: SourceDocument
  readonly env: Environment
  readonly problems: ConfigProblem[]
}

/** Puts the environment's values in, in secret keys only. Anywhere else a reference would be a value of its own. */
function substitute(value: unknown, path: KeyPath, work: Substitution): unknown {
  if (Array.isArray(value)) return value.map((item, at) => substitute(item, [...path, at], work))
  if (typeof value === 'object' && value !== null) {
    const copy = Object.create(null) as Record<string, unknown>
    for (const [name, inner] of Object.entries(value)) {
      Object.defineProperty(copy, name, { value: substitute(inner, [...path, name], work), enumerable: true })
    }
    return copy
  }
  return typeof value === 'string' && value.includes(REFERENCE_START) ? readReference(value, path, work) : value
}

function readReference(text: string, path: KeyPath, { source, env, problems }: Substitution): string {
  const fail = (message: string): string => {
    problems.push(problemAt(source, path, message))
    return ''
  }
  if (metaAt(path)?.secret !== true) return fail('expected a literal value, got a reference to the environment: only secret keys (admin.token, state) take one')
  const name = REFERENCE.exec(text)?.[1]
  if (name === undefined) return fail('expected nothing but ${env:NAME}, got other text around or in the reference')
  const value = env[name]
  if (value === undefined || value === '') return fail(`expected the environment variable ${name} to be set, got nothing`)
  return value
}

function agentNames(source: SourceDocument): ConfigProblem[] {
  const { agents } = source.root
  if (typeof agents !== 'object' || agents === null || Array.isArray(agents)) return []
  return Object.keys(agents).flatMap((name) => {
    const expected = checkAgentName(name)
    const path = ['agents', name]
    return expected === undefined ? [] : [{ ...problemAt(source, path, `expected ${expected}`), ...source.keyAt(path) }]
  })
}

function problemsOf(issue: z.core.$ZodIssue, source: SourceDocument): ConfigProblem[] {
  const path = issue.path.filter((segment) => typeof segment !== 'symbol')
  if (issue.code === 'unrecognized_keys') return issue.keys.map((name) => unknownKey(name, path, source))
  // Names of profiles have been judged by agentNames.
  if (issue.code === 'invalid_key') return []

  const found = valueAt(source.root, path)
  const meta = metaAt(path)
  const expected = meta?.expected ?? 'another value'
  if (found === undefined) return [{ ...problemAt(source, path, `expected ${expected}, got nothing`) }]
  const isScalar = typeof found !== 'object'
  const got = isScalar && (meta?.shown === false || containsReference(found)) ? 'a value that is not shown' : describeValue(found)
  return [problemAt(source, path, `expected ${expected}, got ${got}`)]
}

function containsReference(value: unknown): boolean {
  return typeof value === 'string' && value.includes(REFERENCE_START)
}

function unknownKey(name: string, parent: KeyPath, source: SourceDocument): ConfigProblem {
  const path = [...parent, name]
  const known = foreignKey(path)
  const close = closestWord(name, keysAt(parent))
  const hint = close === undefined ? '' : `: did you mean ${close}?`
  return { ...problemAt(source, path, known ?? `expected a key that exists, got ${shownText(name)}${hint}`), ...source.keyAt(path) }
}

function valueAt(root: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, segment) => {
    if (typeof value !== 'object' || value === null) return undefined
    return Object.getOwnPropertyDescriptor(value, segment)?.value as unknown
  }, root)
}

/** A problem about the value at a place of the file. */
export function problemAt(source: SourceDocument, path: KeyPath, message: string): ConfigProblem {
  return { file: source.file, ...source.valueAt(path), path: dottedPath(path), message }
}

/** One fault per place: a reference that failed leaves an empty value, which is a second fault of the same place. */
function unique(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const seen = new Set<string>()
  return problems.filter(({ line, column, path }) => {
    const place = `${line}:${column}:${path}`
    const first = !seen.has(place)
    seen.add(place)
    return first
  })
}
