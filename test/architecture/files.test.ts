/** The form of the files: headers, lengths, names, and nothing in them that belongs to another place. */

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MAX_CODE_LINES = 300
const MAX_P90_CODE_LINES = 200

const read = (file: string): string => readFileSync(`${ROOT}/${file}`, 'utf8')
const list = (pattern: string): string[] => globSync(pattern, { cwd: ROOT }).sort()

const SOURCES = list('{src,test,scripts,bench}/**/*.ts')
const PRODUCT = SOURCES.filter((file) => file.startsWith('src/') && !file.endsWith('.test.ts'))
const PAGES = list('{*.md,docs/**/*.md}')

/** @returns lines that hold code: neither blank nor comment alone */
function codeLines(text: string): number {
  const source = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest)
  const lines = new Set<number>()
  const visit = (node: ts.Node): void => {
    const children = node.getChildren(source).filter(({ kind }) => kind !== ts.SyntaxKind.JSDoc)
    if (children.length === 0 && node.getEnd() > node.getStart(source)) {
      const [first, last] = [node.getStart(source), node.getEnd()].map((at) => source.getLineAndCharacterOfPosition(at).line)
      for (let line = first ?? 0; line <= (last ?? 0); line++) lines.add(line)
    }
    children.forEach(visit)
  }
  visit(source)
  return lines.size
}

test('lines of code are counted without comments and blank lines', () => {
  assert.equal(codeLines('/** A header. */\n\nconst a = 1 // said here\n\n// why\nconst b = `two\nlines`\n'), 3)
})

const headless = (files: readonly string[]): string[] => files.filter((file) => !/^\/\*\*[ \n]/.test(read(file)))
const UNIT_TESTS = list('src/**/*.test.ts')

test('every file opens with a header that says what lives in it', () => {
  const files = SOURCES.filter((file) => !UNIT_TESTS.includes(file))
  assert.ok(files.length > 200 && PRODUCT.every((file) => files.includes(file)))
  assert.deepEqual(headless(files), [])
})

test('every unit test opens with a header, too', () => {
  assert.ok(UNIT_TESTS.length > 30)
  assert.deepEqual(headless(UNIT_TESTS), [])
})

test(`no file of the product has over ${MAX_CODE_LINES} lines of code, and nine of ten have at most ${MAX_P90_CODE_LINES}`, (t) => {
  const sizes = PRODUCT.map((file) => ({ file, lines: codeLines(read(file)) })).sort((a, b) => a.lines - b.lines)
  const percentile = (share: number): number => sizes[Math.ceil(sizes.length * share) - 1]?.lines ?? 0
  t.diagnostic(`${sizes.length} files: p50 ${percentile(0.5)}, p90 ${percentile(0.9)}, longest ${percentile(1)} (${sizes.at(-1)?.file ?? ''}) lines of code`)
  assert.deepEqual(sizes.filter(({ lines }) => lines > MAX_CODE_LINES), [])
  assert.ok(percentile(0.9) <= MAX_P90_CODE_LINES)
})

const NAMELESS = /^(utils?|helpers?|common|shared|types?|misc|lib|managers?|constants)$/

test('no folder and no file has a name that says nothing', () => {
  const names = SOURCES.flatMap((file) => file.split('/').map((part) => ({ file, part: part.replace(/(\.test)?\.ts$/, '') })))
  assert.deepEqual(names.filter(({ part }) => NAMELESS.test(part)), [])
  assert.deepEqual(SOURCES.filter((file) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(basename(file))), [], 'kebab-case')
})

/** Where a text speaks of how it came about, or of a place outside the project. */
const FOREIGN: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a path outside the project', /(?<![\w.])\/(work|root|mnt|home\/\w+)\//],
  ['material kept elsewhere', /\.\.\/shared\b|\bshared\/(design|vectors|judge|experiments|style)/],
  ['a tracker', /\b(issue|ticket|PR|pull request) ?#?\d+|\bissues? #/i],
  ['how it was made', /\b(work ?session|previous session|this workplace|as (the brief|instructed))\b/i],
  ['work left undone', /\b(TODO|FIXME|XXX)\b/],
]

/** The one file that says where such material is, and this one, which says what is looked for. */
const EXCUSED = new Set(['test/support/shared-folder.ts', 'test/architecture/files.test.ts'])

function foreignWords(text: string): string[] {
  return FOREIGN.filter(([, pattern]) => pattern.test(text)).map(([what]) => what)
}

test('a text that speaks of another place is recognised', () => {
  for (const text of ['see /work/shared/x', "'../../../shared/'", 'shared/design/style.md', 'fixes issue #12', 'Issue 12', 'TODO: later', 'in a previous session']) {
    assert.notDeepEqual(foreignWords(text), [], text)
  }
  for (const text of ['a recorder session', 'shared between two calls', 'to issue a key', 'the issuer', 'framework/x', 'https://a.test/work/']) {
    assert.deepEqual(foreignWords(text), [], text)
  }
})

test('no source and no page speaks of its making, or of a place outside the project', () => {
  const found = [...SOURCES, ...PAGES].filter((file) => !EXCUSED.has(file)).map((file) => ({ file, words: foreignWords(read(file)) }))
  assert.deepEqual(found.filter(({ words }) => words.length > 0), [])
})

test('material from outside is reached through one file alone', () => {
  const users = SOURCES.filter((file) => read(file).includes('sharedFolder('))
  assert.ok(users.length > 0)
  assert.deepEqual(users.filter((file) => !file.startsWith('test/') && !file.endsWith('.test.ts')), [])
})
