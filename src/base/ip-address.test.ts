/** Addresses in the forms in which sockets, headers and people write them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { ipv4FromNumber, ipv6FromNumber, parseIpAddress } from './ip-address.ts'

test('an IPv4 address is read in dotted decimal', () => {
  assert.deepEqual(parseIpAddress('10.42.3.7'), { family: 4, value: 0x0a2a0307n, text: '10.42.3.7' })
  assert.equal(parseIpAddress('0.0.0.0')?.value, 0n)
  assert.equal(parseIpAddress('255.255.255.255')?.value, 0xffffffffn)
})

test('an IPv6 address has one canonical text', () => {
  const canonical = {
    '::': '::',
    '::1': '::1',
    '1::': '1::',
    '2001:DB8:0:0:0:0:0:1': '2001:db8::1',
    '2001:0db8:0000:0000:0001:0000:0000:0001': '2001:db8::1:0:0:1',
    '1:0:0:2:0:0:0:3': '1:0:0:2::3',
    '1:0:2:3:4:5:6:7': '1:0:2:3:4:5:6:7',
    '1:2:3:4:5:6:7::': '1:2:3:4:5:6:7:0',
    '::2:3:4:5:6:7:8': '0:2:3:4:5:6:7:8',
    '2001:db8::192.0.2.1': '2001:db8::c000:201',
    '::1.2.3.4': '::102:304',
    '64:ff9b::10.0.0.1': '64:ff9b::a00:1',
  }
  for (const [text, expected] of Object.entries(canonical)) {
    assert.equal(parseIpAddress(text)?.text, expected, text)
    assert.equal(parseIpAddress(text)?.family, 6, text)
  }
})

test('an IPv4-mapped address is the IPv4 address, in every notation', () => {
  for (const text of ['::ffff:10.1.2.3', '::FFFF:a01:203', '0:0:0:0:0:ffff:10.1.2.3', '::ffff:10.1.2.3%eth0']) {
    assert.deepEqual(parseIpAddress(text), { family: 4, value: 0x0a010203n, text: '10.1.2.3' }, text)
  }
  assert.equal(parseIpAddress('::fffe:a01:203')?.family, 6)
  assert.equal(parseIpAddress('::ffff:0:a01:203')?.family, 6)
})

test('a zone is kept apart from the address', () => {
  assert.deepEqual(parseIpAddress('fe80::1%eth0'), { family: 6, value: (0xfe80n << 112n) | 1n, text: 'fe80::1', zone: 'eth0' })
  assert.equal(parseIpAddress('fe80::1')?.zone, undefined)
})

test('what is not exactly one address is not read', () => {
  const refused = [
    '', ' ', '10.1.2', '10.1.2.3.4', '10.1.2.256', '010.1.2.3', '0x0a.1.2.3', '167772161', '10.1.2.3 ', ' 10.1.2.3', '10.1.2.3\n',
    '10.1.2.3\0', '10.1.2.3:80', '10.1.2.3/8', '10.1.2.3%eth0', '[::1]', '::1]', '::1/128', ':::', '1::2::3', '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9', '12345::', 'g::', '::ffff:010.1.2.3', 'fe80::1%', 'fe80::1%a%b', 'fe80::1%a b', '::1\0', 'localhost', '１.2.3.4',
  ]
  for (const text of refused) assert.equal(parseIpAddress(text), undefined, JSON.stringify(text))
})

test('the text of a number reads back as that number', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 0xffffffffn), (value) => {
      assert.equal(parseIpAddress(ipv4FromNumber(value).text)?.value, value)
    }),
  )
  const groups = fc.array(fc.oneof(fc.constant(0n), fc.bigInt(0n, 0xffffn)), { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(groups, (parts) => {
      const value = parts.reduce((sum, part) => (sum << 16n) | part, 0n)
      const read = parseIpAddress(ipv6FromNumber(value).text)
      // A mapped address reads back as the IPv4 address inside it.
      assert.equal(read?.value, value >> 32n === 0xffffn ? value & 0xffffffffn : value)
    }),
  )
})

test('canonical IPv6 text is the text the URL standard serialises', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV6(), fc.array(fc.constantFrom('0', '1', 'ab'), { minLength: 8, maxLength: 8 }).map((parts) => parts.join(':'))), (text) => {
      const read = parseIpAddress(text)
      assert.ok(read)
      if (read.family === 6) assert.equal(`[${read.text}]`, new URL(`http://[${text}]/`).hostname)
    }),
    { numRuns: 500 },
  )
})

test('no text makes the reader fail', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('0', 'f', ':', '.', '%', '[', ']', '/', '1') })), (text) => {
    const read = parseIpAddress(text)
    if (read !== undefined) assert.equal(parseIpAddress(read.text)?.value, read.value)
  }))
})
