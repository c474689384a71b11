/** What each key about the agent's own secrets, canary tokens and suppressed findings changes for a client. */

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { freePort } from '../support/free-port.ts'
import { startOrigin } from '../support/origin.ts'
import { A_CREDENTIAL, askProxy } from '../support/outcome-of.ts'
import type { ProxyRequest } from '../support/proxy-client.ts'

// Made here, so that no file holds a text that looks like a secret.
const SECRET = ['Zq8hT3vX', 'k9Lm2PwR', 't5YbN7cD'].join('')
const ENV = { DATABASE_PASSWORD: SECRET, GREETING: 'hello hello hello hello' }
const body = (text: string): ProxyRequest => ({ method: 'POST', body: text })
const encoded = (text: string): ProxyRequest => body(`{"note": "${Buffer.from(`x${text}`).toString('base64')}"}`)

interface Asked {
  readonly companion: TestCompanion
  /** Puts the keys in force: at the top level, or in the profile `a`. */
  readonly set: (keys: string) => void
  /** What the profile's callers see, then everyone else. */
  readonly ask: (request: ProxyRequest) => Promise<[own: string, others: string]>
}

async function start(t: TestContext, level: 'top' | 'profile'): Promise<Asked> {
  const origin = await startOrigin(t)
  const own = await freePort()
  const text = (keys: string): string =>
    level === 'top' ? `${keys}\nagents: {a: {listeners: ["127.0.0.1:${own}"]}}\n` : `agents:\n  a:\n    listeners: ["127.0.0.1:${own}"]\n${keys.replace(/^/gm, '    ')}\n`
  const companion = await startTestCompanion(t, { allowLoopback: true, env: ENV, config: text('') })
  return {
    companion,
    set: (keys) => {
      assert.equal(companion.reload(text(keys)).result, 'applied')
    },
    ask: async (request) => [await askProxy(own, origin.url, request), await askProxy(companion.port, origin.url, request)],
  }
}

function secretsFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'chaperone-secrets-'))
  t.after(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const file = join(folder, 'secrets')
  writeFileSync(file, `# of the database\n${SECRET}\n`)
  chmodSync(file, 0o600)
  return file
}

test('config dlp.env_secrets: the value of a variable that is named is refused, as it is and encoded', async (t) => {
  const { set, ask } = await start(t, 'top')
  assert.deepEqual(await ask(body(SECRET)), ['200', '200'])
  set('dlp: {env_secrets: [DATABASE_PASSWORD]}')
  for (const request of [body(SECRET), encoded(SECRET), body(SECRET.toUpperCase()), body(SECRET.slice(2, 20))]) assert.deepEqual(await ask(request), ['dlp_secret', 'dlp_secret'])
  assert.deepEqual(await ask(body(SECRET.slice(0, 10))), ['200', '200'], 'less than three fifths of it')
})

test('config dlp.scan_env: true takes every variable that looks like a secret, and no other', async (t) => {
  const { set, ask } = await start(t, 'top')
  set('dlp: {scan_env: false}')
  assert.deepEqual(await ask(body(SECRET)), ['200', '200'])
  set('dlp: {scan_env: true}')
  assert.deepEqual(await ask(body(SECRET)), ['dlp_secret', 'dlp_secret'])
  assert.deepEqual(await ask(body(ENV.GREETING)), ['200', '200'])
})

test('config dlp.secrets_file: a line of the file is refused; a file that others may read does not load', async (t) => {
  const { companion, set, ask } = await start(t, 'top')
  const file = secretsFile(t)
  assert.deepEqual(await ask(body(SECRET)), ['200', '200'])
  set(`dlp: {secrets_file: ${JSON.stringify(file)}}`)
  assert.deepEqual(await ask(encoded(SECRET)), ['dlp_secret', 'dlp_secret'])
  assert.deepEqual(await ask(body('# of the database')), ['200', '200'])
  chmodSync(file, 0o644)
  assert.equal(companion.companion.reload().result, 'rejected')
})

