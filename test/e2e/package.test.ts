/**
 * What is published: the tarball that npm packs out of a clean checkout, unpacked into an empty folder. Its dependencies are
 * those of this checkout, so that it runs without a registry; the last test installs it from one.
 */

import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import { findOldNode } from '../support/cli.ts'
import { hasProgram, skipFor } from '../support/missed.ts'
import { startOrigin } from '../support/origin.ts'
import { throughProxy } from '../support/proxy-client.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PACKED = ['bin', 'src', 'package.json', 'tsconfig.json', 'tsconfig.build.json', '.npmrc', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE']
const UNREACHABLE = /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENOTCACHED|EHOSTUNREACH|E5\d\d|network/
const HAS_NPM = hasProgram('npm') && hasProgram('tar')

interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Without what an npm around this test run says: it is about another folder. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_TEST_CONTEXT|INIT_CWD)/.test(name)))

function run(command: string, args: readonly string[], cwd: string): Promise<Run> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env: environment, timeout: 240_000, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr })
    })
  })
}

let tarball = ''
/** A folder in which the package is installed, and nothing else. */
let app = ''

before(async () => {
  if (!HAS_NPM) return
  const base = mkdtempSync(join(tmpdir(), 'chaperone-package-'))
  process.once('exit', () => {
    rmSync(base, { recursive: true, force: true })
  })
  const checkout = join(base, 'checkout')
  mkdirSync(checkout)
  for (const name of PACKED) cpSync(join(ROOT, name), join(checkout, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'))
  const packed = await run('npm', ['pack', '--pack-destination', base], checkout)
  assert.equal(packed.code, 0, packed.stderr)
  tarball = join(base, readdirSync(base).find((name) => name.endsWith('.tgz')) ?? '')
  app = join(base, 'app')
  mkdirSync(join(app, 'node_modules', 'chaperone'), { recursive: true })
  writeFileSync(join(app, 'package.json'), '{"private": true, "type": "module"}')
  const unpacked = await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', join(app, 'node_modules', 'chaperone')], base)
  assert.equal(unpacked.code, 0, unpacked.stderr)
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== 'chaperone' && !name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(app, 'node_modules', name))
  }
})

const isMissing = (t: TestContext): boolean => {
  if (!HAS_NPM) skipFor(t, 'npm and tar')
  return !HAS_NPM
}

