/** Counting: right sums, bounded series, cheap on the data path. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createMetrics, type ExchangeFigures, type Metrics } from './metrics.ts'

function someMetrics(...agents: string[]): Metrics {
  return createMetrics({ version: '1.2.3', agents: agents.length === 0 ? ['agent-a', '_default'] : agents, process: 'none' })
}

function figures(partial: Partial<ExchangeFigures> = {}): ExchangeFigures {
  return { agent: 'agent-a', transport: 'forward', verdict: 'allow', bytesUp: 10, bytesDown: 200, durationMs: 30, ...partial }
}

async function linesOf(metrics: Metrics, start: string): Promise<string[]> {
  return (await metrics.text()).split('\n').filter((line) => line.startsWith(start))
}

test('an exchange is counted by agent, transport and verdict, with its bytes and its time', async () => {
  const metrics = someMetrics()
  metrics.countExchange(figures())
  metrics.countExchange(figures())
  metrics.countExchange(figures({ verdict: 'block', reason: 'dlp_secret', transport: 'fetch', bytesDown: 0 }))

  assert.deepEqual(await linesOf(metrics, 'chaperone_requests_total{'), [
    'chaperone_requests_total{agent="agent-a",transport="forward",verdict="allow"} 2',
    'chaperone_requests_total{agent="agent-a",transport="fetch",verdict="block"} 1',
  ])
  assert.deepEqual(await linesOf(metrics, 'chaperone_request_bytes_total{agent="agent-a",transport="forward"'), [
    'chaperone_request_bytes_total{agent="agent-a",transport="forward",direction="up"} 20',
    'chaperone_request_bytes_total{agent="agent-a",transport="forward",direction="down"} 400',
  ])
  assert.deepEqual(await linesOf(metrics, 'chaperone_blocked_total{'), ['chaperone_blocked_total{agent="agent-a",reason="dlp_secret"} 1'])
  assert.deepEqual(await linesOf(metrics, 'chaperone_exchange_seconds_count'), ['chaperone_exchange_seconds_count{transport="forward"} 2', 'chaperone_exchange_seconds_count{transport="fetch"} 1'])
})

test('asking twice gives the same numbers', async () => {
  const metrics = someMetrics()
  metrics.countExchange(figures())
  assert.equal(await metrics.text(), await metrics.text())
})

test('ten thousand names that are not configured make no new series: they fold to _default', async () => {
  const metrics = someMetrics()
  metrics.countExchange(figures({ agent: '_default' }))
  metrics.countReceipt('_default', 'outbound', 'allow')
  const before = (await metrics.text()).split('\n').length
  for (let i = 0; i < 10_000; i++) {
    metrics.countExchange(figures({ agent: `claimed-${i}` }))
    metrics.countReceipt(`claimed-${i}`, 'outbound', 'allow')
  }
  assert.equal((await metrics.text()).split('\n').length, before)
  assert.deepEqual(await linesOf(metrics, 'chaperone_requests_total{'), ['chaperone_requests_total{agent="_default",transport="forward",verdict="allow"} 10001'])
})

test('series of a profile that a reload removed go, those of others stay', async () => {
  const metrics = someMetrics('agent-a', 'agent-b')
  metrics.countExchange(figures({ agent: 'agent-a' }))
  metrics.countExchange(figures({ agent: 'agent-b', verdict: 'block', reason: 'loop' }))
  metrics.setAgents(['agent-a'])
  const text = await metrics.text()
  assert.ok(text.includes('agent="agent-a"'))
  assert.ok(!text.includes('agent="agent-b"'))
})

test('every other count has its place', async () => {
  const metrics = someMetrics()
  metrics.countRefusedBeforeExchange('malformed_request')
  metrics.countIdentity('cidr', 'bound')
  metrics.countIdentityMismatch('cidr')
  metrics.countReceipt('agent-a', 'outbound', 'block')
  metrics.countReceiptFailure('receipt_unwritable')
  metrics.countReload('rejected')
  metrics.observeFsync(0.002)
  metrics.observeDns(0.01, 'resolved')
  metrics.observeDns(5, 'failed')
  const text = await metrics.text()
  for (const line of [
    'chaperone_refused_before_exchange_total{cause="malformed_request"} 1',
    'chaperone_identity_resolutions_total{source="cidr",grade="bound"} 1',
    'chaperone_identity_mismatch_total{source="cidr"} 1',
    'chaperone_receipts_emitted_total{agent="agent-a",direction="outbound",verdict="block"} 1',
    'chaperone_receipt_failures_total{reason="receipt_unwritable"} 1',
    'chaperone_config_reload_total{result="rejected"} 1',
    'chaperone_receipt_fsync_seconds_count 1',
    'chaperone_dns_seconds_count 2',
    'chaperone_dns_failures_total 1',
    `chaperone_build_info{version="1.2.3",node="${process.version}"} 1`,
  ]) {
    assert.ok(text.split('\n').includes(line), line)
  }
})

test('gauges are read when they are asked for, with unknown agents folded and added up', async () => {
  const metrics = someMetrics()
  let depth = 3
  metrics.bindGauges({
    receiptQueueDepth: () => depth,
    receiptChainHead: () => 41,
    heldBytes: () => 1024,
    openExchanges: () => new Map([['agent-a', 2], ['gone-1', 1], ['gone-2', 4]]),
    tunnelsOpen: () => new Map(),
    budgets: () => [{ agent: 'agent-a', axis: 'requests', used: 3, limit: 4 }],
    budgetLeases: () => new Map([['agent-a', 2]]),
    frozenAgents: () => ['agent-a'],
    killSwitch: () => ({ global: ['signal', 'admin'], agents: { 'agent-a': ['admin'] } }),
  })
  assert.deepEqual(await linesOf(metrics, 'chaperone_receipt_queue_depth'), ['chaperone_receipt_queue_depth 3'])
  depth = 0
  assert.deepEqual(await linesOf(metrics, 'chaperone_receipt_queue_depth'), ['chaperone_receipt_queue_depth 0'])
  assert.deepEqual(await linesOf(metrics, 'chaperone_open_exchanges{'), ['chaperone_open_exchanges{agent="agent-a"} 2', 'chaperone_open_exchanges{agent="_default"} 5'])
  assert.deepEqual(await linesOf(metrics, 'chaperone_kill_switch_active{'), ['chaperone_kill_switch_active{scope="*"} 1', 'chaperone_kill_switch_active{scope="agent-a"} 1'])
})

test('totals add up what was counted, by verdict and by agent', () => {
  const metrics = someMetrics('agent-a', 'agent-b')
  metrics.countExchange(figures())
  metrics.countExchange(figures({ agent: 'agent-b', verdict: 'block', reason: 'loop', transport: 'connect' }))
  assert.deepEqual(metrics.totals(), {
    verdicts: { allow: 1, warn: 0, block: 1 },
    agents: { 'agent-a': { allow: 1, warn: 0, block: 0, bytesUp: 10, bytesDown: 200 }, 'agent-b': { allow: 0, warn: 0, block: 1, bytesUp: 10, bytesDown: 200 } },
  })
})

test('the figures of the process itself are there where they are asked for', async () => {
  const text = await createMetrics({ version: '1', agents: [] }).text()
  assert.ok(text.includes('nodejs_eventloop_lag_p99_seconds'))
  assert.ok(text.includes('process_resident_memory_bytes'))
})

test('counting an exchange costs microseconds at most', () => {
  const metrics = someMetrics()
  const one = figures()
  for (let i = 0; i < 20_000; i++) metrics.countExchange(one)
  const startedAt = performance.now()
  for (let i = 0; i < 100_000; i++) metrics.countExchange(one)
  const microseconds = ((performance.now() - startedAt) * 1000) / 100_000
  // Wide on purpose, for a loaded machine: it measures well under one.
  assert.ok(microseconds < 20, String(microseconds))
})
