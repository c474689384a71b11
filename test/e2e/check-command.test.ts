/** `chaperone check` as users run it: its words, its JSON and its exit codes. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { LAUNCHER, runCli } from '../support/cli.ts'
import { CREDENTIAL_FORMATS } from '../support/credentials.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const SECRET = CREDENTIAL_FORMATS[0]?.make(seededRandom('check command')) ?? ''

test('a text that may leave and be read ends with 0, one that holds a credential with 1', async () => {
  assert.deepEqual(await runCli(['check', '--text', 'see you on Monday']), { code: 0, stdout: 'sent: allow\nread: allow\n', stderr: '' })
  const found = await runCli(['check', '--text', `key ${SECRET}`])
  assert.equal(found.code, 1)
  assert.match(found.stdout, /^sent: block \(dlp_secret\)\n {2}dlp\.aws_access_key: critical, block, body 4-24\nread: /)
  assert.ok(!found.stdout.includes(SECRET))
})

test('URL, file and standard input are judged alike, and --json says the same', async (test) => {
  const dir = temporaryFolder(test)
  writeFileSync(join(dir, 'upload.json'), JSON.stringify({ note: SECRET }))
  assert.equal((await runCli(['check', '--url', 'http://127.0.0.1/'])).stdout, 'asked for: block (ssrf_address)\n')
  assert.equal((await runCli(['check', '--url', 'https://docs.python.org/3/'])).code, 0)
  assert.equal((await runCli(['check', '--file', join(dir, 'upload.json')])).code, 1)
  const piped = spawnSync(process.execPath, [LAUNCHER, 'check', '--stdin', '--json'], { input: `key ${SECRET}`, encoding: 'utf8' })
  assert.equal(piped.status, 1)
  const told = JSON.parse(piped.stdout) as { profile: string; checks: { question: string; decision: string; findings: { rule: string }[] }[] }
  assert.deepEqual([told.profile, told.checks[0]?.question, told.checks[0]?.decision, told.checks[0]?.findings[0]?.rule], ['_default', 'sent', 'block', 'dlp.aws_access_key'])
})

test('the rules are those of the named profile of the configuration', async (test) => {
  const dir = temporaryFolder(test)
  const file = join(dir, 'chaperone.yaml')
  writeFileSync(file, 'agents:\n  own: {source_cidrs: [192.0.2.0/24], dlp: {patterns: [{name: project, regex: "codename-[a-z]{4}", severity: high}]}}\n')
  const check = (...more: string[]) => runCli(['check', '--text', 'codename-wolf', '--config', file, ...more])
  assert.equal((await check()).code, 0)
  assert.equal((await check('--profile', 'own')).code, 1)
  const nobody = await check('--profile', 'nobody')
  assert.equal(nobody.code, 2)
  assert.match(nobody.stderr, /no profile nobody; there is _default, own/)
})

test('what cannot be read ends with 2, wrong usage with 64', async (test) => {
  const dir = temporaryFolder(test)
  writeFileSync(join(dir, 'bad.yaml'), 'mode: nonsense\n')
  assert.equal((await runCli(['check', '--file', join(dir, 'absent')])).code, 2)
  assert.equal((await runCli(['check', '--text', 'x', '--config', join(dir, 'bad.yaml')])).code, 2)
  assert.equal((await runCli(['check'])).code, 64)
  assert.equal((await runCli(['check', '--text', 'x', '--stdin'])).code, 64)
  assert.equal((await runCli(['check', '--nonsense'])).code, 64)
})
