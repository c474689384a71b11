/** docs/verify.md is true: its codes exist, its exit codes are those of the command, its OpenSSL recipe verifies a receipt. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { FAULTS, WARNINGS } from '../../src/verify/index.ts'
import { runCli } from '../support/cli.ts'
import { hasProgram, skipFor } from '../support/missed.ts'
import { startCompanionProcess, processFolder } from '../support/companion-process.ts'
import { startRecorded } from '../support/recorded-run.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PAGE = readFileSync(fileURLToPath(new URL('../../docs/verify.md', import.meta.url)), 'utf8')

test('every code that the page explains is a fault or, where it says so, a warning', () => {
  const rows = PAGE.slice(PAGE.indexOf('## Faults and warnings')).split('\n').filter((line) => line.startsWith('| `'))
  assert.ok(rows.length >= 6)
  for (const row of rows) {
    const [codes = ''] = row.slice(2).split(' | ')
    for (const [, name = ''] of codes.matchAll(/`(\w+)`/g)) assert.ok(name in (codes.includes('(warning)') ? WARNINGS : FAULTS), name)
  }
})

test('a session that was killed is a warning, and the folder stays valid', async (t) => {
  const folder = processFolder(t)
  const companion = await startCompanionProcess(t, folder)
  await companion.kill('SIGKILL')
  const { code, stdout } = await runCli(['verify', folder.receiptsDir, '--key', join(folder.stateDir, 'keys', 'receipt-signing.key.pub'), '--json'])
  const { valid, warnings } = JSON.parse(stdout) as { valid: boolean; warnings: { code: string }[] }
  assert.deepEqual([code, valid, warnings.some((warning) => warning.code === 'session_not_closed')], [0, true, true])
})

test('OpenSSL alone verifies a receipt by the recipe of the page, and refuses one that was changed', async (t) => {
  const missing = ['openssl', 'xxd', 'sed'].find((program) => !hasProgram(program))
  if (missing !== undefined) {
    skipFor(t, missing)
    return
  }
  const { receipts, key } = await startRecorded(temporaryFolder(t))
  const [name = ''] = readdirSync(receipts).filter((file) => file.endsWith('-0.jsonl'))
  const recipe = /```\n(LINE=[^]*?)```/.exec(PAGE)?.[1] ?? ''
  const work = temporaryFolder(t)
  const follow = (edit: string): Promise<string> => {
    const file = join(work, 'evidence.jsonl')
    const script = recipe.replace('evidence-SESSION-0.jsonl', file).replace('64-hex-digits', key)
    return new Promise((resolve) => {
      rmSync(file, { force: true })
      execFile('sh', ['-c', `${edit} ${JSON.stringify(join(receipts, name))} > ${file}\n${script}`], { cwd: work }, (_error, stdout, stderr) => {
        resolve(`${stdout}${stderr}`)
      })
    })
  }
  assert.match(await follow('cat'), /^Signature Verified Successfully$/m)
  assert.match(await follow('sed s/127.0.0.1/127.0.0.2/'), /^Signature Verification Failure$/m)
})
