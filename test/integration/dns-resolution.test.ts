/** Names through a DNS server on loopback: what is asked, what is kept, and that one slow name holds up no other. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import type { Resolved } from '../../src/egress/resolve-host.ts'
import type { Denial } from '../../src/model/denial.ts'
import { aResolver, NOBODY, TRUSTED } from '../support/a-resolver.ts'
import { startDnsServer, type DnsRecord, type DnsReply } from '../support/dns-server.ts'

const SECOND_MS = 1000
const NXDOMAIN: DnsReply = { records: [], rcode: 'NXDOMAIN' }
const SERVFAIL: DnsReply = { records: [], rcode: 'SERVFAIL' }

function texts(result: Resolved | Denial): string[] {
  assert.ok('addresses' in result, 'reason' in result ? `${result.reason}: ${result.detail}` : '')
  return result.addresses.map(({ text }) => text)
}

function denial(result: Resolved | Denial): string {
  assert.ok('reason' in result, 'not refused')
  return `${result.reason}: ${result.detail}`
}

/** Answers A questions with the records, AAAA questions with none. */
function ipv4Only(...values: string[]): (question: { type: string }) => DnsReply {
  return ({ type }) => ({ records: type === 'A' ? values.map((value): DnsRecord => ({ type: 'A', value })) : [] })
}

function aHostsFile(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'chaperone-dns-'))
  t.after(() => {
    rmSync(folder, { recursive: true })
  })
  writeFileSync(join(folder, 'hosts'), text)
  return join(folder, 'hosts')
}

test('both families are asked once, and IPv4 comes first', async (t) => {
  const dns = await startDnsServer(t, ({ type }) =>
    type === 'A'
      ? { records: [{ type, value: '93.184.216.34' }, { type, value: '93.184.216.35' }], delayMs: 20 }
      : { records: [{ type, value: '2606:2800:220:1::1' }] },
  )
  const resolver = aResolver(t, { servers: [dns.address] })
  assert.deepEqual(texts(await resolver.resolve('two.example', 443, NOBODY)), ['93.184.216.34', '93.184.216.35', '2606:2800:220:1::1'])
  assert.deepEqual(dns.questions.map(({ type }) => type).sort(), ['A', 'AAAA'])
})

test('a name that the cache holds is answered at once, until its TTL has passed', async (t) => {
  const dns = await startDnsServer(t, ({ type, earlier }) => ({ records: type === 'A' ? [{ type, value: `8.8.8.${earlier}`, ttl: 30 }] : [] }))
  const resolver = aResolver(t, { servers: [dns.address] })
  assert.deepEqual(texts(await resolver.resolve('cached.example', 80, NOBODY)), ['8.8.8.0'])
  resolver.clock.advance(29 * SECOND_MS)
  const second = resolver.resolve('cached.example.', 80, NOBODY)
  assert.ok(!(second instanceof Promise))
  assert.deepEqual(texts(second), ['8.8.8.0'])
  assert.equal(dns.questions.length, 2)

  resolver.clock.advance(SECOND_MS)
  assert.deepEqual(texts(await resolver.resolve('cached.example', 80, NOBODY)), ['8.8.8.1'])
})

test('the cache keeps no answer longer than cacheSeconds, and none with a TTL of 0', async (t) => {
  const dns = await startDnsServer(t, ({ name, type }) => ({ records: type === 'A' ? [{ type, value: '8.8.8.8', ttl: name === 'zero.example' ? 0 : 86_400 }] : [] }))
  const resolver = aResolver(t, { servers: [dns.address], cacheSeconds: 10 })
  await resolver.resolve('day.example', 80, NOBODY)
  resolver.clock.advance(10 * SECOND_MS)
  await resolver.resolve('day.example', 80, NOBODY)
  await resolver.resolve('zero.example', 80, NOBODY)
  await resolver.resolve('zero.example', 80, NOBODY)
  for (const name of ['day.example', 'zero.example']) assert.equal(dns.questions.filter((asked) => asked.name === name && asked.type === 'A').length, 2, name)
})

test('the cache is bounded', async (t) => {
  const dns = await startDnsServer(t, ipv4Only('8.8.8.8'))
  const resolver = aResolver(t, { servers: [dns.address], maxCacheEntries: 3 })
  for (let at = 0; at < 6; at++) await resolver.resolve(`n${at}.example`, 80, NOBODY)
  assert.ok(!(resolver.resolve('n5.example', 80, NOBODY) instanceof Promise))
  const first = resolver.resolve('n0.example', 80, NOBODY)
  assert.ok(first instanceof Promise)
  await first
})

test('callers that want one name at the same time share a query', async (t) => {
  const dns = await startDnsServer(t, ipv4Only('8.8.8.8'))
  const resolver = aResolver(t, { servers: [dns.address] })
  const results = await Promise.all(Array.from({ length: 50 }, async () => resolver.resolve('shared.example', 80, NOBODY)))
  for (const result of results) assert.deepEqual(texts(result), ['8.8.8.8'])
  assert.equal(dns.questions.length, 2)
})

