/** IPv4 addresses in IPv6 addresses, against the examples of the RFCs that define them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { ipv6FromNumber, parseIpAddress } from '../base/ip-address.ts'
import { embeddedIpv4 } from './embedded-ipv4.ts'

function embedded(text: string): string[] {
  const address = parseIpAddress(text)
  assert.ok(address, text)
  return embeddedIpv4(address).map(({ text }) => text)
}

test('each way of embedding is read', () => {
  const expected = {
    '::10.0.0.1': ['10.0.0.1'],
    '::ffff:0:10.0.0.1': ['10.0.0.1'],
    '64:ff9b::192.0.2.33': ['192.0.2.33'],
    '2002:a00:1::': ['10.0.0.1'],
    '2002:a00:1:ffff::1': ['10.0.0.1'],
    // RFC 4380 §4 has server and client; the client's bits are inverted.
    '2001:0:4136:e378:8000:63bf:3fff:fdd2': ['65.54.227.120', '192.0.2.45'],
    'fe80::5efe:10.0.0.1': ['10.0.0.1'],
    '2a00:1450:4001::200:5efe:10.0.0.1': ['10.0.0.1'],
    // RFC 6052 §2.4, moved under the local-use prefix
    '64:ff9b:1:ab00:a:102:300:0': ['10.1.2.3', '3.0.0.0'],
    '64:ff9b:1::': ['0.0.0.0'],
    '64:ff9b:1:abcd::192.0.2.33': ['192.0.2.33'],
  }
  for (const [text, addresses] of Object.entries(expected)) assert.deepEqual(embedded(text), addresses, text)
})

test('an address can embed twice', () => {
  assert.deepEqual(embedded('2002:a00:1::200:5efe:192.168.0.1'), ['10.0.0.1', '192.168.0.1'])
})

test('where the zero bits permit several layouts, all of them are read', () => {
  assert.deepEqual(embedded('64:ff9b:1:c000:2:2100::'), ['192.0.2.33', '2.33.0.0'])
  assert.deepEqual(embedded('64:ff9b:1:ab0a:1:203::'), ['10.1.2.3', '1.2.3.0'])
})

test('plain addresses embed nothing', () => {
  for (const text of ['10.0.0.1', '::', '::1', '2606:4700:4700::1111', 'fd00::1', '64:ff9c::1', '2001:1::1', '2a00::5eff:a00:1']) {
    assert.deepEqual(embedded(text), [], text)
  }
})

test('an IPv4-mapped number is read even where nothing parsed it', () => {
  assert.deepEqual(embeddedIpv4(ipv6FromNumber((0xffffn << 32n) | 0x0a00_0001n)).map(({ text }) => text), ['10.0.0.1'])
})

test('an address of any layout under the local-use prefix is among those read', () => {
  const layouts = [48n, 56n, 64n, 96n]
  fc.assert(
    fc.property(fc.integer({ min: 0x0100_0000, max: 0xffff_ffff }), fc.constantFrom(...layouts), (number, prefixBits) => {
      const ipv4 = BigInt(number)
      const base = 0x0064_ff9b_0001n << 80n
      // Bits 64 to 71 are left out in all layouts but the last.
      const packed = prefixBits === 96n ? 0n : ipv4 << (120n - prefixBits - 32n)
      const value = prefixBits === 96n ? base | ipv4 : base | ((packed >> 56n) << 64n) | (packed & ((1n << 56n) - 1n))
      assert.ok(embeddedIpv4(ipv6FromNumber(value)).some((address) => address.value === ipv4))
    }),
  )
})
