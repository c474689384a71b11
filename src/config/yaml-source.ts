/**
 * YAML 1.2 (core schema) as a tree of plain values with the place of each. Aliases, anchors, tags, merge keys, repeated
 * keys and further documents are faults: a configuration says what it says, once.
 */

import { isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Document, type Node, type Pair, type YAMLMap } from 'yaml'
import { dottedPath, inFileOrder, type ConfigErrors, type ConfigProblem, type KeyPath, type Position } from './config-problem.ts'

/** A mapping of the file. It has no prototype, so that `constructor` is a key like any other. */
export type SourceMap = Readonly<Record<string, unknown>>

export interface SourceDocument {
  readonly file: string
  readonly root: SourceMap
  /** Where the value stands; where there is none, its nearest ancestor that has a place. */
  valueAt(path: KeyPath): Position
  /** Where the key itself stands; falls back likewise. */
  keyAt(path: KeyPath): Position
}

export const MAX_FILE_BYTES = 1_048_576
const MAX_DEPTH = 32
const MAX_PROBLEMS = 100

const FAULTS: ReadonlyMap<string, string> = new Map([
  ['BAD_INDENT', 'expected consistent indentation'],
  ['TAB_AS_INDENT', 'expected spaces for indentation, got a tab'],
  ['MISSING_CHAR', 'expected a closing quote, bracket or comma'],
  ['MULTILINE_IMPLICIT_KEY', 'expected a key on one line'],
  ['BLOCK_AS_IMPLICIT_KEY', 'expected a value on one line, got a nested mapping; quote a value that holds ": "'],
  ['BAD_ALIAS', 'expected a value, got an alias'],
])

interface Walk {
  readonly file: string
  readonly lines: LineCounter
  readonly problems: ConfigProblem[]
  readonly values: Map<string, Position>
  readonly keys: Map<string, Position>
}

/** @returns the tree, or every fault of form; messages never quote the text of the file */
export function parseYamlSource(text: string, file: string): SourceDocument | ConfigErrors {
  const walk: Walk = { file, lines: new LineCounter(), problems: [], values: new Map(), keys: new Map() }
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) return fault(walk, `expected a file of at most ${MAX_FILE_BYTES} bytes`)

  let root: unknown
  try {
    root = readDocument(text, walk)
  } catch (thrown) {
    // The parser recurses: a thousand brackets exhaust its stack. Whatever it throws, the file does not load.
    if (!(thrown instanceof RangeError)) throw thrown
    return fault(walk, `expected at most ${MAX_DEPTH} levels of nesting`)
  }
  if (walk.problems.length > 0) return { problems: inFileOrder(walk.problems) }
  return {
    file,
    root: root as SourceMap,
    valueAt: (path) => nearest(walk.values, path),
    keyAt: (path) => walk.keys.get(pathKey(path)) ?? nearest(walk.values, path),
  }
}

export function isSourceErrors(parsed: SourceDocument | ConfigErrors): parsed is ConfigErrors {
  return 'problems' in parsed
}

function fault({ file }: Walk, message: string): ConfigErrors {
  return { problems: [{ file, line: 0, column: 0, path: '', message }] }
}

function readDocument(text: string, walk: Walk): unknown {
  const [first, second] = parseDocuments(text, walk)
  if (second !== undefined) report(walk, second.range[0], [], 'expected one document, got a second one')
  const contents = first?.contents ?? null
  const isEmpty = contents === null || (isScalar(contents) && contents.value === null)
  if (walk.problems.length > 0 || isEmpty) return emptyMap()
  if (!isMap(contents)) report(walk, contents.range[0], [], 'expected a mapping of keys at the top of the file')
  return readNode(contents, [], walk)
}