test('a name that does not exist is refused, and asked again after some seconds', async (t) => {
  const dns = await startDnsServer(t, ({ earlier, type }) => (earlier === 0 ? NXDOMAIN : { records: type === 'A' ? [{ type, value: '8.8.8.8' }] : [] }))
  const resolver = aResolver(t, { servers: [dns.address] })
  assert.equal(denial(await resolver.resolve('late.example', 80, NOBODY)), 'dns_failed: ENOTFOUND')
  resolver.clock.advance(4 * SECOND_MS)
  assert.equal(denial(await resolver.resolve('late.example', 80, NOBODY)), 'dns_failed: ENOTFOUND')
  assert.equal(dns.questions.length, 2)
  resolver.clock.advance(SECOND_MS)
  assert.deepEqual(texts(await resolver.resolve('late.example', 80, NOBODY)), ['8.8.8.8'])
})

test('a name without addresses is refused', async (t) => {
  const dns = await startDnsServer(t, () => ({ records: [] }))
  assert.equal(denial(await aResolver(t, { servers: [dns.address] }).resolve('empty.example', 80, NOBODY)), 'dns_failed: ENODATA')
})

test('trouble in one family leaves the other', async (t) => {
  const dns = await startDnsServer(t, ({ name, type }) => {
    if (name.startsWith(type === 'A' ? 'six' : 'four')) return SERVFAIL
    return { records: [{ type, value: type === 'A' ? '8.8.8.8' : '2001:4860:4860::8888' }] }
  })
  const resolver = aResolver(t, { servers: [dns.address] })
  assert.deepEqual(texts(await resolver.resolve('four.example', 80, NOBODY)), ['8.8.8.8'])
  assert.deepEqual(texts(await resolver.resolve('six.example', 80, NOBODY)), ['2001:4860:4860::8888'])
})

test('trouble in both families is named rather than the absence of the name', async (t) => {
  const dns = await startDnsServer(t, ({ type }) => (type === 'A' ? NXDOMAIN : SERVFAIL))
  assert.equal(denial(await aResolver(t, { servers: [dns.address] }).resolve('broken.example', 80, NOBODY)), 'dns_failed: ESERVFAIL')
})

test('a server that answers one family only costs a fraction of the time-out', async (t) => {
  const dns = await startDnsServer(t, ({ type }) => (type === 'A' ? { records: [{ type, value: '8.8.8.8' }] } : 'no answer'))
  const resolver = aResolver(t, { servers: [dns.address], timeoutMs: 2000 })
  const startedMs = performance.now()
  assert.deepEqual(texts(await resolver.resolve('half.example', 80, NOBODY)), ['8.8.8.8'])
  assert.ok(performance.now() - startedMs < 1500)
})

test('a server that never answers is waited for no longer than the time-out', async (t) => {
  const dns = await startDnsServer(t, () => 'no answer')
  const resolver = aResolver(t, { servers: [dns.address], timeoutMs: 300 })
  const startedMs = performance.now()
  assert.equal(denial(await resolver.resolve('silent.example', 80, NOBODY)), 'dns_failed: ETIMEOUT')
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs > 250 && tookMs < 1500, `${tookMs} ms`)
})

test('slow names do not hold up another', async (t) => {
  const dns = await startDnsServer(t, ({ name, type }) => (name.startsWith('slow') ? 'no answer' : { records: type === 'A' ? [{ type, value: '8.8.8.8' }] : [] }))
  const resolver = aResolver(t, { servers: [dns.address], timeoutMs: 4000 })
  const slow = Array.from({ length: 100 }, async (_, at) => resolver.resolve(`slow${at}.example`, 80, NOBODY))
  const startedMs = performance.now()
  assert.deepEqual(texts(await resolver.resolve('quick.example', 80, NOBODY)), ['8.8.8.8'])
  assert.ok(performance.now() - startedMs < 1000)
  resolver.close()
  for (const result of await Promise.all(slow)) assert.equal(denial(result), 'dns_failed: ETIMEOUT')
})

test('the number of names asked at a time is bounded', async (t) => {
  const dns = await startDnsServer(t, () => 'no answer')
  const resolver = aResolver(t, { servers: [dns.address], timeoutMs: 4000 })
  const waiting = Array.from({ length: 512 }, async (_, at) => resolver.resolve(`n${at}.example`, 80, NOBODY))
  const beyond = resolver.resolve('beyond.example', 80, NOBODY)
  assert.ok(!(beyond instanceof Promise))
  assert.equal(denial(beyond), 'dns_failed: too many names are being resolved')
  resolver.close()
  await Promise.all(waiting)
  const after = resolver.resolve('after.example', 80, NOBODY)
  assert.ok(after instanceof Promise)
  resolver.close()
  await after
})

