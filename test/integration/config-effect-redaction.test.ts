/** What each key of redaction changes for what the origin gets. */

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { freePort } from '../support/free-port.ts'
import { startTestCompanion } from '../support/companion.ts'
import { startOrigin } from '../support/origin.ts'
import { A_CREDENTIAL, askProxy } from '../support/outcome-of.ts'

const BODY = JSON.stringify({ key: A_CREDENTIAL, to: 'jane@corp.example', at: 'Acme' })
const PROFILES = 'profiles: {code: {classes: [credentials]}, people: {classes: [credentials, email], dictionaries: [customers]}}'
const DICTIONARIES = 'dictionaries: {customers: {class: customer, entries: [acme]}}'

/** @returns what the origin got of the body, or the reason of the refusal */
async function stage(t: TestContext): Promise<(config: string, port?: number) => Promise<string>> {
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  return async (config, port = companion.port) => {
    assert.deepEqual(companion.reload(config).messages, [])
    const outcome = await askProxy(port, origin.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: BODY })
    return outcome === '200' ? (origin.seen.at(-1)?.body.toString() ?? '') : outcome
  }
}

const redaction = (more: string): string => `redaction: {${more}, ${PROFILES}, ${DICTIONARIES}}\n`

test('config redaction.enabled: true replaces what false refuses', async (t) => {
  const send = await stage(t)
  assert.equal(await send(redaction('enabled: false, default_profile: code')), 'dlp_secret')
  assert.equal(await send(redaction('enabled: true, default_profile: code')), '{"key":"<pl:gitlab-token:1>","to":"jane@corp.example","at":"Acme"}')
})

test('config redaction.default_profile: the classes of the named profile are replaced', async (t) => {
  const send = await stage(t)
  assert.match(await send(redaction('enabled: true, default_profile: code')), /"to":"jane@corp\.example"/)
  assert.match(await send(redaction('enabled: true, default_profile: people')), /"to":"<pl:email:1>"/)
})

test('config redaction.profiles: a class that is named is replaced, one that is not is left', async (t) => {
  const send = await stage(t)
  const own = (classes: string): string => `redaction: {enabled: true, default_profile: own, profiles: {own: {classes: [${classes}]}}}\n`
  assert.match(await send(own('gitlab-token, email')), /"key":"<pl:gitlab-token:1>","to":"<pl:email:1>"/)
  assert.match(await send(own('credentials')), /"to":"jane@corp\.example"/)
  assert.equal(await send(own('email')), 'dlp_secret')
})

test('config redaction.dictionaries: a word of it is replaced under its class, as its case and boundaries say', async (t) => {
  const send = await stage(t)
  const own = (dictionary: string): string => `redaction: {enabled: true, default_profile: own, profiles: {own: {classes: [credentials], dictionaries: [words]}}, dictionaries: {words: {${dictionary}}}}\n`
  assert.match(await send(own('class: customer, entries: [acme]')), /"at":"<pl:customer:1>"/)
  assert.match(await send(own('class: customer, entries: [acme], case_sensitive: true')), /"at":"Acme"/)
  assert.match(await send(own('class: customer, entries: [cme]')), /"at":"Acme"/)
  assert.match(await send(own('class: customer, entries: [cme], word_boundary: false')), /"at":"A<pl:customer:1>"/)
})

test('config redaction.limits.max_redactions_per_request: a body with one more is refused', async (t) => {
  const send = await stage(t)
  const own = (max: number): string => redaction(`enabled: true, default_profile: people, limits: {max_redactions_per_request: ${max}}`)
  assert.equal(await send(own(2)), 'redaction_unsafe')
  assert.match(await send(own(3)), /<pl:gitlab-token:1>.*<pl:email:1>.*<pl:customer:1>/)
})

test('config agents.<name>.redaction.enabled: false in a profile refuses what others have replaced', async (t) => {
  const send = await stage(t)
  const own = await freePort()
  const config = (keys: string): string => `${redaction('enabled: true, default_profile: code')}agents: {a: {listeners: ["127.0.0.1:${own}"], redaction: {${keys}}}}\n`
  const second = await startTestCompanion(t, { allowLoopback: true, config: config('enabled: false') })
  const origin = await startOrigin(t)
  const post = (port: number) => askProxy(port, origin.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: BODY })
  assert.deepEqual([await post(own), await post(second.port)], ['dlp_secret', '200'])
  second.reload(config('enabled: true'))
  assert.equal(await post(own), '200')
  assert.match(await send(redaction('enabled: true, default_profile: code')), /<pl:/)
})

test('config agents.<name>.redaction.default_profile: a profile has its own classes', async (t) => {
  const own = await freePort()
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: `${redaction('enabled: true, default_profile: code')}agents: {a: {listeners: ["127.0.0.1:${own}"], redaction: {default_profile: people}}}\n` })
  for (const port of [own, companion.port]) await askProxy(port, origin.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: BODY })
  assert.deepEqual(origin.seen.map(({ body }) => body.includes('<pl:email:1>')), [true, false])
})
