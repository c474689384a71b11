/** What a signed request carries and covers, and when signing fails, so that nothing is sent. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { BODY, createEnvelopeRig } from '../../test/support/envelope-rig.ts'
import { headerValue, headerValues } from '../model/raw-headers.ts'
import { contentDigest } from './content-digest.ts'

const HOST = ['Host', 'b.example']
const covered = (headers: readonly string[]): string => /\(([^)]*)\)/.exec(headerValue(headers, 'signature-input') ?? '')?.[1] ?? ''
const sign = (headers: readonly string[], dialect: 'pipelock' | 'chaperone' = 'chaperone', body = BODY) => createEnvelopeRig(dialect).signed({ request: { headers: [...HOST, ...headers], body } })

test('the dialect chaperone covers every end-to-end field, sorted, and none of one hop or of all hops', () => {
  const { headers } = sign([
    'X-Zeta', '1', 'Accept', '*/*', 'Via', '1.1 x', 'Traceparent', '00', 'Tracestate', 'a', 'Forwarded', 'for=x', 'X-Forwarded-For', 'x', 'X-Forwarded-Anything', 'x', 'Content-Length', '20',
    'Connection', 'X-Hop, keep-alive', 'X-Hop', '1', 'Keep-Alive', '1', 'TE', 'trailers', 'Upgrade', 'x', 'Proxy-Authorization', 'x', 'Transfer-Encoding', 'chunked', 'Authorization', 'Bearer x',
  ])
  assert.equal(covered(headers), '"@method" "@target-uri" "content-digest" "pipelock-mediation" "accept" "authorization" "x-zeta"')
})

test('a field on several lines, or with bytes outside ASCII, is covered with bs', () => {
  const { headers } = sign(['Cookie', 'a=1', 'Cookie', 'b=2', 'X-Name', 'f\u00fc', 'X-Plain', 'x'])
  assert.equal(covered(headers), '"@method" "@target-uri" "content-digest" "pipelock-mediation" "cookie";bs "x-name";bs "x-plain"')
})

test('the published dialect covers four components, and three where there is no body', () => {
  assert.equal(covered(sign(['X-Any', '1'], 'pipelock').headers), '"@method" "@target-uri" "content-digest" "pipelock-mediation"')
  const bare = sign(['Content-Digest', 'sha-256=:AA==:'], 'pipelock', Buffer.alloc(0))
  assert.equal(covered(bare.headers), '"@method" "@target-uri" "pipelock-mediation"')
  assert.deepEqual([bare.digest, headerValue(bare.headers, 'content-digest')], [undefined, undefined])
})

test('an old digest is replaced by the one of the bytes that leave, and stale mediation headers go', () => {
  const { headers, digest } = sign(['Content-Digest', 'sha-256=:AA==:', 'Pipelock-Mediation', 'v=1, forged', 'Signature', 'pipelock1=:AA==:', 'Signature-Input', 'pipelock1=()'])
  assert.deepEqual([digest, headerValues(headers, 'content-digest')], [contentDigest(BODY), [contentDigest(BODY)]])
  assert.equal(headerValues(headers, 'pipelock-mediation').length, 1)
  assert.equal((headerValue(headers, 'signature') ?? '').match(/pipelock1=/g)?.length, 1)
})

test('two calls never have the same nonce, and a redirect is another call', () => {
  const [one, two] = [sign([]), sign([])]
  assert.notEqual(one.nonce, two.nonce)
  assert.match(one.nonce, /^[0-9a-f]{32}$/)
})

test('what cannot be signed throws: no Host, two of them, a target in another form, foreign signatures that cannot be read', () => {
  const rig = createEnvelopeRig()
  const target = { scheme: 'https', host: 'b.example', port: 443, raw: '' } as const
  const attempts = {
    'no Host': { headers: ['A', 'x'] },
    'two Hosts': { headers: [...HOST, ...HOST] },
    'a tunnel': { method: 'CONNECT', target: { ...target, path: '' } },
    'an asterisk': { method: 'OPTIONS', target: { ...target, path: '*' } },
    'a signature that cannot be read': { headers: [...HOST, 'Signature', 'a=:', 'Signature-Input', 'a=()'] },
    'a label twice': { headers: [...HOST, 'Signature', 'a=:AQ==:, a=:AQ==:', 'Signature-Input', 'a=()'] },
    'a path that is no ASCII': { target: { ...target, path: '/f\u00fc' } },
    'a line break in a field': { headers: [...HOST, 'A', 'x\r\nB: y'] },
  }
  for (const [what, request] of Object.entries(attempts)) assert.throws(() => rig.signed({ request }), { name: 'MessageSignatureError' }, what)
  assert.throws(() => rig.signed({ mediation: { actor: 'f\u00fc' } }), { name: 'MessageSignatureError' })
})
