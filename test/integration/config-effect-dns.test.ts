/** What each key of name resolution changes: who is asked, and how often. */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { startTestCompanion } from '../support/companion.ts'
import { startDnsServer, type DnsServer } from '../support/dns-server.ts'
import { startOrigin } from '../support/origin.ts'
import { askProxy } from '../support/outcome-of.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Knows every name, as 127.0.0.1. */
const startServer = (t: TestContext): Promise<DnsServer> => startDnsServer(t, ({ type }) => ({ records: type === 'A' ? [{ type, value: '127.0.0.1' }] : [] }))

const asked = ({ questions }: DnsServer): string[] => questions.filter(({ type }) => type === 'A').map(({ name }) => name)

test('config dns.servers: queries go to the server that is named', async (t) => {
  const origin = await startOrigin(t)
  const [first, second] = [await startServer(t), await startServer(t)]
  for (const { address } of [first, second]) {
    const companion = await startTestCompanion(t, { allowLoopback: true, config: `dns: {servers: ["${address}"]}\n` })
    assert.equal(await askProxy(companion.port, `http://of-${address.split(':')[1] ?? ''}.example:${origin.port}/`), '200')
  }
  for (const server of [first, second]) assert.deepEqual(asked(server), [`of-${server.address.split(':')[1] ?? ''}.example`])
})

test('config dns.hosts_file: a name in it gets its address and is not asked for', async (t) => {
  const origin = await startOrigin(t)
  const dns = await startServer(t)
  const hosts = join(temporaryFolder(t), 'hosts')
  writeFileSync(hosts, '127.0.0.1 listed.example\n10.9.9.9 inside.example\n')
  const servers = `servers: ["${dns.address}"]`
  const companion = await startTestCompanion(t, { allowLoopback: true, config: `dns: {${servers}, hosts_file: ${JSON.stringify(hosts)}}\n` })
  assert.equal(await askProxy(companion.port, `http://listed.example:${origin.port}/`), '200')
  assert.equal(await askProxy(companion.port, `http://inside.example:${origin.port}/`), 'ssrf_address')
  assert.deepEqual(asked(dns), [])

  const without = await startTestCompanion(t, { allowLoopback: true, config: `dns: {${servers}}\n` })
  assert.equal(await askProxy(without.port, `http://inside.example:${origin.port}/`), '200')
  assert.deepEqual(asked(dns), ['inside.example'])
})

test('config dns.cache_seconds: a second lookup inside it sends no query, one after it does; 0 keeps nothing', async (t) => {
  const origin = await startOrigin(t)
  const dns = await startServer(t)
  const lookups = async (seconds: string, pauseMs: number): Promise<number> => {
    const companion = await startTestCompanion(t, { allowLoopback: true, config: `dns: {servers: ["${dns.address}"], cache_seconds: ${seconds}}\n` })
    const before = asked(dns).length
    const url = `http://again.example:${origin.port}/`
    assert.equal(await askProxy(companion.port, url), '200')
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    assert.equal(await askProxy(companion.port, url), '200')
    return asked(dns).length - before
  }
  assert.equal(await lookups('300', 400), 1)
  assert.equal(await lookups('300ms', 400), 2)
  assert.equal(await lookups('0', 0), 2)
})
