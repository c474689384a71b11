/** The layer rules hold, and each of them still recognises what it forbids: a rule that matches nothing protects nothing. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { temporaryFolder } from '../support/temporary-folder.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const RULES = join(ROOT, '.dependency-cruiser.cjs')
const CRUISER = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')

interface Violation {
  readonly from: string
  readonly rule: { readonly name: string }
}

interface Report {
  readonly summary: { readonly violations: readonly Violation[]; readonly totalCruised: number }
}

/** @returns what the rules say of the tree under `cwd` */
function cruise(cwd: string): Report['summary'] {
  const { stdout, stderr } = spawnSync(process.execPath, [CRUISER, 'src', 'test', '--config', RULES, '--output-type', 'json'], { cwd, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 })
  assert.notEqual(stdout, '', stderr)
  return (JSON.parse(stdout) as Report).summary
}

function ruleNames(): string[] {
  const { forbidden } = createRequire(import.meta.url)(RULES) as { forbidden: readonly { readonly name: string }[] }
  return forbidden.map(({ name }) => name)
}

/** A tree that keeps every rule: most folders, each arrow of the diagram, every edge where it is allowed. */
const CLEAN: Readonly<Record<string, string>> = {
  'tsconfig.json': '{ "compilerOptions": { "module": "nodenext", "moduleResolution": "nodenext", "allowImportingTsExtensions": true, "noEmit": true } }',
  'package.json': '{ "name": "tree", "type": "module", "dependencies": { "undici": "1.0.0" }, "devDependencies": { "fast-check": "1.0.0" } }',
  'node_modules/undici/package.json': '{ "name": "undici", "version": "1.0.0", "main": "index.js" }',
  'node_modules/undici/index.js': 'module.exports = {}',
  'node_modules/fast-check/package.json': '{ "name": "fast-check", "version": "1.0.0", "main": "index.js" }',
  'node_modules/fast-check/index.js': 'module.exports = {}',
  'src/base/clock.ts': "import { hash } from 'node:crypto'\nexport const clock = hash",
  'src/model/noun.ts': "import { clock } from '../base/clock.ts'\nexport const noun = clock",
  'src/gates/index.ts': "export { gate } from './gate.ts'",
  'src/gates/gate.ts': "import { noun } from '../model/noun.ts'\nexport const gate = noun",
  'src/gates/gate.test.ts': "import 'fast-check'\nimport { gate } from './gate.ts'\nexport const tested = gate",
  'src/receipt/index.ts': "export { format } from './format.ts'",
  'src/receipt/format.ts': "import { clock } from '../base/clock.ts'\nexport const format = clock",
  'src/receipt/recorder-file.ts': "import 'node:fs'\nimport { format } from './format.ts'\nexport const files = format",
  'src/egress/index.ts': "export { dial } from './dial.ts'",
  'src/egress/dial.ts': "import 'undici'\nimport 'node:http'\nexport const dial = 1",
  'src/egress/child-process.ts': "import 'node:child_process'\nimport { dial } from './dial.ts'\nexport const child = dial",
  'src/verify/index.ts': "import 'node:crypto'\nimport { format } from '../receipt/format.ts'\nexport const verify = format",
  'src/envelope/index.ts': "export { base } from './signature-base.ts'",
  'src/envelope/signature-base.ts': "import { noun } from '../model/noun.ts'\nexport const base = noun",
  'src/verify/envelope/index.ts': "import { base } from '../../envelope/signature-base.ts'\nexport const verifyEnvelope = base",
  'src/pipeline/index.ts': "export { stages } from './stages.ts'",
  'src/pipeline/block.ts': 'export class Block extends Error {}',
  'src/pipeline/stages.ts': "import { dial } from '../egress/index.ts'\nimport { gate } from '../gates/index.ts'\nimport { Block } from './block.ts'\nexport const stages = [dial, gate, Block]",
  'src/config/config.ts': "import 'node:fs'\nexport const config = 1",
  'src/cli/status-client.ts': "import 'node:http'\nimport { config } from '../config/config.ts'\nexport const client = config",
  'src/server.ts': "import { config } from './config/config.ts'\nimport { stages } from './pipeline/index.ts'\nexport const server = [config, stages]",
  'test/integration/all.test.ts': "import { server } from '../../src/server.ts'\nexport const all = server",
}

interface Breach {
  readonly rule: string
  /** The file in which the rule must be reported. */
  readonly at: string
  readonly files: Readonly<Record<string, string>>
}

const breach = (rule: string, at: string, text: string, others: Readonly<Record<string, string>> = {}): Breach => ({ rule, at, files: { [at]: text, ...others } })

