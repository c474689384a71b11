/**
 * The commands as users run them: processes through bin/chaperone.js, under the Node that runs the tests and under one that
 * is too old to run the product, where the launcher finds the Node that the checkout brings. What differs is nothing.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import { findOldNode, LAUNCHER, runCli, type CliRun } from '../support/cli.ts'
import { skipFor } from '../support/missed.ts'
import { startRecorded } from '../support/recorded-run.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const NODES: Readonly<Record<string, string | undefined>> = { 'this Node': process.execPath, 'an older Node': findOldNode() }

const GOOD = `mode: strict
api_allowlist: [api.example.com]
agents:
  ci: {source_cidrs: [10.42.3.0/24], mode: balanced}
identity: {unmatched: deny}
`
/** Two faults of form; and two of meaning, which are looked for once the form is right. */
const BAD = `mode: nonsense
agents:
  ci: {source_cidr: [10.42.3.0/24]}
`
const CONTRADICTORY = `agents:
  ci: {source_cidrs: [10.42.3.7/24]}
default_agent_identity: research
`

/** Receipts of a real run with allowed and refused exchanges, made once. */
let evidence: { readonly receipts: string; readonly key: string } = { receipts: '', key: '' }

before(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'chaperone-e2e-'))
  process.once('exit', () => {
    rmSync(dir, { recursive: true, force: true })
  })
  evidence = await startRecorded(dir)
})

