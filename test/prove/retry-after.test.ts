/** The wait that a refused caller is told is the wait that is needed: a minute of real time, so not among the quick tests. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { startTestCompanion } from '../support/companion.ts'
import { startOrigin } from '../support/origin.ts'
import { throughProxy, type ProxyAnswer } from '../support/proxy-client.ts'

test('a second before Retry-After is over the request is refused, and at its end it passes', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'rate_limit: {max_requests_per_minute: 5}\n' })
  const ask = (): Promise<ProxyAnswer> => throughProxy(companion.port, origin.url)
  for (let n = 0; n < 5; n++) assert.equal((await ask()).status, 200)
  const refused = await ask()
  assert.equal(refused.status, 429)
  await delay((Number(refused.headers['retry-after']) - 1) * 1000 - 100)
  assert.equal((await ask()).status, 429)
  await delay(1100)
  assert.equal((await ask()).status, 200)
})
