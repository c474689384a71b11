/** A reload under load loses nothing and is seen whole or not at all; what was used and who pulled the switch survive it. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { listKeys } from '../../src/config/index.ts'
import { startTestCompanion } from '../support/companion.ts'
import { freePort } from '../support/free-port.ts'
import { sendLoad } from '../support/load.ts'
import { startOrigin } from '../support/origin.ts'
import { askProxy } from '../support/outcome-of.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const REQUESTS = 2000
const RELOADS = 20

test('2,000 requests at 32 connections while the policy changes 20 times: each is held to one policy, and none is lost', async (t) => {
  const origin = await startOrigin(t)
  const policies = ['mode: balanced\n', 'mode: strict\napi_allowlist: [api.example]\n', 'mode: audit\nlimits: {max_held_response_bytes: 0}\n', 'timeouts: {response_head: 20s}\nagents: {a: {source_cidrs: [10.0.0.0/8]}}\n']
  const companion = await startTestCompanion(t, { allowLoopback: true, config: policies.at(-1) ?? '' })
  const results: string[] = []
  let sent = 0
  const load = await sendLoad(companion.port, origin.url, {
    total: REQUESTS,
    connections: 32,
    stop: () => {
      sent++
      if (sent % (REQUESTS / RELOADS) === 0) results.push(companion.reload(policies[results.length % policies.length] ?? '').result)
      return false
    },
  })
  assert.deepEqual(results, Array.from({ length: RELOADS }, () => 'applied'))
  const refused = load.failures.get('403') ?? 0
  assert.deepEqual([...load.failures.keys()], ['403'], 'only what strict mode refuses failed')
  assert.equal(load.answered + refused, REQUESTS)
  assert.ok(refused > 100 && load.answered > 1000, `${refused} refused`)
  assert.equal(origin.seen.length, load.answered)

  const receipts = await companion.exchangeReceipts()
  const ofPhase = (phase: string | undefined) => receipts.filter(({ decision_phase, target }) => decision_phase === phase && target.startsWith(origin.url))
  assert.equal(new Set(ofPhase('intent').map(({ action_id }) => action_id)).size, load.answered)
  assert.deepEqual(new Set(ofPhase('outcome').map(({ action_id }) => action_id)), new Set(ofPhase('intent').map(({ action_id }) => action_id)))
  assert.ok(ofPhase('outcome').every(({ pattern = '' }) => pattern.endsWith('reason=completed')))
  const [passing, refusing] = [new Set(ofPhase('intent').map(({ policy_hash }) => policy_hash)), new Set(ofPhase(undefined).map(({ policy_hash }) => policy_hash))]
  assert.equal(passing.size, policies.length - 1)
  assert.equal(refusing.size, 1)
  assert.ok([...refusing].every((hash) => !passing.has(hash)), 'one policy both refused and let pass')
})

test('what a profile has used, and a kill switch pulled by the admin, survive a reload', async (t) => {
  const origin = await startOrigin(t)
  const rates = (limit: number, more = ''): string => `rate_limit: {max_requests_per_minute: ${limit}, max_data_per_minute: 10KiB}\n${more}`
  const companion = await startTestCompanion(t, { allowLoopback: true, config: rates(3) })
  const ask = (): Promise<string> => askProxy(companion.port, origin.url)
  assert.deepEqual([await ask(), await ask()], ['200', '200'])
  companion.reload(rates(3, 'mode: audit\n'))
  assert.deepEqual([await ask(), await ask()], ['200', 'rate_limited'])
  companion.reload(rates(4))
  assert.deepEqual([await ask(), await ask()], ['200', 'rate_limited'])
  companion.reload('rate_limit: {max_data_per_minute: 20B}\n')
  assert.equal(await ask(), 'data_rate_limited')

  companion.reload('mode: balanced\n')
  assert.equal(await ask(), '200')
  const pull = (active: boolean) => companion.admin('/api/v1/killswitch', { method: 'POST', body: JSON.stringify({ active }) })
  assert.equal((await pull(true)).status, 200)
  for (const enabled of [true, false]) {
    companion.reload(`kill_switch: {enabled: ${enabled}}\n`)
    assert.equal(await ask(), 'kill_switch')
  }
  await pull(false)
  assert.equal(await ask(), '200')
})

test('a reload that is rejected keeps the old policy whole, says where it is wrong, and shows in readiness until one is applied', async (t) => {
  const origin = await startOrigin(t)
  const old = 'kill_switch: {enabled: false}\nmode: balanced\n'
  const companion = await startTestCompanion(t, { allowLoopback: true, config: old })
  assert.equal(await askProxy(companion.port, origin.url), '200')
  const status = async (): Promise<{ config: { hash: string } }> => JSON.parse((await companion.admin('/api/v1/status')).text) as { config: { hash: string } }
  const { hash } = (await status()).config

  // Every line but one would change what follows.
  const wrong = 'kill_switch: {enabled: true}\nmode: strict\napi_allowlist: [api.example]\nlogging: {output: stdout, include_allowed: false}\nlimits: {max_body_bytes: -1}\n'
  const rejected = companion.reload(wrong)
  assert.equal(rejected.result, 'rejected')
  assert.match(rejected.messages.join(), /^test\.yaml:\d+.*limits\.max_body_bytes/)
  assert.equal(await askProxy(companion.port, origin.url), '200')
  assert.equal((await status()).config.hash, hash)
  assert.equal((await companion.admin('/readyz')).status, 503)
  await waitFor(() => companion.events().filter(({ event, verdict }) => event === 'exchange' && verdict === 'allow').length === 2)
  const receipts = await companion.exchangeReceipts()
  assert.equal(new Set(receipts.map(({ policy_hash }) => policy_hash)).size, 1)

  assert.equal(companion.reload('mode: strict\napi_allowlist: [api.example]\n').result, 'applied')
  assert.equal((await companion.admin('/readyz')).status, 200)
  assert.equal(await askProxy(companion.port, origin.url), 'host_not_allowed')
})

test('every key that needs a restart is named by the reload that changes it, and its old value stays in force', async (t) => {
  const origin = await startOrigin(t)
  const dir = temporaryFolder(t)
  const path = (name: string): string => JSON.stringify(join(dir, name))
  const changed = [
    `fetch_proxy: {listen: "127.0.0.1:${await freePort()}"}`,
    `kill_switch: {sentinel_file: ${path('stop')}}`,
    `flight_recorder: {dir: ${path('r')}, require: buffered, checkpoint_interval: 2, max_entries_per_file: 9, retention_days: 3, signing_key_path: ${path('k')}, min_free_bytes: 0, signer: node}`,
    `admin: {listen: "127.0.0.1:${await freePort()}", token: a-token-of-the-operator}`,
    'logging: {output: stderr}',
    'trust_domain: acme.example',
    'limits: {max_header_bytes: 2KiB, max_headers: 9, max_connections: 1}',
    'timeouts: {dns: 1s, request_head: 1s, keep_alive: 1s, drain: 1s}',
    `dns: {servers: ["127.0.0.1:53"], hosts_file: ${path('hosts')}, cache_seconds: 1}`,
    `agents: {a: {listeners: ["127.0.0.1:${await freePort()}"]}}`,
    'state: "redis://127.0.0.1:1"',
    'cluster: {replicas: 2}',
    'budget_store: {on_unavailable: local_share, namespace: other, timeout: 1s, assume_noeviction: true}',
    'mode: balanced',
  ].join('\n')
  const companion = await startTestCompanion(t, { allowLoopback: true, config: `logging: {output: file, file: ${path('log')}}\n` })
  const { result, messages } = companion.reload(changed)
  assert.equal(result, 'applied')

  const needRestart = listKeys().filter(({ applies }) => applies === 'restart').map(({ key }) => key.replace('<name>', 'a'))
  const named = messages.map((message) => /^[^\s:]+/.exec(message)?.[0] ?? message)
  assert.deepEqual([...named].sort(), needRestart.sort())
  assert.ok(!messages.join().includes('a-token-of-the-operator'))
  assert.equal(await askProxy(companion.port, origin.url), '200')
  assert.deepEqual(companion.reload(`${changed}\n`).messages, messages, 'still waiting for the restart')
})