/** Reports what the library finds wrong in each document. uniqueKeys is ours (readKey): the library compares every pair. */
function parseDocuments(text: string, walk: Walk): readonly Document.Parsed[] {
  const parsed = parseAllDocuments(text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
    lineCounter: walk.lines,
  })
  if ('empty' in parsed) return []
  for (const { errors, warnings, directives } of parsed) {
    // A file that says %YAML 1.1 would have `no` read as false.
    if (directives.yaml.explicit === true) report(walk, 0, [], 'expected plain YAML, got a tag or directive')
    for (const { code, pos } of errors) report(walk, pos[0], [], FAULTS.get(code) ?? 'expected well-formed YAML 1.2')
    for (const { pos } of warnings) report(walk, pos[0], [], 'expected plain YAML, got a tag or directive')
  }
  return parsed
}

function readNode(node: Node | null, path: KeyPath, walk: Walk): unknown {
  if (node === null) return null
  const offset = node.range?.[0] ?? 0
  walk.values.set(pathKey(path), place(walk, offset))
  const objection = objectionTo(node, path)
  if (objection !== undefined) {
    report(walk, offset, path, objection)
    return null
  }
  if (isMap(node)) return readMap(node as YAMLMap<Node, Node | null>, path, walk)
  if (isSeq(node)) return node.items.map((item, at) => readNode(item as Node | null, [...path, at], walk))
  return isScalar(node) ? node.value : null
}

function objectionTo(node: Node, path: KeyPath): string | undefined {
  if (!isMap(node) && !isSeq(node) && !isScalar(node)) return 'expected a value, got an alias'
  if (node.anchor !== undefined) return 'expected a value without an anchor'
  if (node.tag !== undefined) return 'expected a value without a tag'
  return path.length > MAX_DEPTH ? `expected at most ${MAX_DEPTH} levels of nesting` : undefined
}

function readMap(map: YAMLMap<Node, Node | null>, path: KeyPath, walk: Walk): SourceMap {
  const read = emptyMap()
  for (const pair of map.items) {
    const key = readKey(pair, path, walk)
    if (key === undefined) continue
    const here = [...path, key]
    walk.keys.set(pathKey(here), place(walk, pair.key.range?.[0] ?? 0))
    // A key without a value has no place of its own: the errors about it point at the key.
    if (pair.value?.range == null) walk.values.set(pathKey(here), place(walk, pair.key.range?.[0] ?? 0))
    // defineProperty, because assigning to `__proto__` would not make a key.
    Object.defineProperty(read, key, { value: readNode(pair.value, here, walk), enumerable: true })
  }
  return read
}

function readKey(pair: Pair<Node, Node | null>, path: KeyPath, walk: Walk): string | undefined {
  const { key } = pair
  const offset = key.range?.[0] ?? 0
  const objection = objectionToKey(key)
  if (objection !== undefined || !isScalar(key)) {
    report(walk, offset, path, objection ?? 'expected a text as key')
    return undefined
  }
  const name = String(key.value)
  const earlier = walk.keys.get(pathKey([...path, name]))
  if (earlier === undefined) return name
  report(walk, offset, [...path, name], `expected a key once, got it again: it stands on line ${earlier.line}`)
  return undefined
}

function objectionToKey(key: Node): string | undefined {
  if (!isScalar(key) || typeof key.value !== 'string') return 'expected a text as key'
  if (key.anchor !== undefined || key.tag !== undefined) return 'expected a key without anchor and tag'
  return key.value === '<<' ? 'expected no merge key: write the values out' : undefined
}

/** One fault stands for all at its place: after a lost bracket the parser finds a fault at every level. */
function report(walk: Walk, offset: number, path: KeyPath, message: string): void {
  const here = place(walk, offset)
  const last = walk.problems.at(-1)
  if (walk.problems.length >= MAX_PROBLEMS || (last?.line === here.line && last.column === here.column)) return
  walk.problems.push({ file: walk.file, ...here, path: dottedPath(path), message })
}

function place({ lines }: Walk, offset: number): Position {
  const { line, col } = lines.linePos(offset)
  return { line, column: col }
}

function nearest(places: ReadonlyMap<string, Position>, path: KeyPath): Position {
  for (let length = path.length; length > 0; length--) {
    const found = places.get(pathKey(path.slice(0, length)))
    if (found !== undefined) return found
  }
  return { line: 0, column: 0 }
}

function pathKey(path: KeyPath): string {
  return JSON.stringify(path)
}

function emptyMap(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>
}
