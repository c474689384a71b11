/** Reload through a live companion: what changes at once, and what a wrong file leaves as it was. */

import assert from 'node:assert/strict'
import http from 'node:http'
import { test } from 'node:test'

import { startTestCompanion } from '../support/companion.ts'
import { startOrigin } from '../support/origin.ts'
import { throughProxy } from '../support/proxy-client.ts'

const BLOCKING = 'fetch_proxy: {listen: "127.0.0.1:0", monitoring: {blocklist: ["127.0.0.1"]}}\n'

test('a reload applies to the next exchange, and a wrong file keeps the old policy whole', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  assert.equal((await throughProxy(companion.port, origin.url)).status, 200)

  assert.equal(companion.reload(BLOCKING).result, 'applied')
  assert.equal((await throughProxy(companion.port, origin.url)).headers['x-pipelock-block-reason'], 'host_blocked')

  const rejected = companion.reload('mode: nonsense\n')
  assert.equal(rejected.result, 'rejected')
  assert.match(rejected.messages[0] ?? '', /test\.yaml:[0-9]+:[0-9]+: mode: expected /)
  assert.equal((await throughProxy(companion.port, origin.url)).headers['x-pipelock-block-reason'], 'host_blocked')

  assert.equal(companion.reload('').result, 'applied')
  assert.equal((await throughProxy(companion.port, origin.url)).status, 200)
})

test('a connection whose profile a reload took away is refused, and others are served', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'agents: {ci: {source_cidrs: [127.0.1.5/32]}}\n' })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  assert.equal((await throughProxy(companion.port, origin.url, { agent, from: '127.0.1.5' })).status, 200)
  assert.equal((await companion.exchangeReceipts())[0]?.actor, 'spiffe://chaperone.local/agent/ci')

  companion.reload('')
  assert.equal((await throughProxy(companion.port, origin.url, { agent, from: '127.0.1.5' })).headers['x-pipelock-block-reason'], 'identity_unresolved')
  assert.equal((await throughProxy(companion.port, origin.url)).status, 200)
  agent.destroy()
})

test('reloads under load lose no exchange', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 })
  const answers = Array.from({ length: 400 }, (_, at) => throughProxy(companion.port, `${origin.url}/${at}`, { agent }))
  for (let i = 0; i < 20; i++) {
    companion.reload(`limits: {max_headers: ${100 + i}}\n`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  for (const { status } of await Promise.all(answers)) assert.equal(status, 200)
  agent.destroy()
  assert.equal(origin.seen.length, 400)
})
