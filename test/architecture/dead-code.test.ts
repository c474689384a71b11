/** Nothing is exported that nobody takes: a name stands in its own file's code, or some other file imports it. */

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** What others than this repository import. */
const ENTRY_POINTS = new Set(['src/index.ts', 'src/verify/index.ts', 'src/verify/envelope/index.ts', 'src/testing/index.ts', 'src/cli/main.ts'])

interface Module {
  /** Name to whether the file's own code uses it. */
  readonly exports: ReadonlyMap<string, boolean>
  /** `file name`, or `file *` where everything is taken. */
  readonly takes: readonly string[]
}

/** @param file relative to the root; its imports are resolved against it */
function readModule(file: string, text: string): Module {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const exports = new Map<string, boolean>()
  const takes: string[] = []
  const counts = new Map<string, number>()
  const target = (node: ts.Node | undefined): string => (node !== undefined && ts.isStringLiteral(node) ? join(dirname(file), node.text) : '')
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) counts.set(node.text, (counts.get(node.text) ?? 0) + 1)
    if (ts.isImportDeclaration(node)) takeImport(node)
    if (ts.isExportDeclaration(node)) {
      noteExports(node)
      return
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) takes.push(`${target(node.arguments[0])} *`)
    ts.forEachChild(node, visit)
  }
  const noteExports = ({ exportClause, moduleSpecifier }: ts.ExportDeclaration): void => {
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) return
    for (const { name, propertyName } of exportClause.elements) {
      exports.set(name.text, false)
      if (moduleSpecifier !== undefined) takes.push(`${target(moduleSpecifier)} ${(propertyName ?? name).text}`)
    }
  }
  const takeImport = ({ importClause, moduleSpecifier }: ts.ImportDeclaration): void => {
    const bindings = importClause?.namedBindings
    if (bindings === undefined) return
    if (ts.isNamespaceImport(bindings)) takes.push(`${target(moduleSpecifier)} *`)
    else for (const { name, propertyName } of bindings.elements) takes.push(`${target(moduleSpecifier)} ${(propertyName ?? name).text}`)
  }
  visit(source)
  for (const name of declared(source)) exports.set(name, (counts.get(name) ?? 0) > 1)
  return { exports, takes }
}

function declared(source: ts.SourceFile): string[] {
  return source.statements.flatMap((statement) => {
    if (!ts.canHaveModifiers(statement) || ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) !== true) return []
    if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.flatMap(({ name }) => (ts.isIdentifier(name) ? [name.text] : []))
    const { name } = statement as unknown as { name?: ts.Identifier }
    return name === undefined ? [] : [name.text]
  })
}

/** @returns `file name` of every export that no file takes and whose own file does not use it */
function deadExports(files: ReadonlyMap<string, string>): string[] {
  const modules = [...files].map(([file, text]) => ({ file, ...readModule(file, text) }))
  const taken = new Set(modules.flatMap(({ takes }) => takes))
  return modules.flatMap(({ file, exports }) =>
    ENTRY_POINTS.has(file) || taken.has(`${file} *`) ? [] : [...exports].filter(([name, isUsedInside]) => !isUsedInside && !taken.has(`${file} ${name}`)).map(([name]) => `${file} ${name}`),
  )
}

test('an export that nobody takes is found, also behind a door', () => {
  const files = new Map([
    ['src/a/index.ts', "export { used, type Unused } from './a.ts'"],
    ['src/a/a.ts', 'export const used = 1\nexport interface Unused { n: number }\nexport const forgotten = 2\nexport const inner = 3\nexport const sum = () => inner'],
    ['src/server.ts', "import { used } from './a/index.ts'\nconst lazy = () => import('./b.ts')\nused(lazy)"],
    ['src/b.ts', 'export const late = 1'],
  ])
  assert.deepEqual(deadExports(files), ['src/a/index.ts Unused', 'src/a/a.ts forgotten', 'src/a/a.ts sum'])
})

test('nothing is exported that nobody takes', () => {
  const files = globSync('{src,test,scripts,bench}/**/*.ts', { cwd: ROOT }).sort()
  assert.ok(files.length > 300)
  assert.deepEqual(deadExports(new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]))), [])
})
