/** The sentinel file on a real file system, and what cannot be told counts as on. */

import assert from 'node:assert/strict'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { probeSentinel, watchSentinelFile, type SentinelState } from './sentinel-file.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sentinel-'))
})
after(async () => {
  await rm(folder, { recursive: true })
})

async function until(isTrue: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 2000
  while (!isTrue()) {
    assert.ok(performance.now() < deadlineMs, 'not within two seconds')
    await sleep(5)
  }
}

test('a file is present, none is absent, a dangling link is present', async () => {
  const path = join(folder, 'kill')
  assert.equal(await probeSentinel(path), 'absent')
  await symlink(join(folder, 'nowhere'), path)
  assert.equal(await probeSentinel(path), 'present')
  await rm(path)
  await writeFile(path, '')
  assert.equal(await probeSentinel(path), 'present')
  await rm(path)
})

test('a path that cannot be looked at is unreadable', async () => {
  const file = join(folder, 'plain')
  await writeFile(file, '')
  assert.equal(await probeSentinel(join(file, 'below-a-file')), 'unreadable')
  assert.equal(await probeSentinel(join(folder, 'x'.repeat(300))), 'unreadable')
})

test('the first state is known when the watch stands, and each change is told within the interval', async () => {
  const path = join(folder, 'switch')
  const told: SentinelState[] = []
  const watch = await watchSentinelFile({ path, intervalMs: 10, onState: (state) => told.push(state) })
  assert.deepEqual(told, ['absent'])

  await writeFile(path, '')
  await until(() => told.length === 2)
  await rm(path)
  await until(() => told.length === 3)
  watch.close()
  assert.deepEqual(told, ['absent', 'present', 'absent'])
})

test('a probe that fails or hangs counts as unreadable, and a hung one is not joined by a second', async () => {
  const told: SentinelState[] = []
  const failing = await watchSentinelFile({ path: '/x', probe: () => Promise.reject(new TypeError('no')), onState: (state) => told.push(state) })
  failing.close()

  let probes = 0
  const hanging = await watchSentinelFile({
    path: '/x',
    intervalMs: 5,
    probeTimeoutMs: 10,
    probe: () => {
      probes++
      return new Promise(() => undefined)
    },
    onState: (state) => told.push(state),
  })
  await sleep(60)
  hanging.close()
  assert.deepEqual(told, ['unreadable', 'unreadable'])
  assert.equal(probes, 1)
})

test('a closed watch tells nothing more', async () => {
  const path = join(folder, 'closed')
  const told: SentinelState[] = []
  const watch = await watchSentinelFile({ path, intervalMs: 5, onState: (state) => told.push(state) })
  watch.close()
  await writeFile(path, '')
  await sleep(40)
  assert.deepEqual(told, ['absent'])
})
