/** A credential in a URL reaches neither receipt nor log nor the body of a refusal, however early the request is refused. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { startOrigin } from '../support/origin.ts'
import { throughProxy } from '../support/proxy-client.ts'

/** Put together here: a credential-looking text in a source file would alarm the scanners of whoever keeps it. */
const SECRET = ['AKIA', 'Z3MHQ5PLR7NTKV2W'].join('')
const TICKET = 'TICKET-482913'

async function isKept(companion: TestCompanion, answer: string, text: string): Promise<boolean> {
  return [answer, JSON.stringify(await companion.exchangeReceipts()), JSON.stringify(companion.events())].some((kept) => kept.includes(text))
}

const EARLY: readonly (readonly [reason: string, config: string, filling: string])[] = [
  ['host_not_allowed', 'mode: strict\napi_allowlist: [other.test]\n', ''],
  ['host_blocked', 'fetch_proxy: {listen: "127.0.0.1:0", monitoring: {blocklist: [refused.test]}}\n', ''],
  ['url_too_long', '', 'a'.repeat(9000)],
  ['kill_switch', 'kill_switch: {enabled: true}\n', ''],
  ['surface_disabled', 'forward_proxy: {enabled: false}\n', ''],
  ['identity_unresolved', 'identity: {unmatched: deny}\nagents: {a: {source_cidrs: [10.9.9.9/32]}}\n', ''],
]

for (const [reason, config, filling] of EARLY) {
  test(`${reason}: what is refused before its scan is shown without its credentials`, async (t) => {
    const companion = await startTestCompanion(t, { config })
    const refused = await throughProxy(companion.port, `http://refused.test/?key=${SECRET}&plain=word${filling}`)
    assert.equal(refused.headers['x-pipelock-block-reason'], reason)
    assert.equal(await isKept(companion, refused.text, SECRET), false)
    const [receipt] = await companion.exchangeReceipts()
    assert.match(receipt?.target ?? '', /^http:\/\/refused\.test\/\?key=\[redacted:dlp\.aws_access_key\]&plain=word/)
  })
}

test('rules of the profile hide too, and so do the built-in ones that it leaves out', async (t) => {
  const config = 'mode: strict\napi_allowlist: [other.test]\ndlp: {include_defaults: false, patterns: [{name: ticket, regex: "TICKET-[0-9]{6}", severity: high}]}\n'
  const companion = await startTestCompanion(t, { config })
  const refused = await throughProxy(companion.port, `http://refused.test/?a=${TICKET}&b=${SECRET}`)
  assert.equal(refused.headers['x-pipelock-block-reason'], 'host_not_allowed')
  for (const text of [TICKET, SECRET]) assert.equal(await isKept(companion, refused.text, text), false, text)
})

test('a target without credentials stands in the receipt as the caller wrote it', async (t) => {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  const url = `${origin.url}/items?page=2&sort=name`
  assert.equal((await throughProxy(companion.port, url)).status, 200)
  assert.deepEqual((await companion.exchangeReceipts()).map(({ target }) => target), [url, url])
  assert.ok(companion.events().some(({ target }) => target === url))
})
