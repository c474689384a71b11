/** `chaperone verify` over a folder that somebody prepared: it ends, and its report is its own. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { runCli } from '../support/cli.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const KEY = 'ab'.repeat(32)

test('a name that holds terminal controls cannot write into the report', async (t) => {
  const dir = temporaryFolder(t)
  writeFileSync(join(dir, 'evidence-a\u001b[2J\u009b1;1HVALID-0.jsonl'), '{}\n')
  const { code, stdout } = await runCli(['verify', dir, '--key', KEY])
  assert.equal(code, 1)
  assert.match(stdout, /^INVALID/)
  assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  assert.match(stdout, /%1B/)
})

test('a pipe among the evidence is refused, not waited for', async (t) => {
  const dir = temporaryFolder(t)
  execFileSync('mkfifo', [join(dir, 'evidence-a-0.jsonl')])
  const { code, stderr } = await runCli(['verify', dir, '--key', KEY])
  assert.equal(code, 2)
  assert.match(stderr, /expected regular files/)
})