const BREACHES: readonly Breach[] = [
  breach('no-cycles', 'src/gates/one.ts', "import { two } from './two.ts'\nexport const one = () => two", { 'src/gates/two.ts': "import { one } from './one.ts'\nexport const two = () => one" }),
  breach('no-cycles', 'src/gates/type-one.ts', "import type { Two } from './type-two.ts'\nexport interface One { two: Two }", { 'src/gates/type-two.ts': "import type { One } from './type-one.ts'\nexport interface Two { one: One }" }),
  breach('base-is-pure', 'src/base/reader.ts', "import 'node:os'\nexport const reader = 1"),
  breach('base-is-pure', 'src/base/knowing.ts', "import type { noun } from '../model/noun.ts'\nexport type Knowing = typeof noun"),
  breach('base-is-pure', 'src/base/leaning.ts', "import 'undici'\nexport const leaning = 1"),
  breach('model-is-nouns', 'src/model/acting.ts', "import { config } from '../config/config.ts'\nexport const acting = config"),
  breach('domains-do-not-meet', 'src/gates/meeting.ts', "import type { format } from '../receipt/index.ts'\nexport type Meeting = typeof format"),
  breach('unit-tests-stay-home', 'src/gates/far.test.ts', "import { config } from '../config/config.ts'\nexport const far = config"),
  breach('unit-tests-stay-home', 'src/verify/far.test.ts', "import { server } from '../server.ts'\nexport const far = server"),
  breach('domain-looks-down', 'src/receipt/upward.ts', "import { config } from '../config/config.ts'\nexport const upward = config"),
  breach('domain-looks-down', 'src/scan/top.ts', "import { server } from '../server.ts'\nexport const top = server"),
  breach('through-the-door', 'src/ingress/window.ts', "import { stages } from '../pipeline/stages.ts'\nexport const window = stages"),
  breach('through-the-door', 'src/admin/window.ts', "import type { gate } from '../gates/gate.ts'\nexport type Window = typeof gate"),
  breach('verify-stands-alone', 'src/verify/leaning.ts', "import { noun } from '../model/noun.ts'\nexport const leaning = noun"),
  breach('verify-stands-alone', 'src/verify/deep.ts', "import { files } from '../receipt/recorder-file.ts'\nexport const deep = files"),
  breach('verify-stands-alone', 'src/verify/library.ts', "import 'undici'\nexport const library = 1"),
  breach('verify-envelope-stands-alone', 'src/verify/envelope/storing.ts', "import { burn } from '../../envelope/redis-replay-client.ts'\nexport const storing = burn", { 'src/envelope/redis-replay-client.ts': 'export const burn = 1' }),
  breach('verify-envelope-stands-alone', 'src/verify/envelope/leaning.ts', "import { noun } from '../../model/noun.ts'\nexport const leaning = noun"),
  breach('only-pipeline-blocks', 'src/ingress/blocking.ts', "import { Block } from '../pipeline/block.ts'\nexport const blocking = Block"),
  breach('network-at-the-edge', 'src/gates/calling.ts', "import 'node:https'\nexport const calling = 1"),
  breach('network-at-the-edge', 'src/pipeline/asking.ts', "import 'node:dns/promises'\nexport const asking = 1"),
  breach('network-at-the-edge', 'src/scan/pooling.ts', "import 'undici'\nexport const pooling = 1"),
  breach('files-at-the-edge', 'src/receipt/writing.ts', "import 'node:fs/promises'\nexport const writing = 1"),
  breach('one-spawner', 'src/egress/spawning.ts', "import 'node:child_process'\nexport const spawning = 1"),
  breach('no-test-code-in-product', 'src/ingress/tested.ts', "import { tested } from '../gates/gate.test.ts'\nexport const again = tested"),
  breach('no-test-code-in-product', 'src/admin/integrated.ts', "import { all } from '../../test/integration/all.test.ts'\nexport const again = all"),
  breach('no-dead-files', 'src/ingress/forgotten.ts', 'export const forgotten = 1'),
  breach('declared-dependencies', 'src/ingress/developing.ts', "import 'fast-check'\nexport const developing = 1"),
]

function writeTree(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), `${text}\n`)
  }
}

test('the layers of this project are clean', (t) => {
  const { violations, totalCruised } = cruise(ROOT)
  t.diagnostic(`${totalCruised} modules`)
  assert.ok(totalCruised > 200)
  assert.deepEqual(violations.map(({ rule, from }) => `${rule.name}: ${from}`), [])
})

test('a tree that keeps every rule is clean', (t) => {
  const folder = temporaryFolder(t)
  writeTree(folder, CLEAN)
  const { violations, totalCruised } = cruise(folder)
  assert.ok(totalCruised > 15)
  assert.deepEqual(violations.map(({ rule, from }) => `${rule.name}: ${from}`), [])
})

test('every rule has a breach that it must report', () => {
  const broken = new Set(BREACHES.map(({ rule }) => rule))
  assert.deepEqual(ruleNames().filter((name) => !broken.has(name)), [])
})

test('every deliberate breach is reported by its rule, in its file', (t) => {
  const folder = temporaryFolder(t)
  writeTree(folder, { ...CLEAN, ...Object.assign({}, ...BREACHES.map(({ files }) => files)) as Record<string, string> })
  const reported = new Set(cruise(folder).violations.map(({ rule, from }) => `${rule.name}: ${from}`))
  assert.deepEqual(BREACHES.map(({ rule, at }) => `${rule}: ${at}`).filter((expected) => !reported.has(expected)), [])
})

test('a raw socket that is opened away from the edge is reported', (t) => {
  const folder = temporaryFolder(t)
  const [inside, outside] = ['src/egress/dialling.ts', 'src/gates/dialling.ts']
  const text = "import net from 'node:net'\nexport const dialling = net.connect"
  writeTree(folder, { ...CLEAN, [inside]: `${text}\nimport './dial.ts'`, [outside]: `${text}\nimport './gate.ts'` })
  assert.deepEqual(cruise(folder).violations.map(({ rule, from }) => `${rule.name}: ${from}`), [`network-at-the-edge: ${outside}`])
})

test('the composition root, too, goes through doors', (t) => {
  const folder = temporaryFolder(t)
  const root = 'src/server.ts'
  writeTree(folder, { ...CLEAN, [root]: `${CLEAN[root] ?? ''}\nexport { gate } from './gates/gate.ts'` })
  assert.deepEqual(cruise(folder).violations.map(({ rule, from }) => `${rule.name}: ${from}`), [`through-the-door: ${root}`])
})