for (const [name, node] of Object.entries(NODES)) {
  const run = (args: readonly string[], cwd?: string): Promise<CliRun> => runCli(args, { ...(node !== undefined && { node }), ...(cwd !== undefined && { cwd }) })
  const isMissing = (t: TestContext): boolean => {
    if (node === undefined) skipFor(t, 'a Node older than 24')
    return node === undefined
  }

  test(`${name}: init writes a file that checks, does not replace one, and does with --force`, async (t) => {
    if (isMissing(t)) return
    const dir = temporaryFolder(t)
    assert.deepEqual(await run(['init'], dir), { code: 0, stdout: 'chaperone.yaml written: edit it, then run: chaperone start --config chaperone.yaml\n', stderr: '' })
    assert.deepEqual(await run(['config', 'check', 'chaperone.yaml'], dir), { code: 0, stdout: 'chaperone.yaml: valid\n', stderr: '' })
    writeFileSync(join(dir, 'chaperone.yaml'), 'mode: audit\n')
    const again = await run(['init'], dir)
    assert.equal(again.code, 2)
    assert.match(again.stderr, /^chaperone\.yaml: exists already: /)
    assert.equal(readFileSync(join(dir, 'chaperone.yaml'), 'utf8'), 'mode: audit\n')
    assert.equal((await run(['init', '--force'], dir)).code, 0)
    assert.match(readFileSync(join(dir, 'chaperone.yaml'), 'utf8'), /^mode: balanced$/m)
    assert.equal((await run(['init', 'no/such/folder.yaml'], dir)).code, 2)
  })

  test(`${name}: config check names every fault with file, line and path, and ends with 1`, async (t) => {
    if (isMissing(t)) return
    const dir = temporaryFolder(t)
    writeFileSync(join(dir, 'good.yaml'), GOOD)
    writeFileSync(join(dir, 'bad.yaml'), BAD)
    assert.deepEqual(await run(['config', 'check', 'good.yaml'], dir), {
      code: 0,
      stdout: 'warning: good.yaml:4:44: agents.ci.mode: balanced is weaker than the strict of the top level\ngood.yaml: valid\n',
      stderr: '',
    })
    const bad = await run(['config', 'check', 'bad.yaml'], dir)
    assert.deepEqual([bad.code, bad.stdout], [1, ''])
    assert.match(bad.stderr, /^bad\.yaml:1:[0-9]+: mode: expected /m)
    assert.match(bad.stderr, /^bad\.yaml:3:[0-9]+: agents\.ci\.source_cidr: .*source_cidrs/m)
    writeFileSync(join(dir, 'contradictory.yaml'), CONTRADICTORY)
    const contradictory = await run(['config', 'check', 'contradictory.yaml'], dir)
    assert.equal(contradictory.code, 1)
    assert.match(contradictory.stderr, /^contradictory\.yaml:2:[0-9]+: agents\.ci\.source_cidrs\[0\]: expected no host bits: 10\.42\.3\.0\/24/m)
    assert.match(contradictory.stderr, /^contradictory\.yaml:3:[0-9]+: default_agent_identity: expected the name of a profile /m)
    const absent = await run(['config', 'check', 'absent.yaml'], dir)
    assert.equal(absent.code, 1)
    assert.match(absent.stderr, /absent\.yaml/)
  })

  test(`${name}: config explain tells every value and where it comes from`, async (t) => {
    if (isMissing(t)) return
    const dir = temporaryFolder(t)
    writeFileSync(join(dir, 'good.yaml'), GOOD)
    const { code, stdout, stderr } = await run(['config', 'explain', 'good.yaml'], dir)
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^identity\.unmatched = "?deny"?  \(.*line 5\)$/m)
    assert.match(stdout, /^agents\.ci\.mode = "?balanced"?  \(.*line 4\)$/m)
    assert.match(stdout, /^trust_domain = .*default/m)
    assert.equal((await run(['config', 'explain'], dir)).code, 0)
  })

  test(`${name}: config schema is a JSON Schema that names the keys`, async (t) => {
    if (isMissing(t)) return
    const { code, stdout, stderr } = await run(['config', 'schema'])
    assert.deepEqual([code, stderr], [0, ''])
    const schema = JSON.parse(stdout) as { type: string; additionalProperties: boolean; properties: Record<string, unknown> }
    assert.deepEqual([schema.type, schema.additionalProperties], ['object', false])
    for (const key of ['mode', 'agents', 'identity', 'kill_switch', 'flight_recorder']) assert.ok(key in schema.properties, key)
  })

  test(`${name}: identity explain says who a caller is, and ends with 1 where it is refused`, async (t) => {
    if (isMissing(t)) return
    const dir = temporaryFolder(t)
    writeFileSync(join(dir, 'good.yaml'), GOOD)
    const known = await run(['identity', 'explain', '10.42.3.9', '--config', 'good.yaml'], dir)
    assert.equal(known.code, 0)
    assert.match(known.stdout, /^result: profile ci, grade bound$/m)
    const stranger = await run(['identity', 'explain', '10.42.4.9', '--config', 'good.yaml', '--json'], dir)
    assert.equal(stranger.code, 1)
    assert.equal((JSON.parse(stranger.stdout) as { result: { denial: { reason: string } } }).result.denial.reason, 'identity_unresolved')
    assert.equal((await run(['identity', 'explain', 'nonsense', '--config', 'good.yaml'], dir)).code, 1)
  })

  test(`${name}: demo --once shows what passes and what does not, and its receipts verify`, async (t) => {
    if (isMissing(t)) return
    const { code, stdout, stderr } = await run(['demo', '--once'])
    assert.deepEqual([code, stderr], [0, ''])
    const tour = stdout.split('\n').slice(0, 6).map((line) => line.replace(/ {2,}/, ' | '))
    assert.deepEqual(tour, [
      'an allowed request | allowed, 200',
      'a host that is not on the allow list | refused, 403 host_not_allowed',
      'a credential in the URL | refused, 403 dlp_secret',
      'the cloud metadata address | refused, 403 ssrf_address',
      "the companion's own port | refused, 403 protected_target",
      'requests that reached the origin | 1',
    ])
    assert.match(stdout, /^VALID: /m)
  })

  test(`${name}: verify ends with 0 for what is valid, 1 for what is not, 2 where it could not run`, async (t) => {
    if (isMissing(t)) return
    const { receipts, key } = evidence
    const valid = await run(['verify', receipts, '--key', key])
    assert.deepEqual([valid.code, valid.stderr], [0, ''])
    assert.match(valid.stdout, /^VALID: /)
    assert.doesNotMatch(valid.stdout, /UNPINNED/)
    assert.equal((JSON.parse((await run(['verify', receipts, '--key', key, '--json'])).stdout) as { valid: boolean }).valid, true)

    const tampered = join(temporaryFolder(t), 'receipts')
    cpSync(receipts, tampered, { recursive: true })
    const [file = ''] = readdirSync(tampered).filter((each) => each.startsWith('evidence-'))
    const text = readFileSync(join(tampered, file), 'utf8')
    writeFileSync(join(tampered, file), text.replace('"verdict":"block"', '"verdict":"allow"'))
    assert.notEqual(readFileSync(join(tampered, file), 'utf8'), text)
    const invalid = [[tampered, '--key', key], [receipts, '--key', `${'0'.repeat(63)}1`], [receipts]]
    for (const [at, { code, stdout }] of (await Promise.all(invalid.map((args) => run(['verify', ...args])))).entries()) {
      assert.equal(code, 1, invalid[at]?.join(' '))
      assert.match(stdout, /^INVALID: /)
    }
    const unusable = await Promise.all([run(['verify', join(tampered, 'absent'), '--key', key]), run(['verify', receipts, '--key', 'not-a-key'])])
    assert.deepEqual(unusable.map(({ code }) => code), [2, 2])
  })

  test(`${name}: wrong usage ends with 64 and shows what is right; help and version end with 0`, async (t) => {
    if (isMissing(t)) return
    const wrong = [['nonsense'], ['verify'], ['start', '--nonsense'], ['config', 'nonsense'], ['identity', 'explain'], ['killswitch'], []]
    for (const [at, { code, stdout, stderr }] of (await Promise.all(wrong.map((args) => run(args)))).entries()) {
      assert.deepEqual([code, stdout], [64, ''], wrong[at]?.join(' '))
      assert.match(stderr, /error|Usage/)
    }
    const help = await run(['--help'])
    assert.equal(help.code, 0)
    for (const command of ['start', 'init', 'verify', 'status', 'killswitch', 'config', 'identity', 'demo']) assert.match(help.stdout, new RegExp(`^  ${command} `, 'm'))
    assert.match((await run(['--version'])).stdout, /^[0-9]+\.[0-9]+\.[0-9]+\n$/)
  })

  test(`${name}: start ends with 1 for a wrong configuration and 2 where a port is taken`, async (t) => {
    if (isMissing(t)) return
    const dir = temporaryFolder(t)
    writeFileSync(join(dir, 'bad.yaml'), BAD)
    const refused = await run(['start', '--config', 'bad.yaml', '--state-dir', join(dir, 'state')], dir)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /^bad\.yaml:1:/m)
    assert.ok(!existsSync(join(dir, 'state')))

    const running = startHere(t, node ?? '', temporaryFolder(t))
    await waitFor(() => running.stderr().includes('verify:'), 15_000)
    const [, port] = /agents: http:\/\/127\.0\.0\.1:([0-9]+)/.exec(running.stderr()) ?? []
    writeFileSync(join(dir, 'taken.yaml'), `fetch_proxy: {listen: "127.0.0.1:${port}"}\nadmin: {listen: "127.0.0.1:0"}\n`)
    const taken = await run(['start', '--config', 'taken.yaml', '--state-dir', join(dir, 'state')], dir)
    assert.equal(taken.code, 2)
    assert.match(taken.stderr, new RegExp(`127\\.0\\.0\\.1:${port}: another process listens there already`))
  })

  test(`${name}: start passes SIGTERM on and ends with 0`, async (t) => {
    if (isMissing(t) || process.platform === 'win32') return
    const running = startHere(t, node ?? '', temporaryFolder(t))
    await waitFor(() => running.stderr().includes('verify:'), 15_000)
    const exited = once(running.child, 'exit')
    running.child.kill('SIGTERM')
    assert.deepEqual(await exited, [0, null])
  })

  test(`${name}: a launcher that is killed leaves no companion behind`, async (t) => {
    if (isMissing(t) || process.platform !== 'linux') return
    const dir = temporaryFolder(t)
    const running = startHere(t, node ?? '', dir)
    await waitFor(() => running.stderr().includes('verify:'), 15_000)
    const pid = Number(readFileSync(join(dir, 'state', 'lock'), 'utf8').split(' ')[0])
    assert.ok(isAlive(pid))
    running.child.kill('SIGKILL')
    await waitFor(() => !isAlive(pid), 10_000)
  })
}

