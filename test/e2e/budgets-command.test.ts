/** `chaperone budgets` against a running companion: what it shows, what it changes, and what it says where it cannot. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { runCli, type CliRun } from '../support/cli.ts'
import { processFolder, startCompanionProcess } from '../support/companion-process.ts'
import { startOrigin } from '../support/origin.ts'
import { askProxy } from '../support/outcome-of.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('budgets are shown, granted, reset, frozen and released; each change leaves a receipt that verifies', async (t) => {
  const origin = await startOrigin(t)
  const folder = processFolder(t)
  const companion = await startCompanionProcess(t, folder, { config: 'budget: {requests: {limit: 1, window: 1h}, retries_per_endpoint: {limit: 2}}\nagents: {ci: {source_cidrs: [127.0.9.0/24], budget: {requests: {limit: unlimited}, retries_per_endpoint: {limit: unlimited}}}}\n' })
  const run = (...args: string[]): Promise<CliRun> => runCli(['budgets', ...args, '--state-dir', folder.stateDir])
  const ask = (): Promise<string> => askProxy(companion.port, origin.url)

  assert.deepEqual([await ask(), await ask()], ['200', 'budget_requests'])
  const shown = await run('show')
  assert.deepEqual([shown.code, shown.stdout], [0, '_default\n  requests: 1 of 1 requests in 3600 s\n  retries_per_endpoint: limit 2, 0 endpoints remembered in 600 s\nci (no limits)\n'])
  const granted = await run('grant', '_default', 'requests', '2', '--for', '10m')
  assert.match(granted.stdout, /requests: 1 of 1 \+ 2 granted requests in 3600 s/)
  assert.deepEqual([await ask(), await ask(), await ask()], ['200', '200', 'budget_requests'])
  assert.match((await run('reset', '_default', '--axis', 'requests')).stdout, /requests: 0 of 1/)
  assert.equal(await ask(), '200')
  assert.match((await run('freeze', 'ci')).stdout, /^ci \(frozen, no limits\)/)
  assert.equal((await run('unfreeze', 'ci')).stdout, 'ci (no limits)\n')
  assert.equal((await run('adopt')).code, 0)
  const json = JSON.parse((await run('show', '_default', '--json')).stdout) as { store: unknown; agents: readonly { agent: string }[] }
  assert.deepEqual([json.store, json.agents.map(({ agent }) => agent)], [{ kind: 'local', state: 'ok' }, ['_default']])

  assert.deepEqual((await run('show', 'nobody')).code, 1)
  assert.match((await run('grant', '_default', 'tokens', '2', '--for', '10m')).stderr, /no surface counts/)
  for (const wrong of [['grant', '_default', 'requests', '0', '--for', '10m'], ['grant', '_default', 'requests', '2', '--for', '10'], ['grant', '_default', 'requests', '2']]) assert.equal((await run(...wrong)).code, 64)

  await companion.kill('SIGTERM')
  const verified = await runCli(['verify', folder.receiptsDir, '--key', folder.publicKey().trim()])
  assert.equal(verified.code, 0, verified.stdout + verified.stderr)
})

test('where no companion runs the command says so and ends with 2', async (t) => {
  const { code, stderr } = await runCli(['budgets', 'show', '--state-dir', temporaryFolder(t)])
  assert.equal(code, 2)
  assert.match(stderr, /no companion answers/)
})
