/**
 * Hosts as an agent may write them, from the URL to the verdict: every spelling of an address that is not public is refused,
 * and public ones beside them pass. A spelling that is no host at all counts as refused only where it is listed as such.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { canonicalHost } from '../../src/base/canonical-host.ts'
import { aResolver, NOBODY } from '../support/a-resolver.ts'
import { startDnsServer } from '../support/dns-server.ts'

/** Host as written, and the block that refuses it. */
const REFUSED: Readonly<Record<string, string>> = {
  // loopback, in the spellings that inet_aton, browsers and IDNA know
  '127.0.0.1': 'loopback',
  '127.0.0.1.': 'loopback',
  '127.1': 'loopback',
  '127.0.1': 'loopback',
  '127.255.255.254': 'loopback',
  '2130706433': 'loopback',
  '0x7f000001': 'loopback',
  '0X7F000001': 'loopback',
  '017700000001': 'loopback',
  '0x7f.0.0.1': 'loopback',
  '0x7f.1': 'loopback',
  '0177.0.0.1': 'loopback',
  '0177.0x0.1': 'loopback',
  '00000177.0.0.01': 'loopback',
  '127.0x1': 'loopback',
  '①②⑦.⓪.⓪.①': 'loopback',
  '１２７.0.0.1': 'loopback',
  '127。0。0。1': 'loopback',
  '127｡0．0.1': 'loopback',
  '1\u00ad27.0.0.1': 'loopback',
  localhost: 'loopback',
  LOCALHOST: 'loopback',
  'localhost.': 'loopback',
  'ｌｏｃａｌｈｏｓｔ': 'loopback',
  'anything.localhost': 'loopback',
  '[::1]': 'loopback',
  '[0:0:0:0:0:0:0:1]': 'loopback',
  '[0000::0001]': 'loopback',
  '[::ffff:127.0.0.1]': 'loopback',
  '[::FFFF:7f00:1]': 'loopback',
  '[0:0:0:0:0:ffff:7f00:0001]': 'loopback',
  // unspecified: the same machine on most systems
  '0': 'unspecified',
  '0.0.0.0': 'unspecified',
  '0x0': 'unspecified',
  '00': 'unspecified',
  '[::]': 'unspecified',
  '[0::0]': 'unspecified',
  '[::ffff:0.0.0.0]': 'unspecified',
  '0.0.0.1': 'this network',
  '1': 'this network',
  // private, shared, link local
  '10.0.0.1': 'private use',
  '10.1': 'private use',
  '167772161': 'private use',
  '012.0.0.1': 'private use',
  '172.16.0.1': 'private use',
  '172.31.255.255': 'private use',
  '192.168.0.1': 'private use',
  '192.168.1': 'private use',
  '0xc0a80101': 'private use',
  '[::ffff:192.168.1.1]': 'private use',
  '100.64.0.1': 'shared address space',
  '100.127.255.255': 'shared address space',
  '169.254.0.1': 'link local',
  '[fe80::1]': 'link local',
  '[febf::1]': 'link local',
  '[fc00::1]': 'unique local',
  '[fdff::1]': 'unique local',
  '[fec0::1]': 'site local, deprecated',
  // metadata endpoints
  '169.254.169.254': 'cloud metadata',
  '2852039166': 'cloud metadata',
  '0xa9fea9fe': 'cloud metadata',
  '0251.0376.0251.0376': 'cloud metadata',
  '169.254.43518': 'cloud metadata',
  '[::ffff:169.254.169.254]': 'cloud metadata',
  '[::ffff:a9fe:a9fe]': 'cloud metadata',
  '169.254.170.2': 'cloud metadata',
  '100.100.100.200': 'cloud metadata',
  '168.63.129.16': 'cloud metadata',
  '192.0.0.192': 'cloud metadata',
  '[fd00:ec2::254]': 'cloud metadata',
  '[fd20:ce::254]': 'cloud metadata',
  // IPv4 inside IPv6
  '[::127.0.0.1]': 'IPv4-compatible',
  '[::7f00:1]': 'IPv4-compatible',
  '[::8.8.8.8]': 'IPv4-compatible',
  '[::ffff:0:127.0.0.1]': 'IPv4-translated',
  '[64:ff9b::127.0.0.1]': 'loopback',
  '[64:ff9b::7f00:1]': 'loopback',
  '[64:ff9b::a9fe:a9fe]': 'cloud metadata',
  '[64:ff9b::10.0.0.1]': 'private use',
  '[64:ff9b:1::8.8.8.8]': 'local-use NAT64',
  '[64:ff9b:1::a00:1]': 'local-use NAT64',
  '[2002:7f00:1::]': '6to4',
  '[2002:a9fe:a9fe::1]': '6to4',
  '[2001:0:808:808:0:0:80ff:fffe]': 'Teredo',
  '[2001:0:7f00:1::]': 'Teredo',
  '[2a00:1450:4001::5efe:10.0.0.1]': 'private use',
  '[2a00:1450:4001::200:5efe:127.0.0.1]': 'loopback',
  // the rest of the registries
  '192.0.0.1': 'IPv4 service continuity',
  '192.0.0.8': 'IPv4 dummy address',
  '192.0.0.9': 'port control protocol anycast',
  '192.0.0.170': 'NAT64 discovery',
  '192.0.0.255': 'IETF protocol assignments',
  '192.0.2.1': 'documentation',
  '198.51.100.1': 'documentation',
  '203.0.113.1': 'documentation',
  '192.31.196.1': 'AS112',
  '192.52.193.1': 'automatic multicast tunnelling',
  '192.88.99.1': '6to4 relay anycast',
  '192.175.48.1': 'AS112',
  '198.18.0.1': 'benchmarking',
  '198.19.255.255': 'benchmarking',
  '224.0.0.1': 'multicast',
  '239.255.255.250': 'multicast',
  '240.0.0.1': 'reserved',
  '255.255.255.255': 'limited broadcast',
  '4294967295': 'limited broadcast',
  '[ff02::1]': 'multicast',
  '[100::1]': 'discard only',
  '[100:0:0:1::1]': 'dummy prefix',
  '[2001:db8::1]': 'documentation',
  '[3fff::1]': 'documentation',
  '[2001:2::1]': 'benchmarking',
  '[2001:10::1]': 'ORCHID, deprecated',
  '[2001:1ff::1]': 'IETF protocol assignments',
  '[5f00::1]': 'segment routing identifiers',
  '[4000::1]': 'outside global unicast',
  '[200::1]': 'outside global unicast',
}

