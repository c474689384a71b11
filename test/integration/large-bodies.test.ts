/** Large request bodies: scanned on a thread of their own, refused and forwarded as small ones are. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startTestCompanion } from '../support/companion.ts'
import { startOrigin } from '../support/origin.ts'
import { A_CREDENTIAL, askProxy } from '../support/outcome-of.ts'

const MEGABYTES = 'some words of a long document, and more of them; '.repeat(60_000)

test('a body of megabytes is forwarded when it is clean and refused when a credential stands at its end', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const send = (body: string): Promise<string> => askProxy(companion.port, origin.url, { method: 'POST', body })
  const [clean, leak, small] = await Promise.all([send(MEGABYTES), send(`${MEGABYTES} ${A_CREDENTIAL}`), send('a short text')])
  assert.deepEqual([clean, leak, small], ['200', 'dlp_secret', '200'])
  assert.equal(origin.seen.length, 2)
})

test('the rules of a profile hold for large bodies as for small ones, after a reload, too', async (t) => {
  const origin = await startOrigin(t)
  const patterns = 'dlp: {patterns: [{name: ticket, regex: "TICKET-[0-9]{6}", severity: low}]}\n'
  const companion = await startTestCompanion(t, { allowLoopback: true, config: patterns })
  const send = (): Promise<string> => askProxy(companion.port, origin.url, { method: 'POST', body: `${MEGABYTES} TICKET-123456` })
  assert.equal(await send(), 'dlp_secret')
  companion.reload('mode: balanced\n')
  assert.equal(await send(), '200')
})
