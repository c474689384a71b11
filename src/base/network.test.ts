/** Networks in CIDR notation: what is read, what is refused and why, what they contain. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { ipv4FromNumber, parseIpAddress } from './ip-address.ts'
import { isNetworkFault, networkContains, networksOverlap, parseNetwork, type Network } from './network.ts'

function network(text: string): Network {
  const parsed = parseNetwork(text)
  assert.ok(!isNetworkFault(parsed), text)
  return parsed
}

function contains(cidr: string, text: string): boolean {
  const address = parseIpAddress(text)
  assert.ok(address, text)
  return networkContains(network(cidr), address)
}

test('a network is read into family, first address, prefix and canonical text', () => {
  assert.deepEqual(network('10.42.0.0/16'), { family: 4, value: 0x0a2a0000n, prefix: 16, text: '10.42.0.0/16' })
  assert.deepEqual(network('2001:DB8:0::/32'), { family: 6, value: 0x20010db8n << 96n, prefix: 32, text: '2001:db8::/32' })
  assert.equal(network('0.0.0.0/0').prefix, 0)
  assert.equal(network('::/0').family, 6)
})

test('a bare address is a network of one', () => {
  assert.equal(network('10.1.2.3').text, '10.1.2.3/32')
  assert.equal(network('::1').text, '::1/128')
})

test('what is not a network is refused with what was expected', () => {
  const refused: Record<string, RegExp> = {
    '': /CIDR notation/,
    '/8': /CIDR notation/,
    '10.0.0.0/8/8': /CIDR notation/,
    '10.0.0/8': /CIDR notation/,
    '010.0.0.0/8': /CIDR notation/,
    'example.com/8': /CIDR notation/,
    ' 10.0.0.0/8': /CIDR notation/,
    '10.0.0.0/': /prefix length from 0 to 32/,
    '10.0.0.0/33': /prefix length from 0 to 32/,
    '10.0.0.0/08': /prefix length from 0 to 32/,
    '10.0.0.0/-1': /prefix length from 0 to 32/,
    '10.0.0.0/8 ': /prefix length from 0 to 32/,
    '10.0.0.0/255.0.0.0': /prefix length from 0 to 32/,
    '::/129': /prefix length from 0 to 128/,
    '10.42.3.7/24': /no host bits: 10\.42\.3\.0\/24/,
    '2001:db8::1/32': /no host bits: 2001:db8::\/32/,
    'fe80::%eth0/64': /without a zone/,
  }
  for (const [text, expected] of Object.entries(refused)) {
    const parsed = parseNetwork(text)
    assert.ok(isNetworkFault(parsed), JSON.stringify(text))
    assert.match(parsed.expected, expected, JSON.stringify(text))
  }
})

test('a mapped network is refused with the hint to write IPv4, whatever its prefix', () => {
  for (const text of ['::ffff:10.0.0.0/104', '::ffff:0:0/96', '::ffff:0:0/90', '::ffff:a00:0/104', '::ffff:10.0.0.1']) {
    const parsed = parseNetwork(text)
    assert.ok(isNetworkFault(parsed), text)
    assert.match(parsed.expected, /IPv4 network in dotted form/)
  }
})

test('an address is looked for in the networks of its own family, a mapped one in those of IPv4', () => {
  assert.equal(contains('10.0.0.0/8', '10.255.255.255'), true)
  assert.equal(contains('10.0.0.0/8', '11.0.0.0'), false)
  assert.equal(contains('10.0.0.0/8', '::ffff:10.1.2.3'), true)
  assert.equal(contains('0.0.0.0/0', '192.0.2.1'), true)
  assert.equal(contains('0.0.0.0/0', '::1'), false)
  assert.equal(contains('::/0', '::1'), true)
  assert.equal(contains('::/0', '10.0.0.1'), false)
  assert.equal(contains('::/0', '::ffff:10.0.0.1'), false)
  assert.equal(contains('fe80::/10', 'fe80::1%eth0'), true)
  assert.equal(contains('fe80::/10', 'fec0::1'), false)
  assert.equal(contains('::1/128', '::1'), true)
})

test('two networks overlap when one contains the other', () => {
  const overlap = (a: string, b: string) => networksOverlap(network(a), network(b))
  assert.equal(overlap('10.0.0.0/8', '10.42.0.0/16'), true)
  assert.equal(overlap('10.42.0.0/16', '10.0.0.0/8'), true)
  assert.equal(overlap('10.42.0.0/16', '10.42.0.0/16'), true)
  assert.equal(overlap('10.42.0.0/24', '10.42.1.0/24'), false)
  assert.equal(overlap('::/0', '0.0.0.0/0'), false)
  assert.equal(overlap('fd00::/8', 'fd00:42::/32'), true)
})

test('networks overlap exactly when they share an address', () => {
  const aNetwork = fc.tuple(fc.bigInt(0n, 255n), fc.nat(8)).map(([value, host]): Network => {
    const start = 0x0a000000n + ((value >> BigInt(host)) << BigInt(host))
    return network(`${ipv4FromNumber(start).text}/${32 - host}`)
  })
  const addresses = Array.from({ length: 256 }, (_, low) => ipv4FromNumber(0x0a000000n + BigInt(low)))
  fc.assert(
    fc.property(aNetwork, aNetwork, (a, b) => {
      const shared = addresses.some((address) => networkContains(a, address) && networkContains(b, address))
      assert.equal(networksOverlap(a, b), shared)
    }),
  )
})
