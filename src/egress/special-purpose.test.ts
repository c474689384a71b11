/** The address table: complete, well formed, and exact at the edges of its blocks. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ipv4FromNumber, ipv6FromNumber, parseIpAddress, type IpAddress } from '../base/ip-address.ts'
import { isNetworkFault, parseNetwork, type Network } from '../base/network.ts'
import { ADDRESS_BLOCKS, addressBlockOf } from './special-purpose.ts'

function networkOf(text: string): Network {
  const network = parseNetwork(text)
  assert.ok(!isNetworkFault(network), text)
  return network
}

function edges(text: string): { before?: IpAddress; first: IpAddress; last: IpAddress; after?: IpAddress } {
  const { family, value, prefix } = networkOf(text)
  const bits = family === 4 ? 32 : 128
  const make = family === 4 ? ipv4FromNumber : ipv6FromNumber
  const end = value + (1n << BigInt(bits - prefix))
  return {
    first: make(value),
    last: make(end - 1n),
    ...(value > 0n && { before: make(value - 1n) }),
    ...(end < 1n << BigInt(bits) && { after: make(end) }),
  }
}

function blockName(text: string): string {
  const address = parseIpAddress(text)
  assert.ok(address, text)
  return addressBlockOf(address).name
}

test('no two rows are the same network, and each is written canonically', () => {
  const texts = ADDRESS_BLOCKS.map(({ network }) => networkOf(network).text)
  assert.equal(new Set(texts).size, texts.length)
  assert.deepEqual(texts, ADDRESS_BLOCKS.map(({ network }) => network))
})

test('the first and the last address of a block are in it or in one inside it', () => {
  for (const block of ADDRESS_BLOCKS) {
    const { first, last } = edges(block.network)
    for (const address of [first, last]) {
      const found = addressBlockOf(address)
      assert.ok(networkOf(found.network).prefix >= networkOf(block.network).prefix, `${block.network}: ${address.text} is in ${found.network}`)
    }
  }
})

test('the addresses on either side of a block belong to another', () => {
  for (const block of ADDRESS_BLOCKS) {
    const { before, after } = edges(block.network)
    for (const address of [before, after]) if (address !== undefined) assert.notEqual(addressBlockOf(address), block, address.text)
  }
})

test('the neighbours of blocks amid public space are public', () => {
  const publicEdges = [
    ...['1.0.0.0', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.0', '169.253.255.255', '169.255.0.0'],
    ...['172.15.255.255', '172.32.0.0', '191.255.255.255', '192.0.1.0', '192.0.1.255', '192.0.3.0', '192.31.195.255', '192.31.197.0', '192.52.192.255'],
    ...['192.52.194.0', '192.88.98.255', '192.88.100.0', '192.167.255.255', '192.169.0.0', '192.175.47.255', '192.175.49.0', '198.17.255.255'],
    ...['198.20.0.0', '198.51.99.255', '198.51.101.0', '203.0.112.255', '203.0.114.0', '223.255.255.255', '168.63.129.15', '168.63.129.17'],
    ...['2000::', '2001:200::', '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db9::', '2003::', '2620:4f:7fff:ffff:ffff:ffff:ffff:ffff'],
    ...['2620:4f:8001::', '3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '3fff:1000::', '3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ]
  for (const text of publicEdges) assert.equal(blockName(text), 'public', text)
})

test('the most specific block names an address', () => {
  assert.equal(blockName('192.0.0.1'), 'IPv4 service continuity')
  assert.equal(blockName('192.0.0.11'), 'IETF protocol assignments')
  assert.equal(blockName('192.0.0.192'), 'cloud metadata')
  assert.equal(blockName('169.254.169.254'), 'cloud metadata')
  assert.equal(blockName('169.254.169.253'), 'link local')
  assert.equal(blockName('::1'), 'loopback')
  assert.equal(blockName('::2'), 'IPv4-compatible')
  assert.equal(blockName('::ffff:169.254.169.254'), 'cloud metadata')
  assert.equal(blockName('fd00:ec2::254'), 'cloud metadata')
  assert.equal(blockName('fd00:ec2::253'), 'unique local')
})

test('IPv6 is public inside 2000::/3 alone', () => {
  for (const text of ['1fff:ffff::', '4000::', '8000::', 'a000::1', '200::1', '400::', '64:ff9a::1', '64:ff9c::1', '100:0:0:2::', 'fe00::1']) {
    assert.equal(blockName(text), 'outside global unicast', text)
  }
})