test('config dlp.min_env_secret_length: a longer minimum lets a shorter value pass', async (t) => {
  const { set, ask } = await start(t, 'top')
  set(`dlp: {scan_env: true, min_env_secret_length: ${SECRET.length}}`)
  assert.deepEqual(await ask(body(SECRET)), ['dlp_secret', 'dlp_secret'])
  set(`dlp: {scan_env: true, min_env_secret_length: ${SECRET.length + 1}}`)
  assert.deepEqual(await ask(body(SECRET)), ['200', '200'])
})

test('config canary_tokens.enabled: false lets a canary token pass', async (t) => {
  const { set, ask } = await start(t, 'top')
  set(`canary_tokens: {enabled: true, tokens: [{name: bait, value: ${SECRET}}]}`)
  assert.deepEqual(await ask(body(SECRET)), ['dlp_secret', 'dlp_secret'])
  set(`canary_tokens: {enabled: false, tokens: [{name: bait, value: ${SECRET}}]}`)
  assert.deepEqual(await ask(body(SECRET)), ['200', '200'])
})

test('config canary_tokens.tokens: a canary token is refused in any form, and its name told', async (t) => {
  const { companion, set, ask } = await start(t, 'top')
  assert.deepEqual(await ask(body(SECRET)), ['200', '200'])
  set('canary_tokens: {tokens: [{name: bait, env_var: DATABASE_PASSWORD}]}')
  assert.deepEqual(await ask({ headers: { 'x-note': Array.from(SECRET).reverse().join('') } }), ['dlp_secret', 'dlp_secret'])
  assert.ok(companion.events().some(({ detail }) => detail === 'canary.bait'))
})

test('config suppress: a finding that is declared to be none passes, up to its date; one of the core cannot be', async (t) => {
  const { companion, set, ask } = await start(t, 'top')
  const iban = body('pay to GB82 WEST 1234 5698 7654 32 please')
  assert.deepEqual(await ask(iban), ['dlp_secret', 'dlp_secret'])
  const passes: [string, string] = ['200', '200']
  set('suppress: [{rule: dlp.iban, host: 127.0.0.1, path: /*, expires: 2999-01-01, reason: the account of the association}]')
  assert.deepEqual(await ask(iban), passes)
  assert.deepEqual(await ask(body(`GB82 WEST 1234 5698 7654 32 ${A_CREDENTIAL}`)), ['dlp_secret', 'dlp_secret'], 'another finding is not hidden by it')
  for (const entry of ['host: other.example', 'path: /elsewhere', 'expires: 2001-01-01']) {
    set(`suppress: [{rule: dlp.iban, ${entry}, reason: none}]`)
    assert.deepEqual(await ask(iban), ['dlp_secret', 'dlp_secret'], entry)
  }
  assert.equal(companion.reload('suppress: [{rule: dlp.aws_access_key, reason: no}]\n').result, 'rejected')
})

test('config agents.<name>.dlp.env_secrets: the value of a variable that is named is refused, as it is and encoded, for the profile alone', async (t) => {
  const { set, ask } = await start(t, 'profile')
  assert.deepEqual(await ask(body(SECRET)), ['200', '200'])
  set('dlp: {env_secrets: [DATABASE_PASSWORD]}')
  for (const request of [body(SECRET), encoded(SECRET), body(SECRET.toUpperCase()), body(SECRET.slice(2, 20))]) assert.deepEqual(await ask(request), ['dlp_secret', '200'])
  assert.deepEqual(await ask(body(SECRET.slice(0, 10))), ['200', '200'], 'less than three fifths of it')
})

test('config agents.<name>.dlp.scan_env: true takes every variable that looks like a secret, and no other, for the profile alone', async (t) => {
  const { set, ask } = await start(t, 'profile')
  set('dlp: {scan_env: false}')
  assert.deepEqual(await ask(body(SECRET)), ['200', '200'])
  set('dlp: {scan_env: true}')
  assert.deepEqual(await ask(body(SECRET)), ['dlp_secret', '200'])
  assert.deepEqual(await ask(body(ENV.GREETING)), ['200', '200'])
})

