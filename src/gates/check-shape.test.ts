/** Shape gates: each refusal beside a request that differs in that alone and passes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { RequestHead, Surface, Target } from '../model/exchange.ts'
import { checkShape, type ShapedProfile, type ShapeFinding } from './check-shape.ts'

const BALANCED: ShapedProfile = { mode: 'balanced', enforce: true, apiAllowlist: [], blocklist: ['*.evil.test', 'bad.test:8080'], maxUrlLength: 100 }
const STRICT: ShapedProfile = { ...BALANCED, mode: 'strict', apiAllowlist: ['api.good.test', '*.evil.test'] }

interface Asked extends Partial<Target> {
  readonly method?: string
  readonly via?: string
  readonly surface?: Surface
  readonly profile?: ShapedProfile
}

function ask({ method = 'GET', via, surface = 'forward', profile = BALANCED, ...target }: Asked): ShapeFinding | undefined {
  const host = target.host ?? 'api.good.test'
  const head: RequestHead = {
    method,
    headers: via === undefined ? [] : ['Via', via],
    hasBody: false,
    target: { scheme: 'http', host, port: 80, path: '/', raw: surface === 'connect' ? `${host}:443` : `http://${host}/`, ...target },
  }
  return checkShape({ head, surface, profile, ownVia: 'companion-a' })
}

function reasonOf(asked: Asked): string | undefined {
  const finding = ask(asked)
  return finding === undefined ? undefined : `${finding.weight}:${finding.denial.reason}`
}

for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY']) {
  test(`${method} is forwarded, and is no way to open a tunnel`, () => {
    assert.equal(reasonOf({ method }), undefined)
    assert.equal(reasonOf({ method, surface: 'connect' }), 'block:method_not_allowed')
  })
}

for (const method of ['TRACE', 'TRACK', 'CONNECT', 'PROPFIND', 'COPY', 'get', '', 'constructor']) {
  test(`the method ${JSON.stringify(method)} is not forwarded`, () => {
    assert.equal(reasonOf({ method }), 'block:method_not_allowed')
  })
}

test('CONNECT opens tunnels on its own surface', () => {
  assert.equal(reasonOf({ method: 'CONNECT', surface: 'connect', path: '' }), undefined)
})

test('a URL of exactly max_url_length passes, one character more does not; 0 is no limit', () => {
  const raw = `http://api.good.test/${'a'.repeat(79)}`
  assert.equal(raw.length, 100)
  assert.equal(reasonOf({ raw }), undefined)
  assert.equal(reasonOf({ raw: `${raw}a` }), 'block:url_too_long')
  assert.equal(reasonOf({ raw: `${raw}a`, profile: { ...BALANCED, maxUrlLength: 0 } }), undefined)
})

for (const raw of ['ftp://h.test/', 'file:///etc/passwd', 'ws://h.test/', 'gopher://h.test/']) {
  test(`${raw} is refused for its scheme`, () => {
    assert.equal(reasonOf({ raw, path: '/' }), 'block:scheme_not_allowed')
  })
}

for (const raw of ['HTTP://h.test/', 'https://h.test', 'http://h.test?q=a@b', 'http://h.test/a@b', 'http://h.test/#a@b', '/origin/form?x=http://u@h']) {
  test(`${raw} is well-formed`, () => {
    assert.equal(reasonOf({ raw }), undefined)
  })
}

for (const raw of [
  'http://user@h.test/', 'http://user:pass@h.test/', 'http://good.test\\@evil.test/', 'http://h.test\\x/', 'http:h.test/', 'http:/h.test/', 'h.test/', '//h.test/ x',
  'http://h.test/a b', 'http://h.test/a\r\nX: y', 'http://h.test/\u0000', 'http://h.test/\t', 'http://h.test/\u007f', '*', '',
]) {
  test(`${JSON.stringify(raw)} is malformed`, () => {
    assert.equal(reasonOf({ raw }), 'block:malformed_request')
  })
}

for (const raw of ['user@h.test:443', 'h.test:443/x', 'h.test\\:443', 'h.test:443?', 'h .test:443']) {
  test(`CONNECT ${JSON.stringify(raw)} is malformed`, () => {
    assert.equal(reasonOf({ method: 'CONNECT', surface: 'connect', raw, path: '' }), 'block:malformed_request')
  })
}

test('a path that has no bytes on the wire is malformed; latin-1 bytes and percent-encoded line ends pass', () => {
  assert.equal(reasonOf({ path: '/a\nb' }), 'block:malformed_request')
  assert.equal(reasonOf({ path: '/\u20ac' }), 'block:malformed_request')
  assert.equal(reasonOf({ path: '/caf\u00c3\u00a9' }), undefined)
  assert.equal(reasonOf({ path: '/a?text=line%0D%0Aline', raw: 'http://api.good.test/a?text=line%0D%0Aline' }), undefined)
})

test('a host that is no name, and a port that is none, are malformed', () => {
  assert.equal(reasonOf({ host: '', raw: 'http:///' }), 'block:malformed_request')
  assert.equal(reasonOf({ host: 'a'.repeat(254), raw: '/' }), 'block:malformed_request')
  assert.equal(reasonOf({ host: 'a'.repeat(253), raw: '/' }), undefined)
  for (const port of [0, 65_536, Number.NaN]) assert.equal(reasonOf({ port }), 'block:malformed_request')
})

test('a request that carries our own Via is a loop; the Via of others is not', () => {
  assert.equal(reasonOf({ via: '1.1 companion-a' }), 'block:loop')
  assert.equal(reasonOf({ via: '1.0 other, HTTP/1.1 Companion-A (comment)' }), 'block:loop')
  assert.equal(reasonOf({ via: '1.1 companion-b' }), undefined)
  assert.equal(reasonOf({ via: '1.1 companion-a.example' }), undefined)
})

test('a host on the block list is refused, with its port where the entry names one', () => {
  assert.equal(reasonOf({ host: 'x.evil.test' }), 'block:host_blocked')
  assert.equal(reasonOf({ host: 'evil.test' }), undefined)
  assert.equal(reasonOf({ host: 'bad.test', port: 8080 }), 'block:host_blocked')
  assert.equal(reasonOf({ host: 'bad.test', port: 80 }), undefined)
})

test('strict mode passes the allow list alone, and the block list wins over it', () => {
  assert.equal(reasonOf({ profile: STRICT }), undefined)
  assert.equal(reasonOf({ profile: STRICT, host: 'other.test' }), 'block:host_not_allowed')
  assert.equal(reasonOf({ profile: STRICT, host: 'x.evil.test' }), 'block:host_blocked')
})

test('host lists only warn in audit mode and where the profile does not enforce', () => {
  assert.equal(reasonOf({ host: 'x.evil.test', profile: { ...BALANCED, mode: 'audit' } }), 'warn:host_blocked')
  assert.equal(reasonOf({ host: 'x.evil.test', profile: { ...BALANCED, enforce: false } }), 'warn:host_blocked')
  assert.equal(reasonOf({ host: 'other.test', profile: { ...STRICT, enforce: false } }), 'warn:host_not_allowed')
})

test('nothing but host lists is softened by audit mode, and a warning never hides a refusal', () => {
  const profile: ShapedProfile = { ...BALANCED, mode: 'audit', enforce: false }
  assert.equal(reasonOf({ profile, host: 'x.evil.test', via: '1.1 companion-a' }), 'block:loop')
  assert.equal(reasonOf({ profile, host: 'x.evil.test', method: 'TRACE' }), 'block:method_not_allowed')
})

test('no detail repeats what the caller sent', () => {
  const marker = 'zqxjmarker'
  const asked: Asked[] = [
    { method: marker },
    { raw: `http://${marker}@h.test/` },
    { raw: `${marker}://h.test/` },
    { raw: `http://h.test/${marker.repeat(20)}` },
    { host: `${marker}.evil.test` },
    { host: marker, profile: STRICT },
    { path: `/${marker}\n` },
  ]
  for (const each of asked) assert.ok(!(ask(each)?.denial.detail ?? marker).includes(marker), JSON.stringify(each))
})

test('a new profile object, as a reload brings it, is compiled anew', () => {
  assert.equal(reasonOf({ host: 'x.evil.test' }), 'block:host_blocked')
  assert.equal(reasonOf({ host: 'x.evil.test', profile: { ...BALANCED, blocklist: [] } }), undefined)
})
