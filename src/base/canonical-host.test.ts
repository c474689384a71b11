/** Spellings of hosts: what becomes one text, and what is refused because a URL parser would change it silently. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { canonicalHost } from './canonical-host.ts'
import { parseIpAddress } from './ip-address.ts'

test('a name is lower case, ASCII and without a trailing dot', () => {
  const canonical = {
    'example.com': 'example.com',
    'EXAMPLE.Com': 'example.com',
    'example.com.': 'example.com',
    localhost: 'localhost',
    'a-b.c_d.e--f': 'a-b.c_d.e--f',
    '_acme.example': '_acme.example',
    '1e100.net': '1e100.net',
    '0x7f.example': '0x7f.example',
    'faß.de': 'xn--fa-hia.de',
    'BÜCHER.example': 'xn--bcher-kva.example',
    'xn--bcher-kva.example': 'xn--bcher-kva.example',
    'ｅｘａｍｐｌｅ．ｃｏｍ': 'example.com',
    'example。com': 'example.com',
    '\u212Aelvin.example': 'kelvin.example',
    'exa\u00adm\u200bple.com': 'example.com',
  }
  for (const [raw, expected] of Object.entries(canonical)) assert.equal(canonicalHost(raw), expected, raw)
})

test('every spelling of an IPv4 address is the dotted decimal one', () => {
  const loopback = ['127.0.0.1', '127.0.0.1.', '127.1', '127.0.1', '0x7f.1', '0x7f000001', '0X7F.0.0.0x1', '2130706433', '017700000001']
  for (const raw of [...loopback, '0177.0.0.01', '127.000.000.001', '①②⑦.0.0.1', '１２７。0｡0.1', '[::ffff:127.0.0.1]']) {
    assert.equal(canonicalHost(raw), '127.0.0.1', raw)
  }
  assert.equal(canonicalHost('0'), '0.0.0.0')
  assert.equal(canonicalHost('0x'), '0.0.0.0')
  assert.equal(canonicalHost('1.2.3'), '1.2.0.3')
})

test('an IPv6 address loses its brackets and has its canonical text', () => {
  assert.equal(canonicalHost('[::1]'), '::1')
  assert.equal(canonicalHost('[2001:DB8:0:0::0001]'), '2001:db8::1')
  assert.equal(canonicalHost('[::127.0.0.1]'), '::7f00:1')
})

test('what a URL parser would cut off, decode or drop is refused', () => {
  const refused = [
    ...['a/b', 'a\\b', 'a?b', 'a#b', 'user@host', 'a@b@c', 'host:80', 'a:b', ':80', '::1', 'a%62c', '%31', 'a%00b', 'a:'],
    ...['a b', ' a', 'a ', 'a\tb', 'a\nb', '\ra', 'a\u0000', 'a\u007f', 'a\u0085', '\u00a0a', 'a\u2028b'],
    ...['a／b', 'a＠b', 'a：80', 'a＃b', '％61', 'a｜b'],
  ]
  for (const raw of refused) assert.equal(canonicalHost(raw), undefined, JSON.stringify(raw))
})

test('what is no name and no address is refused', () => {
  const refused = [
    ...['', '.', '..', 'a..b', '.a', 'a.b..', '\u00ad', '*.com', '*', 'a,b', 'a!b', 'a(b)', '$a', 'a;b', "a'b", 'a"b', '{a}', '`a`', 'a|b', 'a^b', '<a>', 'a~', 'a&b', 'a=b'],
    ...['256.1.1.1', '1.2.3.4.5', '09.1.1.1', '1.2.3.0x100', '4294967296', 'a.1', 'a.0x1', 'example.09', '+1.2.3.4', '1.2..3'],
    ...['[', ']', '[]', '[1.2.3.4]', '[::1', '::1]', '[[::1]]', '[::1%eth0]', '[fe80::1%25eth0]', '[::ffff:10.0.0.1%1]', '[v1.a]', '[::g]', '[::1]a', '[:::]', '[::1]:80'],
    ...[`${'a'.repeat(64)}.com`, 'a.'.repeat(128), 'a'.repeat(2000), 'ü'.repeat(70)],
  ]
  for (const raw of refused) assert.equal(canonicalHost(raw), undefined, JSON.stringify(raw))
})

test('253 characters and labels of 63 are the limit', () => {
  const label = 'a'.repeat(63)
  assert.equal(canonicalHost(`${label}.com`), `${label}.com`)
  assert.equal(canonicalHost('a.'.repeat(126) + 'b')?.length, 253)
  assert.equal(canonicalHost('a.'.repeat(126) + 'b.')?.length, 253)
  assert.equal(canonicalHost('a.'.repeat(126) + 'bc'), undefined)
})

test('the canonical text of a host is its own canonical text', () => {
  const piece = fc.constantFrom('a', 'B', '0x7f', '127', '08', '.', '。', '-', '_', 'xn--', 'ü', '１', '%41', '/', '@', ':', '\\', '\u00ad')
  const raw = fc.oneof(fc.string({ unit: 'binary' }), fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')), fc.domain(), fc.ipV4Extended())
  fc.assert(
    fc.property(raw, (text) => {
      const host = canonicalHost(text)
      if (host === undefined) return
      assert.ok(parseIpAddress(host) !== undefined || /^[a-z0-9._-]+$/.test(host), host)
      assert.equal(canonicalHost(host.includes(':') ? `[${host}]` : host), host)
    }),
    { numRuns: 2000 },
  )
})

test('names that take the short way come out as the URL parser has them', () => {
  const unit = fc.constantFrom('a', 'z', '0', '9', 'x', '-', '_', '.', 'n')
  fc.assert(
    fc.property(fc.string({ unit, minLength: 1, maxLength: 12 }), (text) => {
      const host = canonicalHost(text)
      if (host !== undefined) assert.equal(new URL(`http://${text}/`).hostname.replace(/\.$/, ''), host)
    }),
    { numRuns: 3000 },
  )
})
