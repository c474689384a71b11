/** Longest-prefix search against the plain definition of it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { ipv4FromNumber, ipv6FromNumber, parseIpAddress, type IpAddress } from './ip-address.ts'
import { isNetworkFault, networkContains, parseNetwork, type Network } from './network.ts'
import { createNetworkTable, type NetworkEntry } from './network-table.ts'

function network(text: string): Network {
  const parsed = parseNetwork(text)
  assert.ok(!isNetworkFault(parsed), text)
  return parsed
}

function address(text: string): IpAddress {
  const parsed = parseIpAddress(text)
  assert.ok(parsed, text)
  return parsed
}

function tableOf(rows: Record<string, string>) {
  return createNetworkTable(Object.entries(rows).map(([text, value]) => ({ network: network(text), value })))
}

const NESTED = {
  '10.0.0.0/8': 'wide',
  '10.42.0.0/16': 'middle',
  '10.42.3.0/24': 'narrow',
  '10.42.3.7/32': 'one',
  '10.255.255.0/24': 'last',
  '::/0': 'any6',
  'fd00:42::/32': 'fleet',
}

test('the longest prefix wins, and the space around it belongs to the wider network', () => {
  const table = tableOf(NESTED)
  const expected = {
    '9.255.255.255': undefined,
    '10.0.0.0': 'wide',
    '10.41.255.255': 'wide',
    '10.42.0.0': 'middle',
    '10.42.2.255': 'middle',
    '10.42.3.0': 'narrow',
    '10.42.3.6': 'narrow',
    '10.42.3.7': 'one',
    '10.42.3.8': 'narrow',
    '10.42.3.255': 'narrow',
    '10.42.4.0': 'middle',
    '10.43.0.0': 'wide',
    '10.255.255.255': 'last',
    '11.0.0.0': undefined,
    '0.0.0.0': undefined,
    '255.255.255.255': undefined,
    'fd00:42::1': 'fleet',
    'fd00:43::1': 'any6',
    '::ffff:10.42.3.7': 'one',
  }
  for (const [text, value] of Object.entries(expected)) assert.equal(table.find(address(text))?.value, value, text)
})

test('the entry found is the one that was given, so that a caller can name the network', () => {
  const entry = { network: network('192.0.2.0/24'), value: 'a' }
  assert.equal(createNetworkTable([entry]).find(address('192.0.2.9')), entry)
})

test('all networks around an address come with the longest prefix first', () => {
  const texts = (text: string) => tableOf(NESTED).findAll(address(text)).map((entry) => entry.network.text)
  assert.deepEqual(texts('10.42.3.7'), ['10.42.3.7/32', '10.42.3.0/24', '10.42.0.0/16', '10.0.0.0/8'])
  assert.deepEqual(texts('fd00:42::1'), ['fd00:42::/32', '::/0'])
  assert.deepEqual(texts('192.0.2.1'), [])
})

test('an empty table finds nothing, and a whole family can be one network', () => {
  assert.equal(createNetworkTable([]).find(address('10.0.0.1')), undefined)
  const table = tableOf({ '0.0.0.0/0': 'all4' })
  assert.equal(table.find(address('255.255.255.255'))?.value, 'all4')
  assert.equal(table.find(address('::1')), undefined)
})

test('of two equal networks the later is found, and both are listed', () => {
  const entries = ['first', 'second'].map((value) => ({ network: network('10.0.0.0/8'), value }))
  const table = createNetworkTable(entries)
  assert.equal(table.find(address('10.1.1.1'))?.value, 'second')
  assert.deepEqual(table.findAll(address('10.1.1.1')).map((entry) => entry.value), ['second', 'first'])
})

// A small corner of each address space, so that drawn networks nest, touch and reach both ends.
const CORNERS = { 4: [0n, 0xffffff00n, 0x0a000000n], 6: [0n, (1n << 128n) - 256n, 0xfdn << 120n] } as const

const anAddress = fc
  .tuple(fc.constantFrom(4 as const, 6 as const), fc.nat(2), fc.bigInt(0n, 255n))
  .map(([family, corner, low]) => {
    const value = (CORNERS[family][corner] ?? 0n) + low
    return family === 4 ? ipv4FromNumber(value) : ipv6FromNumber(value)
  })

const aNetwork = fc.tuple(anAddress, fc.oneof(fc.nat(8), fc.nat(128))).map(([{ family, value }, host]): Network => {
  const bits = family === 4 ? 32 : 128
  const prefix = Math.max(0, bits - host)
  const start = (value >> BigInt(bits - prefix)) << BigInt(bits - prefix)
  return { family, value: start, prefix, text: `${(family === 4 ? ipv4FromNumber(start) : ipv6FromNumber(start)).text}/${prefix}` }
})

test('the table gives what a scan of all networks for the longest prefix gives', () => {
  const networks = fc.uniqueArray(aNetwork, { selector: ({ text }) => text, maxLength: 40 })
  fc.assert(
    fc.property(networks, fc.array(anAddress, { minLength: 1, maxLength: 20 }), (given, addresses) => {
      const entries: NetworkEntry<number>[] = given.map((one, value) => ({ network: one, value }))
      const table = createNetworkTable(entries)
      for (const one of addresses) {
        const containing = entries.filter((entry) => networkContains(entry.network, one)).sort((a, b) => b.network.prefix - a.network.prefix)
        assert.equal(table.find(one), containing[0])
        assert.deepEqual(table.findAll(one), containing)
      }
    }),
    { numRuns: 500 },
  )
})
