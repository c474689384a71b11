/** The watched reload, with real files changed in every way that files are changed. */

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isConfigErrors, loadConfig, watchConfigFile } from '../../src/config/index.ts'

const QUIET_MS = 400
const PATIENCE_MS = 8_000

interface Watched {
  readonly folder: string
  readonly path: string
  /** Modes as they were read on each change. */
  readonly seen: string[]
}

function aWatchedFile(context: TestContext, place: (folder: string) => string = (folder) => writtenAt(join(folder, 'chaperone.yaml'), 'mode: audit\n')): Watched {
  const folder = mkdtempSync(join(tmpdir(), 'chaperone-watch-'))
  const path = place(folder)
  const seen: string[] = []
  const watch = watchConfigFile(path, () => {
    const config = loadConfig(path, {})
    seen.push(isConfigErrors(config) ? 'refused' : (config.policy.profiles.get('_default')?.mode ?? ''))
  })
  context.after(() => {
    watch.close()
    rmSync(folder, { recursive: true })
  })
  return { folder, path, seen }
}

function writtenAt(path: string, text: string): string {
  writeFileSync(path, text)
  return path
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!condition() && performance.now() < deadline) await sleep(20)
}

test('a file written in place is seen once, however many writes it took', async (context) => {
  const { path, seen } = aWatchedFile(context)
  for (const text of ['mode: bal', 'mode: balan', 'mode: balanced\n']) writeFileSync(path, text)
  await until(() => seen.length > 0)
  await sleep(QUIET_MS)
  assert.deepEqual(seen, ['balanced'])
})

test('a file renamed over the old one is seen, and the next one too', async (context) => {
  const { folder, path, seen } = aWatchedFile(context)
  for (const [at, mode] of ['balanced', 'audit', 'balanced'].entries()) {
    renameSync(writtenAt(join(folder, 'next'), `mode: ${mode}\n`), path)
    await until(() => seen.length > at)
  }
  assert.deepEqual(seen, ['balanced', 'audit', 'balanced'])
})

test('a swap of the link beneath the file is seen, as Kubernetes updates a ConfigMap', async (context) => {
  const { folder, seen } = aWatchedFile(context, (root) => {
    mkdirSync(join(root, '..1'))
    writtenAt(join(root, '..1', 'chaperone.yaml'), 'mode: audit\n')
    symlinkSync('..1', join(root, '..data'))
    symlinkSync('..data/chaperone.yaml', join(root, 'chaperone.yaml'))
    return join(root, 'chaperone.yaml')
  })
  mkdirSync(join(folder, '..2'))
  writtenAt(join(folder, '..2', 'chaperone.yaml'), 'mode: balanced\n')
  symlinkSync('..2', join(folder, '..tmp'))
  renameSync(join(folder, '..tmp'), join(folder, '..data'))
  await until(() => seen.length > 0)
  assert.deepEqual(seen, ['balanced'])
})

test('a change behind a link into another folder is seen by the poll', async (context) => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'chaperone-target-'))
  context.after(() => { rmSync(elsewhere, { recursive: true }) })
  const target = writtenAt(join(elsewhere, 'real.yaml'), 'mode: audit\n')
  const { seen } = aWatchedFile(context, (root) => {
    symlinkSync(target, join(root, 'chaperone.yaml'))
    return join(root, 'chaperone.yaml')
  })
  writeFileSync(target, 'mode: balanced\n')
  await until(() => seen.length > 0)
  assert.deepEqual(seen, ['balanced'])
})

test('a file that goes away is waited for', async (context) => {
  const { path, seen } = aWatchedFile(context)
  unlinkSync(path)
  await sleep(QUIET_MS)
  assert.deepEqual(seen, [])
  writeFileSync(path, 'mode: balanced\n')
  await until(() => seen.length > 0)
  assert.deepEqual(seen, ['balanced'])
})

test('touching the file, writing the same again and writing beside it change nothing; a change after that is seen', async (context) => {
  const { folder, path, seen } = aWatchedFile(context)
  utimesSync(path, 1, 1)
  writeFileSync(path, 'mode: audit\n')
  writtenAt(join(folder, 'other.yaml'), 'mode: strict\n')
  await sleep(QUIET_MS)
  assert.deepEqual(seen, [])
  writeFileSync(path, 'mode: balanced\n')
  await until(() => seen.length > 0)
  assert.deepEqual(seen, ['balanced'])
})

test('a folder that is written into without pause does not keep a change from being seen', async (context) => {
  const { folder, path, seen } = aWatchedFile(context)
  writeFileSync(path, 'mode: balanced\n')
  const deadline = performance.now() + 3_000
  while (seen.length === 0 && performance.now() < deadline) {
    writeFileSync(join(folder, 'busy.log'), 'x')
    await sleep(10)
  }
  assert.deepEqual(seen, ['balanced'])
})

test('a wrong file is reported like any change, and after close nothing is', async (context) => {
  const { path, seen } = aWatchedFile(context)
  writeFileSync(path, 'mode: nonsense\n')
  await until(() => seen.length > 0)
  assert.deepEqual(seen, ['refused'])
  const calls: number[] = []
  const watch = watchConfigFile(path, () => { calls.push(1) })
  watch.close()
  writeFileSync(path, 'mode: balanced\n')
  await until(() => seen.length > 1)
  assert.deepEqual(calls, [])
})