test('the package holds the compiled product, its pages and no test', async (t) => {
  if (isMissing(t)) return
  const { stdout } = await run('tar', ['-tzf', tarball], app)
  const files = stdout.trim().split('\n').map((line) => line.replace(/^package\//, ''))
  for (const file of ['bin/chaperone.js', 'bin/node24.js', 'bin/leash.js', 'dist/cli/main.js', 'dist/index.d.ts', 'dist/verify/index.js', 'dist/testing/index.js', 'LICENSE', 'README.md', 'SECURITY.md', 'CHANGELOG.md']) {
    assert.ok(files.includes(file), file)
  }
  assert.deepEqual(files.filter((file) => /\.test\.|^(src|test|scripts|bench)\//.test(file)), [])
})

interface Started {
  readonly child: ChildProcess
  readonly port: number
  readonly key: string
}

async function start(t: TestContext, node: string, dir: string): Promise<Started> {
  writeFileSync(join(dir, 'c.yaml'), 'fetch_proxy: {listen: "127.0.0.1:0"}\nadmin: {listen: "127.0.0.1:0"}\nssrf: {ip_allowlist: [127.0.0.0/8]}\n')
  const child = spawn(node, [join(app, 'node_modules/chaperone/bin/chaperone.js'), 'start', '--config', 'c.yaml', '--state-dir', 'state'], { cwd: dir, env: environment, stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  t.after(() => child.kill('SIGKILL'))
  await waitFor(() => stderr.includes('verify:'))
  return { child, port: Number(/127\.0\.0\.1:([0-9]+) as proxy/.exec(stderr)?.[1]), key: /--key ([0-9a-f]{64})/.exec(stderr)?.[1] ?? '' }
}

for (const [name, node] of Object.entries({ 'this Node': process.execPath, 'an older Node': findOldNode() })) {
  test(`${name}: init, start and verify run from the package`, async (t) => {
    if (isMissing(t)) return
    if (node === undefined) {
      skipFor(t, 'a Node older than 24')
      return
    }
    const dir = temporaryFolder(t)
    const chaperone = (...args: readonly string[]): Promise<Run> => run(node, [join(app, 'node_modules/chaperone/bin/chaperone.js'), ...args], dir)
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
    assert.deepEqual(await chaperone('--version'), { code: 0, stdout: `${version}\n`, stderr: '' })
    assert.equal((await chaperone('init')).code, 0)
    assert.equal((await chaperone('config', 'check', 'chaperone.yaml')).code, 0)
    const origin = await startOrigin(t, (_request, response) => response.end('from the origin'))
    const { child, port, key } = await start(t, node, dir)
    assert.equal((await throughProxy(port, origin.url)).text, 'from the origin')
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    assert.equal(await gone, 0)
    const verified = await chaperone('verify', 'state/receipts', '--key', key)
    assert.deepEqual([verified.code, verified.stdout.startsWith('VALID: ')], [0, true], verified.stdout)
  })
}

const PROGRAM = `
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import http from 'node:http'
import { isConfigErrors, openStateFolder, parseConfig, startCompanion, type Companion } from 'chaperone'
import { verifyRecorder } from 'chaperone/verify'
import { startCountingOrigin } from 'chaperone/testing'

const origin = await startCountingOrigin()
const read = () => parseConfig('fetch_proxy: {listen: "127.0.0.1:0"}\\nadmin: {listen: "127.0.0.1:0"}\\nssrf: {ip_allowlist: [127.0.0.0/8]}\\nlogging: {output: file, file: /dev/null}\\n', 'own.yaml', {})
const config = read()
assert.ok(!isConfigErrors(config))
const folder = await openStateFolder(process.argv[2] ?? '')
const companion: Companion = await startCompanion(config, folder, { version: 'embedded', read })
const port = companion.listeners[0]?.port
const status = await new Promise((resolve, reject) => {
  http.get({ host: '127.0.0.1', port, path: 'http://127.0.0.1:' + String(origin.port) + '/' }, (answer) => resolve(answer.resume().statusCode)).on('error', reject)
})
await companion.stop('done')
await folder.release()
assert.deepEqual([status, origin.requests()], [200, 1])
await origin.close()
const files = readdirSync(folder.receiptsDir).filter((name) => name.endsWith('.jsonl')).map((name) => ({ name, content: readFileSync(folder.receiptsDir + '/' + name) }))
assert.ok(verifyRecorder(files, { trustedKeys: [companion.publicKeyHex] }).valid)
console.log('all three entry points work')
`

test('a program that embeds a companion type-checks against the package and runs', async (t) => {
  if (isMissing(t)) return
  writeFileSync(join(app, 'program.ts'), PROGRAM)
  const tsc = await run(process.execPath, ['node_modules/typescript/bin/tsc', '--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node', 'program.ts'], app)
  assert.deepEqual([tsc.code, tsc.stdout], [0, ''])
  const { code, stdout, stderr } = await run(process.execPath, ['program.ts', join(temporaryFolder(t), 'state')], app)
  assert.deepEqual([code, stdout], [0, 'all three entry points work\n'], stderr)
})

test('npm installs the tarball into an empty folder, and its command runs there', async (t) => {
  if (isMissing(t)) return
  const dir = temporaryFolder(t)
  writeFileSync(join(dir, 'package.json'), '{"private": true}')
  const installed = await run('npm', ['install', '--prefer-offline', '--omit=optional', '--no-audit', '--no-fund', tarball], dir)
  if (installed.code !== 0 && UNREACHABLE.test(installed.stderr)) {
    skipFor(t, 'a package registry')
    return
  }
  assert.equal(installed.code, 0, installed.stderr)
  const { code, stdout } = await run(process.execPath, ['node_modules/.bin/chaperone', 'config', 'schema'], dir)
  assert.deepEqual([code, stdout.startsWith('{')], [0, true])
})