test('config agents.<name>.dlp.secrets_file: a line of the file is refused; a file that others may read does not load, for the profile alone', async (t) => {
  const { companion, set, ask } = await start(t, 'profile')
  const file = secretsFile(t)
  assert.deepEqual(await ask(body(SECRET)), ['200', '200'])
  set(`dlp: {secrets_file: ${JSON.stringify(file)}}`)
  assert.deepEqual(await ask(encoded(SECRET)), ['dlp_secret', '200'])
  assert.deepEqual(await ask(body('# of the database')), ['200', '200'])
  chmodSync(file, 0o644)
  assert.equal(companion.companion.reload().result, 'rejected')
})

test('config agents.<name>.dlp.min_env_secret_length: a longer minimum lets a shorter value pass, for the profile alone', async (t) => {
  const { set, ask } = await start(t, 'profile')
  set(`dlp: {scan_env: true, min_env_secret_length: ${SECRET.length}}`)
  assert.deepEqual(await ask(body(SECRET)), ['dlp_secret', '200'])
  set(`dlp: {scan_env: true, min_env_secret_length: ${SECRET.length + 1}}`)
  assert.deepEqual(await ask(body(SECRET)), ['200', '200'])
})

test('config agents.<name>.canary_tokens.enabled: false lets a canary token pass, for the profile alone', async (t) => {
  const { set, ask } = await start(t, 'profile')
  set(`canary_tokens: {enabled: true, tokens: [{name: bait, value: ${SECRET}}]}`)
  assert.deepEqual(await ask(body(SECRET)), ['dlp_secret', '200'])
  set(`canary_tokens: {enabled: false, tokens: [{name: bait, value: ${SECRET}}]}`)
  assert.deepEqual(await ask(body(SECRET)), ['200', '200'])
})

test('config agents.<name>.canary_tokens.tokens: a canary token is refused in any form, and its name told, for the profile alone', async (t) => {
  const { companion, set, ask } = await start(t, 'profile')
  assert.deepEqual(await ask(body(SECRET)), ['200', '200'])
  set('canary_tokens: {tokens: [{name: bait, env_var: DATABASE_PASSWORD}]}')
  assert.deepEqual(await ask({ headers: { 'x-note': Array.from(SECRET).reverse().join('') } }), ['dlp_secret', '200'])
  assert.ok(companion.events().some(({ detail }) => detail === 'canary.bait'))
})

test('config agents.<name>.suppress: a finding that is declared to be none passes, up to its date; one of the core cannot be, for the profile alone', async (t) => {
  const { companion, set, ask } = await start(t, 'profile')
  const iban = body('pay to GB82 WEST 1234 5698 7654 32 please')
  assert.deepEqual(await ask(iban), ['dlp_secret', 'dlp_secret'])
  const passes: [string, string] = ['200', 'dlp_secret']
  set('suppress: [{rule: dlp.iban, host: 127.0.0.1, path: /*, expires: 2999-01-01, reason: the account of the association}]')
  assert.deepEqual(await ask(iban), passes)
  assert.deepEqual(await ask(body(`GB82 WEST 1234 5698 7654 32 ${A_CREDENTIAL}`)), ['dlp_secret', 'dlp_secret'], 'another finding is not hidden by it')
  for (const entry of ['host: other.example', 'path: /elsewhere', 'expires: 2001-01-01']) {
    set(`suppress: [{rule: dlp.iban, ${entry}, reason: none}]`)
    assert.deepEqual(await ask(iban), ['dlp_secret', 'dlp_secret'], entry)
  }
  assert.equal(companion.reload('suppress: [{rule: dlp.aws_access_key, reason: no}]\n').result, 'rejected')
})
