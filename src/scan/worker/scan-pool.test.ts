/** The scan pool: large bodies give what small ones give, without holding up the loop, and a lost thread passes nothing. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'

import type { ScanContext } from '../layer.ts'
import { scanWhole } from '../scan-message.ts'
import { createScanPool, INLINE_BODY_BYTES, ScanFailedError } from './scan-pool.ts'

const context: ScanContext = { direction: 'request', dlp: { includeDefaults: true, patterns: [{ name: 'x', regex: 'TICKET-[0-9]{6}', severity: 'low' }], responseAction: 'allow' }, host: 'a.test', scheme: 'http' }
const large = Buffer.concat([Buffer.alloc(INLINE_BODY_BYTES, 'words and '), Buffer.from(` ${['glpat', randomBytes(10).toString('hex')].join('-')} TICKET-123456`)])
const message = { url: 'http://a.test/', headers: [], body: large }

test('a large body is scanned on the thread, with the findings of an ordinary scan, while the loop goes on', async () => {
  const pool = createScanPool()
  let turns = 0
  const ticking = setInterval(() => turns++, 1)
  const results = await Promise.all([pool.scan(context, message), pool.scan(context, message)])
  clearInterval(ticking)
  for (const findings of results) assert.deepEqual(findings, scanWhole(context, message))
  assert.equal(results[0].length, 2)
  assert.ok(turns > 0)
  await pool.close()
})

test('a small body is scanned at once', () => {
  assert.ok(Array.isArray(createScanPool().scan(context, { ...message, body: Buffer.from('TICKET-123456') })))
})

test('a scan whose thread is gone is rejected, and so is one after the end', async () => {
  const pool = createScanPool()
  const scan = pool.scan(context, message)
  const closed = pool.close()
  await assert.rejects(async () => await scan, ScanFailedError)
  await closed
  await assert.rejects(async () => await pool.scan(context, message), ScanFailedError)
})
