/** The hosts file as people write it, as it changes, and as somebody might abuse it. */

import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { createManualClock } from '../base/clock.ts'
import { openHostsFile, parseHosts } from './hosts-file.ts'

const A_SECOND_MS = 1000

function texts(addresses: readonly { text: string }[] | undefined): string[] | undefined {
  return addresses?.map(({ text }) => text)
}

function aFolder(test: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'chaperone-hosts-'))
  test.after(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

test('a line gives its address to every name on it', () => {
  const table = parseHosts('# comment\n\n 10.0.0.1\tone.example  ONE two.example. # three.example\r\n2001:db8::1 one.example\n10.0.0.2 one.example\n')
  assert.deepEqual(texts(table.get('one.example')), ['10.0.0.1', '10.0.0.2', '2001:db8::1'])
  assert.deepEqual(texts(table.get('one')), ['10.0.0.1'])
  assert.deepEqual(texts(table.get('two.example')), ['10.0.0.1'])
  assert.equal(table.has('three.example'), false)
})

test('what is no address and what is no name is passed over', () => {
  const table = parseHosts('fe80::1%lo0 zoned\n10.0.0 short.example\nname 10.0.0.1\n10.0.0.1 a/b 10.0.0.9 good.example\n10.0.0.1\n::ffff:10.0.0.7 mapped\n')
  assert.deepEqual([...table.keys()], ['good.example', 'mapped'])
  assert.deepEqual(texts(table.get('mapped')), ['10.0.0.7'])
})

test('names and addresses per name are bounded', () => {
  const many = Array.from({ length: 30_000 }, (_, at) => `10.0.0.1 n${at}.example`)
  assert.equal(parseHosts(many.join('\n')).size, 20_000)
  const one = Array.from({ length: 100 }, (_, at) => `10.0.0.${at} one.example`)
  assert.equal(parseHosts(one.join('\n')).get('one.example')?.length, 16)
  assert.equal(parseHosts('10.0.0.1 a a a\n10.0.0.1 a').get('a')?.length, 1)
})

test('a changed file is read again within a second, and not before', (t) => {
  const path = join(aFolder(t), 'hosts')
  const clock = createManualClock()
  writeFileSync(path, '10.0.0.1 name\n')
  const hosts = openHostsFile(path, clock)
  assert.deepEqual(texts(hosts.lookup('name')), ['10.0.0.1'])

  writeFileSync(`${path}.new`, '10.0.0.2 name\n')
  renameSync(`${path}.new`, path)
  assert.deepEqual(texts(hosts.lookup('name')), ['10.0.0.1'])
  clock.advance(A_SECOND_MS)
  assert.deepEqual(texts(hosts.lookup('name')), ['10.0.0.2'])

  rmSync(path)
  clock.advance(A_SECOND_MS)
  assert.equal(hosts.lookup('name'), undefined)
  writeFileSync(path, '10.0.0.3 name\n')
  clock.advance(A_SECOND_MS)
  assert.deepEqual(texts(hosts.lookup('name')), ['10.0.0.3'])
})

test('a file that is missing is empty', (t) => {
  assert.equal(openHostsFile(join(aFolder(t), 'none'), createManualClock()).lookup('localhost'), undefined)
})

test('a file that cannot be read any more keeps what was read', (t) => {
  const folder = aFolder(t)
  const path = join(folder, 'hosts')
  const clock = createManualClock()
  writeFileSync(path, '10.0.0.1 name\n')
  const hosts = openHostsFile(path, clock)
  assert.deepEqual(texts(hosts.lookup('name')), ['10.0.0.1'])

  // A folder in its place fails for root as well, which a mode does not.
  rmSync(path)
  mkdirSync(path)
  chmodSync(path, 0o000)
  clock.advance(A_SECOND_MS)
  assert.deepEqual(texts(hosts.lookup('name')), ['10.0.0.1'])
})

test('a file over the limit is read up to its last whole line', (t) => {
  const path = join(aFolder(t), 'hosts')
  const line = '10.0.0.1 first\n'
  const filler = `#${'x'.repeat(1_048_576 - line.length - 20)}\n`
  writeFileSync(path, `${line}${filler}10.0.0.2 half.example.com\n10.0.0.3 beyond\n`)
  const hosts = openHostsFile(path, createManualClock())
  assert.deepEqual(texts(hosts.lookup('first')), ['10.0.0.1'])
  for (const name of ['half', 'half.example', 'half.example.com', 'beyond']) assert.equal(hosts.lookup(name), undefined, name)
})
