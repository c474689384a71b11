/**
 * One kind of event tells of every limit that is passed: for each axis, on each surface, refused or let pass. That of bytes is
 * in budgets-bytes.test.ts.
 */

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { startTestCompanion, sumOf, type TestCompanion } from '../support/companion.ts'
import { startOrigin, type Origin } from '../support/origin.ts'
import { askFetch, askProxy } from '../support/outcome-of.ts'
import { sendRaw } from '../support/proxy-client.ts'
import { waitFor } from '../support/wait-for.ts'

type Ask = (port: number, url: string) => Promise<unknown>

const SURFACES: Readonly<Record<string, Ask>> = {
  forward: askProxy,
  fetch: askFetch,
  connect: (port, url) => sendRaw(port, `CONNECT ${new URL(url).host} HTTP/1.1\r\nHost: x\r\n\r\n`, { waitMs: 200 }),
}

interface Axis {
  readonly axis: string
  readonly keys: string
  /** Brings the axis to its limit, then asks once more. */
  readonly cross: (ask: Ask, port: number, origin: Origin) => Promise<void>
}

const twice = async (ask: Ask, port: number, origin: Origin): Promise<void> => {
  await ask(port, origin.url)
  await ask(port, origin.url)
}
const elsewhere = async (ask: Ask, port: number, origin: Origin): Promise<void> => {
  await ask(port, origin.url)
  await ask(port, `http://127.0.0.2:${origin.port}`)
}

const AXES: readonly Axis[] = [
  { axis: 'requests', keys: 'requests: {limit: 1, window: 1h}', cross: twice },
  { axis: 'destinations', keys: 'destinations: {limit: 1}', cross: elsewhere },
  { axis: 'fan_out', keys: 'fan_out: {limit: 1}', cross: elsewhere },
  { axis: 'wall_clock', keys: 'wall_clock: {limit: 1s, idle: 1h}', cross: async (ask, port, origin) => {
    await ask(port, origin.url)
    await delay(1050)
    await ask(port, origin.url)
  } },
  { axis: 'retries_per_endpoint', keys: 'retries_per_endpoint: {limit: 0}', cross: async (ask, port) => {
    await ask(port, 'http://127.0.0.1:1')
    await ask(port, 'http://127.0.0.1:1')
  } },
  { axis: 'concurrent_requests', keys: 'concurrent_requests: 1', cross: async (ask, port, origin) => {
    await Promise.all([ask(port, `${origin.url}/slow`), ask(port, `${origin.url}/slow`)])
  } },
]

/** Every member that an event has, whatever the axis. */
const MEMBERS = ['action', 'action_id', 'agent', 'axis', 'destination', 'direction', 'event', 'first_crossing', 'identity_grade', 'identity_source', 'level', 'limit', 'method', 'policy_hash', 'receipt_id', 'remediation', 'replica', 'request_id', 'requested', 'store', 'subject_hash', 'suppressed', 'time', 'transport', 'unit', 'used', 'window_seconds']
const OPTIONAL = new Set(['endpoint_hash', 'window_resets_at', 'claimed_actor'])

async function start(t: TestContext, keys: string, action: string): Promise<{ companion: TestCompanion; origin: Origin }> {
  const origin = await startOrigin(t, (request, response) => setTimeout(() => response.end(), request.url === '/slow' ? 300 : 0))
  return { origin, companion: await startTestCompanion(t, { allowLoopback: true, config: `budget: {${keys}, dow_action: ${action}}\n` }) }
}

for (const { axis, keys, cross } of AXES) {
  for (const [transport, ask] of Object.entries(SURFACES)) {
    for (const action of ['block', 'warn']) {
      test(`${axis} on ${transport} with ${action} is told as a denial of wallet`, async (t) => {
        const { companion, origin } = await start(t, keys, action)
        await cross(ask, companion.port, origin)
        const told = (): Record<string, unknown>[] => companion.events().filter(({ event }) => event === 'denial_of_wallet')
        await waitFor(() => told().length > 0)
        assert.equal(told().length, 1)
        const [event = {}] = told()
        assert.deepEqual(Object.keys(event).filter((name) => !OPTIONAL.has(name)).sort(), MEMBERS)
        assert.deepEqual([event['axis'], event['action'], event['transport'], event['agent'], event['first_crossing'], event['suppressed']], [axis, action, transport, '_default', true, 0])
        assert.ok(Number(event['used']) >= 0 && Number(event['limit']) >= 0 && event['unit'] !== '')
        assert.equal('endpoint_hash' in event, axis === 'retries_per_endpoint')
        const receipts = await companion.exchangeReceipts()
        const own = receipts.filter(({ action_id: id }) => id === event['action_id'])
        assert.deepEqual([own[0]?.verdict, own[0]?.layer], [action, 'budget'])
        assert.equal(sumOf(await companion.metrics(), 'chaperone_denial_of_wallet_total', `axis="${axis}",action="${action}",transport="${transport}"`), 1)
      })
    }
  }
}