test('an answer through many aliases lives as long as its shortest record', async (t) => {
  const names = Array.from({ length: 8 }, (_, at) => `alias${at}.example`)
  const dns = await startDnsServer(t, ({ name, type }) => {
    const aliases = names.map((value, at): DnsRecord => ({ type: 'CNAME', name: names[at - 1] ?? name, value, ttl: at === 4 ? 7 : 600 }))
    return { records: [...aliases, ...(type === 'A' ? [{ type, name: 'alias7.example', value: '8.8.8.8', ttl: 600 }] : [])] }
  })
  const resolver = aResolver(t, { servers: [dns.address] })
  assert.deepEqual(texts(await resolver.resolve('long.example', 80, NOBODY)), ['8.8.8.8'])
  resolver.clock.advance(6 * SECOND_MS)
  assert.ok(!(resolver.resolve('long.example', 80, NOBODY) instanceof Promise))
  resolver.clock.advance(SECOND_MS)
  const again = resolver.resolve('long.example', 80, NOBODY)
  assert.ok(again instanceof Promise)
  await again
})

test('of many addresses all are checked and some are dialled; an unreasonable number is refused', async (t) => {
  const addresses = (count: number): DnsRecord[] => Array.from({ length: count }, (_, at): DnsRecord => ({ type: 'A', value: `8.8.${at >> 8}.${at & 255}` }))
  const dns = await startDnsServer(t, ({ name, type }) => {
    if (type === 'AAAA') return { records: [] }
    if (name === 'tail.example') return { records: [...addresses(59), { type, value: '10.0.0.1' }] }
    return { records: addresses(name === 'many.example' ? 150 : 60) }
  })
  const resolver = aResolver(t, { servers: [dns.address] })
  assert.equal(texts(await resolver.resolve('sixty.example', 80, NOBODY)).length, 8)
  assert.equal(denial(await resolver.resolve('tail.example', 80, NOBODY)), 'ssrf_address: 10.0.0.1: private use (RFC 1918)')
  assert.equal(denial(await resolver.resolve('many.example', 80, NOBODY)), 'dns_failed: more than 64 addresses')
})

test('localhost is loopback, and nobody is asked', async (t) => {
  const dns = await startDnsServer(t, ipv4Only('8.8.8.8'))
  const resolver = aResolver(t, { servers: [dns.address], hostsFile: aHostsFile(t, '8.8.8.8 localhost\n') })
  for (const name of ['localhost', 'localhost.', 'a.b.localhost']) {
    const result = resolver.resolve(name, 80, TRUSTED)
    assert.ok(!(result instanceof Promise))
    assert.deepEqual(texts(result), ['127.0.0.1', '::1'], name)
  }
  assert.equal(dns.questions.length, 0)
})

test('names that the DNS does not have are refused without a query', async (t) => {
  const dns = await startDnsServer(t, ipv4Only('8.8.8.8'))
  const resolver = aResolver(t, { servers: [dns.address] })
  for (const name of ['printer.local', 'local', 'abc.onion', 'no.such.invalid', 'x.alt']) {
    assert.equal(denial(await resolver.resolve(name, 80, NOBODY)), 'dns_failed: a name that is not in the DNS', name)
  }
  assert.equal(dns.questions.length, 0)
  assert.deepEqual(texts(await resolver.resolve('local.example', 80, NOBODY)), ['8.8.8.8'])
})

test('the hosts file comes before the DNS, and its addresses are checked like any', async (t) => {
  const dns = await startDnsServer(t, ipv4Only('8.8.8.8'))
  const hostsFile = aHostsFile(t, '9.9.9.9 listed.example\n10.0.0.1 inside.example\n1.1.1.1 printer.local\n')
  const resolver = aResolver(t, { servers: [dns.address], hostsFile })
  assert.deepEqual(texts(await resolver.resolve('listed.example', 80, NOBODY)), ['9.9.9.9'])
  assert.deepEqual(texts(await resolver.resolve('listed.example.', 80, NOBODY)), ['9.9.9.9'])
  assert.deepEqual(texts(await resolver.resolve('printer.local', 80, NOBODY)), ['1.1.1.1'])
  assert.equal(denial(await resolver.resolve('inside.example', 80, NOBODY)), 'ssrf_address: 10.0.0.1: private use (RFC 1918)')
  assert.equal(dns.questions.length, 0)
  assert.deepEqual(texts(await resolver.resolve('other.example', 80, NOBODY)), ['8.8.8.8'])
})

test('servers of the configuration that are no addresses are an error at once', (t) => {
  assert.throws(() => aResolver(t, { servers: ['dns.example'] }), TypeError)
  assert.doesNotThrow(() => aResolver(t, { servers: ['127.0.0.1', '127.0.0.1:53', '[::1]:53', '::1'] }))
})
