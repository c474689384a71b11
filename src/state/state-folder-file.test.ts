/** The state folder: permissions, the token, and the lock that only one companion holds. */

import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { defaultStateDir, openStateFolder, StateFolderError } from './index.ts'

const fresh = () => join(mkdtempSync(join(tmpdir(), 'chaperone-state-')), 'state')

test('a new folder, its token and its lock are closed to others', async () => {
  const dir = fresh()
  const folder = await openStateFolder(dir)
  assert.equal(statSync(dir).mode & 0o777, 0o700)
  assert.equal(statSync(folder.tokenPath).mode & 0o777, 0o600)
  assert.equal(readFileSync(folder.tokenPath, 'utf8').trim(), folder.adminToken)
  assert.ok(folder.adminToken.length >= 32)
  await folder.release()
  assert.equal(existsSync(join(dir, 'lock')), false)
})

test('a second companion on the folder is refused and told the pid of the first', async () => {
  const dir = fresh()
  const folder = await openStateFolder(dir)
  await assert.rejects(openStateFolder(dir), new RegExp(`in use by the companion with pid ${process.pid}:`))
  await folder.release()
  await (await openStateFolder(dir)).release()
})

test('a lock of a dead process, of a reused pid, or of garbage is taken over', async () => {
  for (const stale of ['999999999 1 aa\n', `${process.pid} 1 aa\n`, 'garbage', '']) {
    const dir = fresh()
    await (await openStateFolder(dir)).release()
    writeFileSync(join(dir, 'lock'), stale)
    const folder = await openStateFolder(dir)
    await folder.release()
  }
})

test('a take-over that died half-way is named, and nobody gets the folder', async () => {
  const dir = fresh()
  await (await openStateFolder(dir)).release()
  writeFileSync(join(dir, 'lock'), '999999999 1 aa\n')
  writeFileSync(join(dir, 'lock.takeover'), '')
  await assert.rejects(openStateFolder(dir), /then remove .*lock\.takeover/)
})

test('of ten that start at once exactly one gets the folder, stale lock or not', async () => {
  for (let round = 0; round < 50; round++) await raceForStaleLock()
})

async function raceForStaleLock(): Promise<void> {
  const dir = fresh()
  await (await openStateFolder(dir)).release()
  writeFileSync(join(dir, 'lock'), '999999999 1 aa\n')
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => openStateFolder(dir)))
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
}

test('the token survives a restart, and one that others can read is refused', async () => {
  const dir = fresh()
  const first = await openStateFolder(dir)
  await first.release()
  const second = await openStateFolder(dir)
  assert.equal(second.adminToken, first.adminToken)
  await second.release()
  chmodSync(first.tokenPath, 0o644)
  await assert.rejects(openStateFolder(dir), (error) => error instanceof StateFolderError && error.message.includes('expected mode 0600'))
})

test('the default folder is the system one for root and the user state folder for others', () => {
  assert.equal(defaultStateDir({}, 0), '/var/lib/chaperone')
  assert.equal(defaultStateDir({ XDG_STATE_HOME: '/x' }, 1000), '/x/chaperone')
  assert.match(defaultStateDir({ XDG_STATE_HOME: 'relative' }, 1000), /\.local\/state\/chaperone$/)
})
