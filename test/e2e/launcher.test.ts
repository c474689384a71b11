/** The launcher under a Node that is too old: one Ctrl-C is one signal, and test runs go through it. */

import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import { findOldNode, LAUNCHER } from '../support/cli.ts'
import { skipFor } from '../support/missed.ts'
import { startOrigin } from '../support/origin.ts'
import { throughProxy } from '../support/proxy-client.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

interface Launched {
  /** The launcher; the companion is its child. */
  readonly launcher: ChildProcess
  readonly companionPid: number
  readonly port: number
}

/** @param detached whether it leads a process group of its own, as a job of a shell does */
async function launch(t: TestContext, node: string, { detached = false } = {}): Promise<Launched> {
  const dir = temporaryFolder(t)
  const file = join(dir, 'chaperone.yaml')
  writeFileSync(file, 'fetch_proxy: {listen: "127.0.0.1:0"}\nadmin: {listen: "127.0.0.1:0"}\nssrf: {ip_allowlist: [127.0.0.0/8]}\n')
  const launcher = spawn(node, [LAUNCHER, 'start', '--config', file, '--state-dir', join(dir, 'state')], { stdio: ['ignore', 'ignore', 'pipe'], detached })
  let stderr = ''
  launcher.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  await waitFor(() => stderr.includes('verify:'))
  const companionPid = Number(/[0-9]+/.exec(readFileSync(join(dir, 'state', 'lock'), 'utf8'))?.[0])
  t.after(() => {
    launcher.kill('SIGKILL')
    if (isAlive(companionPid)) process.kill(companionPid, 'SIGKILL')
  })
  assert.notEqual(companionPid, launcher.pid, 'the launcher has a child')
  assert.ok(isAlive(companionPid))
  return { launcher, companionPid, port: Number(/127\.0\.0\.1:([0-9]+) as proxy/.exec(stderr)?.[1]) }
}

function isAlive(pid: number): boolean {
  try {
    // A zombie has no command line.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
  } catch {
    return false
  }
}

function oldNode(t: TestContext): string | undefined {
  const node = process.platform === 'linux' ? findOldNode() : undefined
  if (node === undefined) skipFor(t, 'a Node older than 24, on Linux')
  return node
}

test('one Ctrl-C, which reaches launcher and companion both, lets what is open finish', async (t) => {
  const node = oldNode(t)
  if (node === undefined) return
  const origin = await startOrigin(t, (_request, response) => setTimeout(() => response.end('late'), 1500))
  const { launcher, companionPid, port } = await launch(t, node, { detached: true })
  const answer = throughProxy(port, origin.url)
  await waitFor(() => origin.seen.length === 1)
  // What a terminal does: the signal goes to the whole group.
  process.kill(-(launcher.pid ?? 0), 'SIGINT')
  const [{ status, text }] = await Promise.all([answer, once(launcher, 'exit')])
  assert.deepEqual([status, text, launcher.exitCode], [200, 'late', 0])
  assert.ok(!isAlive(companionPid))
})

test('a second Ctrl-C that comes later cuts what is open', async (t) => {
  const node = oldNode(t)
  if (node === undefined) return
  const origin = await startOrigin(t, () => undefined)
  const { launcher, port } = await launch(t, node, { detached: true })
  const answer = throughProxy(port, origin.url)
  await waitFor(() => origin.seen.length === 1)
  process.kill(-(launcher.pid ?? 0), 'SIGINT')
  setTimeout(() => process.kill(-(launcher.pid ?? 0), 'SIGINT'), 1500)
  const { status, headers } = await answer
  assert.deepEqual([status, headers['x-pipelock-block-reason']], [503, 'draining'])
})

test('a test run goes through the launcher, too', async (t) => {
  const node = oldNode(t)
  if (node === undefined) return
  const file = join(temporaryFolder(t), 'one.test.mjs')
  writeFileSync(file, "import { test } from 'node:test'\ntest('one', () => undefined)\n")
  const child = spawn(node, [fileURLToPath(new URL('../../bin/node24.js', import.meta.url)), '--test', file], { stdio: 'ignore', env: { ...process.env, NODE_TEST_CONTEXT: undefined } })
  assert.deepEqual(await once(child, 'exit'), [0, null])
})
