/** What a caller is told, what the chain says and what the counters show agree, also where an exchange ends oddly. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startTestCompanion, sumOf } from '../support/companion.ts'
import { startOnFaultyDisk } from '../support/companion-with-services.ts'
import { freePort } from '../support/free-port.ts'
import { startOrigin } from '../support/origin.ts'
import { sendRaw, throughProxy } from '../support/proxy-client.ts'
import { askRaw, lastMessage, rawMessage } from '../support/raw-message.ts'
import type { DiskFaults } from '../support/recorder-rig.ts'
import { waitFor } from '../support/wait-for.ts'

test('a body that ends early is refused once, and the caller is told what the receipt says', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const { text } = await sendRaw(companion.port, rawMessage(origin.url, { method: 'POST', body: 'whole' }).slice(0, -1), { halfClose: true })
  const [receipt, ...rest] = await companion.exchangeReceipts()
  assert.deepEqual([receipt?.pattern, rest], ['body_incomplete', []])
  assert.equal(origin.seen.length, 0)
  const counted = sumOf(await companion.metrics(), 'chaperone_refused_before_exchange_total')
  assert.deepEqual([lastMessage(text).headers['x-pipelock-block-reason'], counted], ['body_incomplete', 0])
})

test('a refusal whose receipt could not be written is not counted as a receipt', async (t) => {
  const origin = await startOrigin(t)
  const faults: DiskFaults = { retriedSyncs: 0 }
  const companion = await startOnFaultyDisk(t, faults)
  assert.equal(lastMessage(await askRaw(companion.port, 'http://10.0.0.1/')).status, 403)
  assert.equal(sumOf(await companion.metrics(), 'chaperone_receipts_emitted_total', 'verdict="block"'), 1)
  Object.assign(faults, { sync: { code: 'EIO' }, create: { code: 'EIO' } })
  assert.equal(lastMessage(await askRaw(companion.port, origin.url)).headers['x-pipelock-block-reason'], 'receipt_unwritable')
  assert.equal(sumOf(await companion.metrics(), 'chaperone_receipts_emitted_total', 'verdict="block"'), 1)
})

test('an allowed exchange counts its two receipts', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  assert.equal(lastMessage(await askRaw(companion.port, origin.url)).status, 200)
  assert.equal((await companion.exchangeReceipts()).length, 2)
  assert.equal(sumOf(await companion.metrics(), 'chaperone_receipts_emitted_total'), 2)
})

test('a name that cannot be resolved is counted, and every lookup and flush is timed', async (t) => {
  const companion = await startTestCompanion(t)
  assert.equal(lastMessage(await askRaw(companion.port, 'http://nobody.invalid/')).headers['x-pipelock-block-reason'], 'dns_failed')
  const names = ['chaperone_dns_failures_total', 'chaperone_dns_seconds_count', 'chaperone_receipt_fsync_seconds_count']
  // The recorder's thread reports its syncs a little later.
  await waitFor(async () => {
    const text = await companion.metrics()
    return names.every((name) => new RegExp(`^${name} [1-9]`, 'm').test(text))
  })
})

test('the log tells the status that a refused caller was told', async (t) => {
  const companion = await startTestCompanion(t)
  assert.equal(lastMessage(await askRaw(companion.port, 'http://10.0.0.1/')).status, 403)
  // Lines of some milliseconds leave in one write.
  await waitFor(() => companion.events().some(({ reason }) => reason === 'ssrf_address'))
  assert.equal(companion.events().find(({ reason }) => reason === 'ssrf_address')?.['status'], 403)
})

test('a destination that accepts no connection is told alike on every surface', async (t) => {
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const place = `127.0.0.1:${await freePort()}`
  const asked = { forward: rawMessage(`http://${place}/`), fetch: rawMessage(`/fetch?url=http://${place}/`), connect: `CONNECT ${place} HTTP/1.1\r\nHost: x\r\n\r\n` }
  for (const [surface, bytes] of Object.entries(asked)) {
    const { headers, status } = lastMessage((await sendRaw(companion.port, bytes)).text)
    assert.deepEqual([status, headers['x-pipelock-block-reason']], [502, 'upstream_unreachable'], surface)
  }
  const outcomes = (await companion.exchangeReceipts()).filter(({ decision_phase }) => decision_phase === 'outcome')
  assert.deepEqual(
    outcomes.map(({ transport, verdict, pattern }) => [transport, verdict, pattern]),
    ['forward', 'fetch', 'connect'].map((surface) => [surface, 'allow', 'status=502 bytes_up=0 bytes_down=0 reason=upstream_unreachable']),
  )
})

test('an answer too long for the JSON form is refused to the caller and in the outcome', async (t) => {
  const size = 10 * 1024 * 1024
  const origin = await startOrigin(t, (request, response) => response.end(Buffer.alloc(request.url === '/over' ? size + 1 : size, 'a')))
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const ask = (path: string) => throughProxy(companion.port, `/fetch?format=json&url=${encodeURIComponent(`${origin.url}${path}`)}`)
  assert.equal((await ask('/just')).status, 200)
  const { headers } = await ask('/over')
  await waitFor(async () => (await companion.exchangeReceipts()).length === 4)
  const outcome = (await companion.exchangeReceipts()).at(-1)
  assert.equal(/reason=(\S+)$/.exec(outcome?.pattern ?? '')?.[1], headers['x-pipelock-block-reason'])
})

test('a body that is no HTTP is refused once, and not counted beside its receipt', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const { text } = await sendRaw(companion.port, rawMessage(origin.url, { method: 'POST', fields: 'Transfer-Encoding: chunked\r\n' }) + '2\r\nok\r\nno size\r\n')
  const [receipt, ...rest] = await companion.exchangeReceipts()
  assert.deepEqual([receipt?.pattern, rest, origin.seen], ['malformed_request', [], []])
  const counted = sumOf(await companion.metrics(), 'chaperone_refused_before_exchange_total')
  assert.deepEqual([lastMessage(text).headers['x-pipelock-block-reason'], counted], ['malformed_request', 0])
})

test('an answer that the JSON form holds counts among the held bodies', async (t) => {
  const size = 3 * 1024 * 1024
  const origin = await startOrigin(t, (_request, response) => response.end(Buffer.alloc(size, 'a')))
  const companion = await startTestCompanion(t, { allowLoopback: true, config: 'limits: {max_held_bytes: 2MiB, max_body_bytes: 1MiB, max_held_response_bytes: 100KiB}\n' })
  const ask = (form: string) => throughProxy(companion.port, `/fetch?${form}&url=${encodeURIComponent(origin.url)}`)
  assert.deepEqual([(await ask('format=raw')).body.length], [size])
  const held = await ask('format=json')
  assert.deepEqual([held.status, held.headers['x-pipelock-block-reason']], [503, 'held_bytes_exhausted'])
  await waitFor(async () => /^chaperone_held_bytes 0$/m.test(await companion.metrics()))
})