interface RunningHere {
  readonly child: ReturnType<typeof spawn>
  stderr(): string
}

function startHere(t: TestContext, node: string, dir: string): RunningHere {
  const file = join(dir, 'chaperone.yaml')
  writeFileSync(file, 'fetch_proxy: {listen: "127.0.0.1:0"}\nadmin: {listen: "127.0.0.1:0"}\n')
  const child = spawn(node, [LAUNCHER, 'start', '--config', file, '--state-dir', join(dir, 'state')], { stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  t.after(() => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
  })
  return { child, stderr: () => stderr }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // A zombie has no command line.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
  } catch {
    return false
  }
}

test('without a Node that is new enough the launcher says in one line what is missing', async (t) => {
  const node = NODES['an older Node']
  if (node === undefined) {
    skipFor(t, 'a Node older than 24')
    return
  }
  // The launcher alone, where no platform package can be found beside it.
  const dir = temporaryFolder(t)
  cpSync(fileURLToPath(new URL('../../bin', import.meta.url)), join(dir, 'bin'), { recursive: true })
  writeFileSync(join(dir, 'package.json'), '{"type": "module"}')
  const { code, stdout, stderr } = await new Promise<CliRun>((resolve) => {
    const child = spawn(node, [join(dir, 'bin', 'chaperone.js'), '--version'])
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    child.on('close', (exit) => {
      resolve({ code: exit ?? -1, stdout: out, stderr: err })
    })
  })
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /^chaperone: needs Node 24 or later \(this is v[0-9.]+\), .*"npm ci".*\n$/)
})
