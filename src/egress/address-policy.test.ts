/** Which addresses may be dialled, and what the operator's two exemptions open and leave shut. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { ipv4FromNumber, ipv6FromNumber, parseIpAddress, type IpAddress } from '../base/ip-address.ts'
import { isNetworkFault, parseNetwork, type Network } from '../base/network.ts'
import { checkAddress, type AddressRules } from './address-policy.ts'

const NOBODY: AddressRules = { allowNetworks: [], trusted: false }
const TRUSTED: AddressRules = { allowNetworks: [], trusted: true }

function refused(text: string, rules: AddressRules): string | undefined {
  const address = parseIpAddress(text)
  assert.ok(address, text)
  return checkAddress(address, rules)?.block
}

function allowing(...texts: string[]): AddressRules {
  const allowNetworks = texts.map((text): Network => {
    const network = parseNetwork(text)
    assert.ok(!isNetworkFault(network), text)
    return network
  })
  return { allowNetworks, trusted: false }
}

test('a public address may be dialled by everybody', () => {
  for (const text of ['8.8.8.8', '93.184.216.34', '2606:4700:4700::1111', '64:ff9b::8.8.8.8', '2a00:1450::5efe:8.8.8.8']) {
    assert.equal(refused(text, NOBODY), undefined, text)
  }
})

test('an internal address is refused with the name of its block', () => {
  assert.equal(refused('10.1.2.3', NOBODY), 'private use (RFC 1918)')
  assert.equal(refused('::ffff:127.0.0.1', NOBODY), 'loopback (RFC 1122)')
  assert.equal(refused('64:ff9b::10.0.0.1', NOBODY), 'private use (RFC 1918)')
  assert.equal(refused('fc00::1', NOBODY), 'unique local (RFC 4193)')
})

test('the allow list opens its networks and nothing beside them', () => {
  const rules = allowing('10.1.0.0/16', 'fd00:1::/32', '169.254.169.254', '224.0.0.0/4')
  for (const text of ['10.1.2.3', '::ffff:10.1.2.3', '64:ff9b::10.1.2.3', 'fd00:1::5', '169.254.169.254', '224.0.0.1']) {
    assert.equal(refused(text, rules), undefined, text)
  }
  for (const text of ['10.2.0.0', '10.0.255.255', 'fd00:2::1', '169.254.169.253', '240.0.0.1', '64:ff9b::10.2.0.0']) {
    assert.notEqual(refused(text, rules), undefined, text)
  }
})

test('an allowed IPv6 network does not open the IPv4 address embedded in it', () => {
  assert.equal(refused('2002:808:808::1', allowing('2002::/16')), undefined)
  assert.equal(refused('2002:a00:1::1', allowing('2002::/16')), 'private use (RFC 1918)')
  assert.equal(refused('2002:a00:1::1', allowing('2002::/16', '10.0.0.0/8')), undefined)
  assert.equal(refused('64:ff9b:1::169.254.169.254', allowing('64:ff9b:1::/48')), 'cloud metadata (AWS, Azure, Google Cloud and others)')
})

test('a trusted name may have an internal address', () => {
  for (const text of ['10.1.2.3', '172.16.0.1', '192.168.1.1', '100.64.0.1', '127.0.0.1', '::1', 'fd12::1', '64:ff9b::10.0.0.1']) {
    assert.equal(refused(text, TRUSTED), undefined, text)
    assert.notEqual(refused(text, NOBODY), undefined, text)
  }
})

test('a trusted name opens no metadata endpoint, multicast, broadcast, unspecified or link-local address', () => {
  const shut = [
    ...['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254', '64:ff9b::169.254.169.254'],
    ...['224.0.0.1', 'ff02::1', '255.255.255.255', '0.0.0.0', '0.1.2.3', '::', '169.254.1.1', 'fe80::1', '240.0.0.1', '192.0.2.1', '198.18.0.1', '::7f00:1', '2002:a00:1::'],
  ]
  for (const text of shut) assert.notEqual(refused(text, TRUSTED), undefined, text)
})

test('an address with a zone is refused whatever the rules say', () => {
  assert.equal(refused('fe80::1%eth0', allowing('::/0')), 'address with a zone')
  assert.equal(refused('fe80::1', allowing('::/0')), undefined)
})

/** Address numbers of both kinds, with as much internal space among them as public space. */
const anyIpv4 = fc
  .oneof(
    fc.integer({ min: 0, max: 0xffff_ffff }),
    fc.constantFrom(0x0a00_0001, 0x7f00_0001, 0xa9fe_a9fe, 0xac10_0001, 0xc0a8_0101, 0x6440_0001, 0xe000_0001, 0xffff_ffff, 0x0808_0808, 0x5db8_d822),
  )
  .map((number) => ipv4FromNumber(BigInt(number)))

const EMBEDDINGS: Record<string, (value: bigint) => bigint> = {
  mapped: (value) => (0xffffn << 32n) | value,
  compatible: (value) => value,
  translated: (value) => (0xffff_0000n << 32n) | value,
  nat64: (value) => (0x0064_ff9bn << 96n) | value,
  'local-use nat64': (value) => (0x0064_ff9b_0001n << 80n) | value,
  '6to4': (value) => (0x2002n << 112n) | (value << 80n) | 1n,
  'teredo client': (value) => (0x2001n << 112n) | (0x0808_0808n << 64n) | (~value & 0xffff_ffffn),
  'teredo server': (value) => (0x2001n << 112n) | (value << 64n) | (~0x0808_0808n & 0xffff_ffffn),
  isatap: (value) => (0x2a00_1450n << 96n) | (0x5efen << 32n) | value,
  'isatap, universal': (value) => (0x2a00_1450n << 96n) | (0x0200_5efen << 32n) | value,
}

/** Embeddings that leave the verdict to the IPv4 address; the others are refused as such. */
const TRANSPARENT: ReadonlySet<string> = new Set(['mapped', 'nat64', 'isatap', 'isatap, universal'])

test('an IPv4 address that is refused is refused in every embedding', () => {
  for (const [name, embed] of Object.entries(EMBEDDINGS)) {
    fc.assert(
      fc.property(anyIpv4, (address) => {
        const plain = checkAddress(address, NOBODY)
        const inside = checkAddress(embedded(embed(address.value)), NOBODY)
        if (plain !== undefined) assert.notEqual(inside, undefined, name)
        else assert.equal(inside === undefined, TRANSPARENT.has(name), name)
      }),
    )
  }
})

test('where the outer address is allowed, the verdict is that of the IPv4 address, for every rule', () => {
  const rules = fc.constantFrom(...[[], ['10.0.0.0/8'], ['169.254.0.0/16', '127.0.0.0/8']].map((texts) => allowing('::/0', ...texts)))
  fc.assert(
    fc.property(anyIpv4, rules, fc.constantFrom(...Object.values(EMBEDDINGS)), fc.boolean(), (address, base, embed, trusted) => {
      // `::` and `::1` are addresses of their own and embed nothing.
      fc.pre(address.value > 1n)
      const all = { ...base, trusted }
      assert.equal(checkAddress(embedded(embed(address.value)), all)?.block, checkAddress(address, all)?.block)
    }),
  )
})

/** By way of its text, as it arrives: parsing makes an IPv4-mapped address IPv4. */
function embedded(value: bigint): IpAddress {
  const address = parseIpAddress(ipv6FromNumber(value).text)
  assert.ok(address)
  return address
}
