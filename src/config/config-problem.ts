/** What is wrong with a configuration, where, and in words that never repeat a secret. */

/** Keys from the top of the file to a value; a number is a position in a list. */
export type KeyPath = readonly (string | number)[]

/** Place in the file, both from 1. A value that stands nowhere in the file has line 0. */
export interface Position {
  readonly line: number
  readonly column: number
}

export interface ConfigProblem extends Position {
  readonly file: string
  /** Dotted path, for example `agents.ci.source_cidrs[1]`; empty for the file as a whole. */
  readonly path: string
  /** Lower case, no full stop: `expected …, got …`. */
  readonly message: string
}

/** A configuration that does not load. `problems` holds every fault that was found, in the order of the file; never empty. */
export interface ConfigErrors {
  readonly problems: readonly ConfigProblem[]
}

const PLAIN_SEGMENT = /^[A-Za-z0-9_<>-]+$/
const SHOWN_CHARACTERS = 60
const UNPRINTABLE = /[^\x20-\x7e\xa1-\u2027\u202a-\ud7ff\uf900-\ufffc]/g

/** @returns one line, `file:line:column: path: message` */
export function formatProblem({ file, line, column, path, message }: ConfigProblem): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`
  return path === '' ? `${place}: ${message}` : `${place}: ${path}: ${message}`
}

export function dottedPath(path: KeyPath): string {
  return path.reduce<string>((text, segment) => {
    if (typeof segment === 'number') return `${text}[${segment}]`
    if (!PLAIN_SEGMENT.test(segment)) return `${text}[${shownText(segment)}]`
    return text === '' ? segment : `${text}.${segment}`
  }, '')
}

/** @returns words for a value found in the file: quoted and cut short, or only its kind for lists and mappings */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object') return 'a mapping'
  if (typeof value === 'string') return shownText(value)
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'another value'
}

/** Quotes a text of the file for a message: printable, on one line, at most 60 characters of it. */
export function shownText(text: string): string {
  const cut = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
  return JSON.stringify(cut).replace(UNPRINTABLE, (unit) => (unit === '…' ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`))
}

/** @returns the problems in the order of the file; those without a place come first */
export function inFileOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column)
}