/** What is no host: refused before anything is resolved. */
const NO_HOST: readonly string[] = [
  ...['%31%32%37.0.0.1', '127.0.0.1%00.example.com', '127.0.0.1%2f', 'public.example@127.0.0.1', '127.0.0.1#public.example', '127.0.0.1\\public.example'],
  ...['127.0.0.1\t', ' 127.0.0.1', '127.0.\n0.1', '127.0.0.1/', '127.0.0.1?', '127.0.0.1:80', '::1', '[::1', '[::1]:80', '[::1%25lo]', '[fe80::1%eth0]'],
  ...['[127.0.0.1]', '[::ffff:127.0.0.1%1]', '0x7f.0.0.256.1', '127.0.0.0x100000000', '1.2.3.4.5', '127.0.0.08', '127.0.0.1..', '127..0.1', '＠127.0.0.1', '127.0.0.1／x'],
]

const PUBLIC: readonly string[] = [
  ...['1.1.1.1', '8.8.8.8', '8.8.4.4', '9.9.9.9', '93.184.216.34', '93.184.216.34.', '0x08080808', '134744072', '010.8.8.8', '1.65793', '11.0.0.1', '100.63.255.255', '100.128.0.1'],
  ...['126.255.255.255', '128.0.0.1', '169.253.1.1', '172.15.0.1', '172.32.0.1', '191.255.0.1', '192.0.1.1', '192.167.1.1', '192.169.1.1', '198.17.0.1', '198.20.0.1', '203.0.112.1'],
  ...['223.255.255.255', '168.63.129.17', '[2606:4700:4700::1111]', '[2001:4860:4860::8888]', '[2a00:1450:4001:831::200e]', '[2620:fe::fe]', '[2001:200::1]', '[2003::1]', '[2c0f::1]'],
  ...['[::ffff:8.8.8.8]', '[64:ff9b::8.8.8.8]', '[2a00:1450::5efe:8.8.8.8]', 'public.example', 'PUBLIC.Example.', 'bücher.example', '127.0.0.1.example', '10.example', 'localhost.example', 'xn--bcher-kva.example'],
]

test('every spelling of an address that is not public is refused, with its block', async (t) => {
  const dns = await startDnsServer(t, ({ type }) => ({ records: type === 'A' ? [{ type, value: '8.8.8.8' }] : [] }))
  const resolver = aResolver(t, { servers: [dns.address] })
  for (const [raw, block] of Object.entries(REFUSED)) {
    const host = canonicalHost(raw)
    assert.ok(host !== undefined, `${raw} is no host`)
    const result = await resolver.resolve(host, 80, NOBODY)
    assert.ok('reason' in result && result.reason === 'ssrf_address', `${raw} (${host}) passed`)
    assert.match(result.detail, new RegExp(`: ${block} \\(`), raw)
  }
  assert.ok(Object.keys(REFUSED).length >= 70)
  assert.equal(dns.questions.length, 0)
})

test('what is no host is refused before it is resolved', () => {
  for (const raw of NO_HOST) assert.equal(canonicalHost(raw), undefined, JSON.stringify(raw))
})

test('public addresses and names pass beside them', async (t) => {
  const dns = await startDnsServer(t, ({ type }) => ({ records: type === 'A' ? [{ type, value: '93.184.216.34' }] : [] }))
  const resolver = aResolver(t, { servers: [dns.address] })
  for (const raw of PUBLIC) {
    const host = canonicalHost(raw)
    assert.ok(host !== undefined, `${raw} is no host`)
    const result = await resolver.resolve(host, 443, NOBODY)
    assert.ok('addresses' in result, `${raw} (${host}) was refused: ${'reason' in result ? result.detail : ''}`)
  }
  assert.ok(PUBLIC.length >= 25)
})
