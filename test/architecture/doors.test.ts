/** What each folder and the package let others see: doors, entry points, and how far an auditor has to read. */

import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DOMAIN = ['egress', 'envelope', 'gates', 'identity', 'keys', 'receipt', 'redact', 'scan']
const MAX_EXPORTS = 12

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

/** @returns the names that a file exports, types included */
function exportsOf(text: string): string[] {
  const source = ts.createSourceFile('index.ts', text, ts.ScriptTarget.Latest)
  return source.statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement)) return []
    const { exportClause } = statement
    return exportClause !== undefined && ts.isNamedExports(exportClause) ? exportClause.elements.map(({ name }) => name.text) : ['*']
  })
}

test('the exports of a door are counted, types and stars included', () => {
  assert.deepEqual(exportsOf("export { a, type B } from './a.ts'\nexport type { C } from './c.ts'\nexport * from './d.ts'\n"), ['a', 'B', 'C', '*'])
})

for (const folder of DOMAIN) {
  test(`${folder} has one door, which lists at most ${MAX_EXPORTS} names`, () => {
    assert.deepEqual(globSync(`src/${folder}/**/index.ts`, { cwd: ROOT }), [`src/${folder}/index.ts`])
    const names = exportsOf(read(`src/${folder}/index.ts`))
    assert.ok(names.length > 0 && !names.includes('*'))
    assert.ok(names.length <= MAX_EXPORTS, `${names.length}: ${names.join(', ')}`)
  })
}

test('no folder of the product opens its door with a star', () => {
  const doors = globSync('src/**/index.ts', { cwd: ROOT })
  assert.ok(doors.length > DOMAIN.length)
  assert.deepEqual(doors.filter((door) => exportsOf(read(door)).includes('*')), [])
})

interface PackageFile {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly bin: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
}

test('every entry point of the package is built from a source that exists', () => {
  const { exports, bin } = JSON.parse(read('package.json')) as PackageFile
  assert.deepEqual(Object.keys(exports), ['.', './verify', './verify/envelope', './testing', './package.json'])
  const { compilerOptions, exclude } = JSON.parse(read('tsconfig.build.json')) as { compilerOptions: { outDir: string; rootDir: string; declaration: boolean }; exclude: string[] }
  assert.deepEqual([compilerOptions.outDir, compilerOptions.rootDir, compilerOptions.declaration], ['dist', 'src', true])
  for (const [entry, targets] of Object.entries(exports)) {
    for (const target of typeof targets === 'string' ? [targets] : Object.values(targets)) {
      const source = target.replace(/^\.\/dist\//, './src/').replace(/(\.d\.ts|\.js)$/, '.ts')
      assert.ok(existsSync(join(ROOT, source)), `${entry}: ${target} has no ${source}`)
      assert.ok(!exclude.some((pattern) => pattern === source.slice('./'.length)))
    }
  }
  for (const file of Object.values(bin)) assert.ok(existsSync(join(ROOT, file)), file)
})

/** What an auditor of `chaperone/verify` has to read beside verify/ itself. Becomes longer with a reason only. */
const VERIFY_CLOSURE = ['src/base/printable-text.ts', 'src/receipt/entry.ts', 'src/receipt/format.ts', 'src/receipt/go-json.ts']
const VERIFY_NODE = ['node:crypto']

/** @returns what a file imports, type imports included */
function importsOf(file: string): string[] {
  return ts.preProcessFile(read(file), true, true).importedFiles.map(({ fileName }) => fileName)
}

/** @returns files of the project and modules of Node that can be reached from a file */
function closureOf(start: string): { files: string[]; modules: string[] } {
  const [files, modules] = [new Set([start]), new Set<string>()]
  for (const file of files) {
    for (const name of importsOf(file)) {
      if (name.startsWith('.')) files.add(relative(ROOT, join(ROOT, dirname(file), name)))
      else modules.add(name)
    }
  }
  return { files: [...files].sort(), modules: [...modules].sort() }
}

test('an auditor of verify reads these files and no others', (t) => {
  const { files, modules } = closureOf('src/verify/index.ts')
  const outside = files.filter((file) => !file.startsWith('src/verify/'))
  t.diagnostic(`${files.length} files, ${outside.length} of them outside verify/: ${outside.join(' ')}`)
  assert.deepEqual(outside, VERIFY_CLOSURE)
  assert.deepEqual(modules, VERIFY_NODE)
})

/** What an auditor of `chaperone/verify/envelope` has to read beside verify/envelope/ itself. */
const ENVELOPE_CLOSURE = [
  'src/envelope/algorithm.ts', 'src/envelope/chaperone-head.ts', 'src/envelope/check-inbound.ts', 'src/envelope/component.ts',
  'src/envelope/content-digest.ts', 'src/envelope/coverage.ts', 'src/envelope/derived-value.ts', 'src/envelope/envelope-reason.ts',
  'src/envelope/field-value.ts', 'src/envelope/http-message.ts', 'src/envelope/mediation.ts', 'src/envelope/message-signature-error.ts',
  'src/envelope/message-signature.ts', 'src/envelope/parse-trust-list.ts', 'src/envelope/read-envelope.ts', 'src/envelope/replay-window.ts',
  'src/envelope/signature-base.ts', 'src/envelope/signature-fields.ts', 'src/envelope/signature-params.ts', 'src/envelope/spiffe-id.ts',
  'src/envelope/strip-mediation.ts', 'src/envelope/structured-field.ts', 'src/envelope/trust-list.ts', 'src/envelope/verify-request.ts',
  'src/model/raw-headers.ts',
]
const ENVELOPE_MODULES = ['node:crypto', 'structured-headers']

test('an auditor of verify/envelope reads these files and no others', (t) => {
  const { files, modules } = closureOf('src/verify/envelope/index.ts')
  const outside = files.filter((file) => !file.startsWith('src/verify/envelope/'))
  t.diagnostic(`${files.length} files, ${outside.length} of them outside verify/envelope/`)
  assert.deepEqual(outside, ENVELOPE_CLOSURE)
  assert.deepEqual(modules, ENVELOPE_MODULES)
})

test('every file of verify is one that one of its two doors reaches', () => {
  const files = ['src/verify/index.ts', 'src/verify/envelope/index.ts'].flatMap((door) => closureOf(door).files)
  const present = globSync('src/verify/**/*.ts', { cwd: ROOT }).filter((file) => !file.endsWith('.test.ts'))
  assert.deepEqual(present.filter((file) => !files.includes(file)), [])
})
