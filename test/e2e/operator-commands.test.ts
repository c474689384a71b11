/** What operators run before a companion runs: keys made and named, another product's configuration taken over. */

import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { runCli } from '../support/cli.ts'
import { startOrigin } from '../support/origin.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('keygen writes a key pair that only its owner can read, tells the public key, and replaces none', async (t) => {
  const dir = temporaryFolder(t)
  const made = await runCli(['keygen', 'own.key'], { cwd: dir })
  assert.equal(made.code, 0)
  assert.match(made.stdout, /^[0-9a-f]{64}\n$/)
  assert.match(made.stderr, /^own\.key written; the public key beside it is own\.key\.pub, sha256:[0-9a-f]{64}\n$/)
  assert.deepEqual([statSync(join(dir, 'own.key')).mode & 0o777, statSync(join(dir, 'own.key.pub')).mode & 0o777], [0o600, 0o644])
  const [before, again] = [readFileSync(join(dir, 'own.key'), 'utf8'), await runCli(['keygen', 'own.key'], { cwd: dir })]
  assert.equal(again.code, 2)
  assert.match(again.stderr, /own\.key: .*never overwritten/)
  assert.equal(readFileSync(join(dir, 'own.key'), 'utf8'), before)
})

test('a signing key that the configuration names and that is not there is an error with its remedy, and nothing is made', async (t) => {
  const dir = temporaryFolder(t)
  const key = join(dir, 'receipts.key')
  const config = (listen: string): string => `fetch_proxy: {listen: "${listen}"}\nadmin: {listen: "127.0.0.1:0"}\nflight_recorder: {signing_key_path: ${JSON.stringify(key)}}\n`
  writeFileSync(join(dir, 'c.yaml'), config('127.0.0.1:0'))
  const start = (): ReturnType<typeof runCli> => runCli(['start', '--config', 'c.yaml', '--state-dir', 'state'], { cwd: dir })
  const { code, stderr } = await start()
  assert.equal(code, 2)
  assert.equal(stderr, `chaperone: ${key}: expected a readable key file (ENOENT): make one with chaperone keygen ${key}\n`)
  assert.ok(!existsSync(key))
  // With the key made as told, the start gets as far as the listener, whose port is taken.
  const { port } = await startOrigin(t)
  assert.equal((await runCli(['keygen', key])).code, 0)
  writeFileSync(join(dir, 'c.yaml'), config(`127.0.0.1:${port}`))
  assert.match((await start()).stderr, /another process listens there already/)
})

const importing = async (dir: string, text: string): ReturnType<typeof runCli> => {
  writeFileSync(join(dir, 'other.yaml'), text)
  return runCli(['config', 'import', 'other.yaml'], { cwd: dir })
}

test('a configuration that is wholly translated ends with 0, and its result checks', async (t) => {
  const dir = temporaryFolder(t)
  const { code, stdout, stderr } = await importing(dir, 'mode: strict\napi_allowlist: [example.com]\nexplain_blocks: true\n')
  assert.equal(code, 0)
  assert.match(stderr, /^dropped: explain_blocks: /m)
  assert.doesNotMatch(stderr, /^decide:/m)
  writeFileSync(join(dir, 'ours.yaml'), stdout)
  assert.equal((await runCli(['config', 'check', 'ours.yaml'], { cwd: dir })).code, 0)
})

test('a translation that loses a control, or that would not load, says what is to be decided and ends with 1', async (t) => {
  const dir = temporaryFolder(t)
  const lossy = await importing(dir, 'mode: strict\napi_allowlist: [example.com]\nresponse_scanning: {enabled: true}\n')
  assert.equal(lossy.code, 1)
  assert.match(lossy.stderr, /^decide: dropped: response_scanning: /m)
  assert.match(lossy.stdout, /^mode: strict$/m)
  const broken = await importing(dir, 'default_agent_identity: deployment/my-agent\n')
  assert.equal(broken.code, 1)
  assert.match(broken.stderr, /^decide: imported\.yaml:[0-9]+:[0-9]+: default_agent_identity: /m)
  const unreadable = await importing(dir, 'a: &x 1\n')
  assert.deepEqual([unreadable.code, unreadable.stdout], [1, ''])
  assert.equal((await runCli(['config', 'import', 'absent.yaml'], { cwd: dir })).code, 2)
})
