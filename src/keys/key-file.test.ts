/** Key files on disk: modes, exclusive creation, races, and what is not a key file. */

import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { createKeyFiles, loadOrCreatePrivateKey, loadPrivateKey, loadPublicKey } from './key-file.ts'

const inFolder = async (use: (folder: string) => Promise<void>) => {
  const folder = await mkdtemp(join(tmpdir(), 'chaperone-keys-'))
  try {
    await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
const modeOf = async (path: string) => (await stat(path)).mode & 0o777

test('a new key is two files, the private one for the owner alone, and both load', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'state', 'receipt.key')
    const pair = await createKeyFiles(path)
    assert.deepEqual([await modeOf(path), await modeOf(`${path}.pub`), await modeOf(join(folder, 'state'))], [0o600, 0o644, 0o750])
    assert.deepEqual((await loadPrivateKey(path)).seed, pair.seed)
    assert.equal(await loadPublicKey(`${path}.pub`), pair.publicKey.toString('hex'))
    assert.deepEqual((await readdir(join(folder, 'state'))).sort(), ['receipt.key', 'receipt.key.pub'])
  }))

test('two new keys differ', () =>
  inFolder(async (folder) => {
    const [a, b] = await Promise.all([createKeyFiles(join(folder, 'a')), createKeyFiles(join(folder, 'b'))])
    assert.notDeepEqual(a.seed, b.seed)
  }))

test('a key is never overwritten', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'k')
    await createKeyFiles(path)
    const before = await readFile(path)
    await assert.rejects(createKeyFiles(path), { name: 'KeyError', message: /never overwritten/ })
    assert.deepEqual(await readFile(path), before)
  }))

test('a public key in the way leaves no private key behind', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'k')
    await writeFile(`${path}.pub`, 'someone else')
    await assert.rejects(createKeyFiles(path), { name: 'KeyError', message: /k\.pub: expected no file here/ })
    await assert.rejects(loadOrCreatePrivateKey(path), { name: 'KeyError', message: /k\.pub: expected no file here/ })
    assert.deepEqual(await readdir(folder), ['k.pub'])
  }))

test('a private key that others can read or the group can write is refused with the mode', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'k')
    await createKeyFiles(path)
    for (const mode of [0o644, 0o604, 0o660, 0o601, 0o620]) {
      await chmod(path, mode)
      await assert.rejects(loadPrivateKey(path), { name: 'KeyError', message: new RegExp(`expected mode 0600.* got 0${mode.toString(8)}$`) })
    }
    for (const mode of [0o600, 0o400, 0o440, 0o640]) {
      await chmod(path, mode)
      await loadPrivateKey(path)
    }
  }))

test('a mounted secret, a symbolic link, is followed', () =>
  inFolder(async (folder) => {
    await createKeyFiles(join(folder, 'k'))
    await symlink(join(folder, 'k'), join(folder, 'mounted'))
    await loadPrivateKey(join(folder, 'mounted'))
  }))

test('what is not a key file is refused by name', () =>
  inFolder(async (folder) => {
    await assert.rejects(loadPrivateKey(join(folder, 'none')), { name: 'KeyError', message: /none: expected a readable key file \(ENOENT\)/ })
    await assert.rejects(loadPrivateKey(folder), { name: 'KeyError', message: /expected a regular file/ })
    await writeFile(join(folder, 'big'), 'x'.repeat(5000), { mode: 0o600 })
    await assert.rejects(loadPrivateKey(join(folder, 'big')), { name: 'KeyError', message: /at most 4096 bytes/ })
    await writeFile(join(folder, 'empty'), '', { mode: 0o600 })
    await assert.rejects(loadPrivateKey(join(folder, 'empty')), { name: 'KeyError', message: /first line/ })
  }))

test('the key of a state folder is made once, also by starts that race', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'k')
    const starts = await Promise.all(Array.from({ length: 8 }, () => loadOrCreatePrivateKey(path)))
    assert.equal(starts.filter(({ created }) => created).length, 1)
    assert.equal(new Set(starts.map(({ pair }) => pair.publicKey.toString('hex'))).size, 1)
    assert.equal((await loadOrCreatePrivateKey(path)).created, false)
  }))

test('a folder that cannot be made is named', () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, 'file'), '')
    await assert.rejects(createKeyFiles(join(folder, 'file', 'k')), { name: 'KeyError', message: /file: expected a folder/ })
  }))
