/** What the pages say is so: the generated reference, the reasons, the commands of the README, the table of requirements. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, globSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import type { Command } from 'commander'

import { createProgram } from '../../src/cli/main.ts'
import { BLOCK_REASONS, RETIRED_BLOCK_REASONS } from '../../src/model/block-reason.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')
const list = (pattern: string): string[] => globSync(pattern, { cwd: ROOT }).sort()

const PAGES = ['block-reasons.md', 'cli.md', 'config.md', 'metrics.md', 'verify-findings.md']

function generate(...args: readonly string[]): { code: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/generate-reference.ts', ...args], { cwd: ROOT, encoding: 'utf8' })
  return { code: status, stderr }
}

test('the reference is what its tables say now', () => {
  assert.deepEqual(readdirSync(join(ROOT, 'docs/reference')).sort(), PAGES)
  assert.deepEqual(generate('--check'), { code: 0, stderr: '' })
})

test('a page of the reference that was changed, is missing or was added by hand is named', (t) => {
  const folder = temporaryFolder(t)
  assert.equal(generate(folder).code, 0)
  assert.equal(generate('--check', folder).code, 0)
  appendFileSync(join(folder, 'cli.md'), 'by hand\n')
  rmSync(join(folder, 'metrics.md'))
  writeFileSync(join(folder, 'more.md'), '')
  const { code, stderr } = generate('--check', folder)
  assert.equal(code, 1)
  assert.deepEqual(PAGES.concat('more.md').filter((page) => stderr.includes(page)), ['cli.md', 'metrics.md', 'more.md'])
})

const REASONS = Object.keys(BLOCK_REASONS)
const PRODUCT = list('src/**/*.ts').filter((file) => !file.endsWith('.test.ts') && file !== 'src/model/block-reason.ts')
const TESTS = list('{src,test}/**/*.test.ts').filter((file) => !file.startsWith('test/architecture/'))

/** @returns the names that no text holds as a whole word */
function absentFrom(names: readonly string[], texts: readonly string[]): string[] {
  const words = new Set(texts.flatMap((text) => text.match(/\w+/g) ?? []))
  return names.filter((name) => !words.has(name))
}

test('every block reason is on the page, in a test by its name, and given by some code', () => {
  assert.deepEqual(absentFrom(['kill_switch', 'kill_swit', 'no_such_reason'], ["reason: 'kill_switch'"]), ['kill_swit', 'no_such_reason'])
  assert.deepEqual(absentFrom(REASONS, [read('docs/reference/block-reasons.md')]), [])
  assert.deepEqual(absentFrom(REASONS, TESTS.map(read)), [])
  // A hint for a reason does not give it.
  assert.deepEqual(absentFrom(REASONS, PRODUCT.filter((file) => file !== 'src/ingress/write-refusal.ts').map(read)), [])
})

test('a retired block reason is used nowhere', () => {
  const isUsed = (name: string): boolean => name in BLOCK_REASONS || absentFrom([name], PRODUCT.map(read)).length === 0
  assert.ok(isUsed('kill_switch'))
  assert.deepEqual(RETIRED_BLOCK_REASONS.filter(isUsed), [])
  assert.equal(new Set(RETIRED_BLOCK_REASONS).size, RETIRED_BLOCK_REASONS.length)
})

const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> }

test('the two commands of the README, and every other npm command of the pages, are scripts', () => {
  const readme = read('README.md')
  assert.match(readme, /^npm ci && npm start$/m)
  assert.match(readme, /^npm ci && npm test$/m)
  for (const page of list('*.md')) {
    const named = [...read(page).matchAll(/\bnpm (?:run ([\w:]+)|(start|test))\b/g)].map(([, run, plain]) => run ?? plain ?? '')
    assert.deepEqual(named.filter((name) => !(name in scripts)), [], page)
  }
  for (const [name, command] of Object.entries(scripts)) {
    for (const [file] of command.matchAll(/(?<= )(?:bin|scripts|bench|node_modules)\/\S+/g)) assert.ok(existsSync(join(ROOT, file)), `${name}: ${file}`)
  }
})

test('every command that the README names exists', () => {
  const program = createProgram({ stdout: () => undefined, stderr: () => undefined, environment: {}, setExit: () => undefined })
  const has = (command: Command, [first, ...rest]: readonly string[]): boolean => {
    const child = command.commands.find((one) => one.name() === first)
    return child !== undefined && (rest.length === 0 || child.commands.length === 0 || has(child, rest))
  }
  assert.ok(!has(program, ['no-such-command']) && !has(program, ['config', 'no-such-command']))
  const named = [...read('README.md').matchAll(/`chaperone ([a-z]+)(?: ([a-z\\|]+))?/g)].flatMap(([, first = '', second = '']) => second.split('\\|').map((word) => [first, word].filter((part) => part !== '')))
  assert.ok(named.length >= 9)
  assert.deepEqual(named.filter((words) => !has(program, words)), [])
})

test('the README takes as many words as it needs to start, and shows the tour that the demo prints', () => {
  assert.ok(read('README.md').split('\n').length <= 120)
  for (const reason of ['host_not_allowed', 'dlp_secret', 'ssrf_address', 'protected_target']) assert.ok(read('README.md').includes(`403 ${reason}`), reason)
})

test('every folder of the product stands in the table of the architecture', () => {
  const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const page = read('docs/architecture.md')
  const untold = folders.filter((name) => !page.includes(`\`${name}/\``))
  assert.deepEqual(untold, [])
})

const FIRST_REQUIREMENT = 1
const LAST_REQUIREMENT = 39
const ROWS = 68
/** Sentences of the text behind the requirements that state no behaviour. */
const WITHOUT_REQUIREMENT = new Set([4])
const LATER = 'not in this version'

interface Row {
  readonly id: string
  readonly shownBy: string
}

function requirements(): Row[] {
  return [...read('docs/requirements.md').matchAll(/^\| (R\d+\.\d+) \|(?:[^|]*\|)*? ([^|]*) \|$/gm)].map(([, id = '', shownBy = '']) => ({ id, shownBy }))
}

test('every requirement has the tests that show it, or says that it is not in this version', () => {
  const rows = requirements()
  assert.equal(rows.length, ROWS)
  assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length)
  const numbers = new Set(rows.map(({ id }) => Number(/^R(\d+)/.exec(id)?.[1])))
  for (let number = FIRST_REQUIREMENT; number <= LAST_REQUIREMENT; number++) assert.ok(numbers.has(number) !== WITHOUT_REQUIREMENT.has(number), `R${number}`)
  for (const { id, shownBy } of rows) {
    const files = [...shownBy.matchAll(/`([^`]+\.test\.ts)`/g)].map(([, file = '']) => file)
    assert.deepEqual(files.filter((file) => !existsSync(join(ROOT, 'test', file)) && !existsSync(join(ROOT, 'src', file))), [], id)
    assert.ok(files.length > 0 || shownBy.includes(LATER), id)
  }
})
