/** Names that lead inside: rebinding, mixed answers, embedded addresses, the companion's own listeners, rules per caller. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { AddressRules } from '../../src/egress/address-policy.ts'
import { isNetworkFault, parseNetwork } from '../../src/base/network.ts'
import type { Resolved } from '../../src/egress/resolve-host.ts'
import type { Denial } from '../../src/model/denial.ts'
import { aResolver, NOBODY, TRUSTED } from '../support/a-resolver.ts'
import { startDnsServer } from '../support/dns-server.ts'

function texts(result: Resolved | Denial): string[] {
  assert.ok('addresses' in result, 'reason' in result ? `${result.reason}: ${result.detail}` : '')
  return result.addresses.map(({ text }) => text)
}

function reason(result: Resolved | Denial): string {
  return 'reason' in result ? result.reason : 'allowed'
}

function allowing(text: string): AddressRules {
  const network = parseNetwork(text)
  assert.ok(!isNetworkFault(network))
  return { allowNetworks: [network], trusted: false }
}

test('a name that turns inward after its check is not asked again for the dial', async (t) => {
  const dns = await startDnsServer(t, ({ type, earlier }) => ({
    records: type === 'A' ? [{ type, value: earlier === 0 ? '93.184.216.34' : '169.254.169.254', ttl: 0 }] : [],
  }))
  const resolver = aResolver(t, { servers: [dns.address] })

  const first = await resolver.resolve('rebind.example', 80, NOBODY)
  assert.deepEqual(texts(first), ['93.184.216.34'])
  assert.equal(dns.questions.length, 2)

  // The next exchange asks anew, since the TTL is 0, and meets the second answer.
  const second = await resolver.resolve('rebind.example', 80, NOBODY)
  assert.deepEqual(second, { reason: 'ssrf_address', detail: '169.254.169.254: cloud metadata (AWS, Azure, Google Cloud and others)' })
  assert.deepEqual(texts(first), ['93.184.216.34'])
})

test('one internal address among public ones refuses the name, in either family and any place', async (t) => {
  const answers: Record<string, { A: string[]; AAAA: string[] }> = {
    'first.example': { A: ['10.0.0.1', '8.8.8.8'], AAAA: [] },
    'last.example': { A: ['8.8.8.8', '8.8.4.4', '127.0.0.1'], AAAA: [] },
    'six.example': { A: ['8.8.8.8'], AAAA: ['2606:4700::1', '::1'] },
    'mapped.example': { A: ['8.8.8.8'], AAAA: ['::ffff:10.0.0.1'] },
    'nat64.example': { A: [], AAAA: ['64:ff9b::a9fe:a9fe'] },
    'sixtofour.example': { A: [], AAAA: ['2002:7f00:1::1'] },
    'zero.example': { A: ['0.0.0.0'], AAAA: [] },
    'unspecified.example': { A: [], AAAA: ['::'] },
  }
  const clean = { A: ['8.8.8.8', '8.8.4.4'], AAAA: ['2606:4700::1', '64:ff9b::808:808'] }
  const dns = await startDnsServer(t, ({ name, type }) => ({ records: (answers[name] ?? clean)[type].map((value) => ({ type, value })) }))
  const resolver = aResolver(t, { servers: [dns.address] })
  for (const name of Object.keys(answers)) assert.equal(reason(await resolver.resolve(name, 80, NOBODY)), 'ssrf_address', name)
  assert.deepEqual(texts(await resolver.resolve('clean.example', 80, NOBODY)), ['8.8.8.8', '8.8.4.4', '2606:4700::1', '64:ff9b::808:808'])
})

test('an alias that leads inside is refused', async (t) => {
  const dns = await startDnsServer(t, ({ type }) => ({
    records: [{ type: 'CNAME', value: 'intranet.example' }, ...(type === 'A' ? [{ type, name: 'intranet.example', value: '192.168.1.1' }] : [])],
  }))
  assert.equal(reason(await aResolver(t, { servers: [dns.address] }).resolve('outside.example', 80, NOBODY)), 'ssrf_address')
})

test('a cached answer is judged by the rules of each caller', async (t) => {
  const dns = await startDnsServer(t, ({ type }) => ({ records: type === 'A' ? [{ type, value: '10.1.2.3' }] : [] }))
  const resolver = aResolver(t, { servers: [dns.address] })
  assert.deepEqual(texts(await resolver.resolve('wiki.example', 80, TRUSTED)), ['10.1.2.3'])
  assert.equal(reason(await resolver.resolve('wiki.example', 80, NOBODY)), 'ssrf_address')
  assert.deepEqual(texts(await resolver.resolve('wiki.example', 80, allowing('10.1.0.0/16'))), ['10.1.2.3'])
  assert.equal(reason(await resolver.resolve('wiki.example', 80, allowing('10.2.0.0/16'))), 'ssrf_address')
  assert.equal(dns.questions.length, 2)
})

test("callers that share a query are judged by each one's own rules", async (t) => {
  const dns = await startDnsServer(t, ({ type }) => ({ records: type === 'A' ? [{ type, value: '10.1.2.3' }] : [] }))
  const resolver = aResolver(t, { servers: [dns.address] })
  const both = await Promise.all([resolver.resolve('wiki.example', 80, NOBODY), resolver.resolve('wiki.example', 80, TRUSTED)])
  assert.deepEqual(both.map(reason), ['ssrf_address', 'allowed'])
})

test("the companion's own listeners are no destination, whatever the rules say and however they are reached", async (t) => {
  const dns = await startDnsServer(t, ({ type }) => ({ records: type === 'A' ? [{ type, value: '198.51.100.7' }] : [] }))
  const own = new Set(['127.0.0.1', '::1', '198.51.100.7'])
  const resolver = aResolver(t, { servers: [dns.address], protectedAddress: ({ text }, port) => own.has(text) && port === 8888 })
  const everything: AddressRules = { allowNetworks: [...allowing('0.0.0.0/0').allowNetworks, ...allowing('::/0').allowNetworks], trusted: true }

  for (const host of ['127.0.0.1', '::1', 'localhost', 'x.localhost', '64:ff9b::7f00:1', '2002:7f00:1::', 'own.example']) {
    assert.equal(reason(await resolver.resolve(host, 8888, everything)), 'protected_target', host)
    assert.equal(reason(await resolver.resolve(host, 8887, everything)), 'allowed', host)
  }
  assert.equal(reason(await resolver.resolve('127.0.0.1', 8888, NOBODY)), 'protected_target')
})

test('a literal is answered at once, and its spelling in the denial is the canonical one', (t) => {
  const resolver = aResolver(t)
  assert.deepEqual(resolver.resolve('8.8.8.8', 53, NOBODY), { addresses: [{ family: 4, value: 0x08080808n, text: '8.8.8.8' }] })
  assert.deepEqual(resolver.resolve('::7f00:1', 80, NOBODY), { reason: 'ssrf_address', detail: '::7f00:1: IPv4-compatible (RFC 4291)' })
  assert.deepEqual(resolver.resolve('64:ff9b::7f00:1', 80, NOBODY), { reason: 'ssrf_address', detail: '127.0.0.1: loopback (RFC 1122)' })
})
