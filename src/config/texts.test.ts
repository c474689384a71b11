/** Units, addresses, names and the guess at a mistyped word. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkAgentName } from './agent-name.ts'
import { closestWord } from './closest-word.ts'
import { isLoopback, parseListenAddress, parseNameServer, parseNetworkLoosely } from './host-text.ts'
import { DURATION_TEXT, SIZE_TEXT, durationMs, formatDuration, formatSize, sizeBytes } from './units.ts'

test('a duration and a size are read back from their shortest text', () => {
  assert.deepEqual([250, 30_000, 300_000, 3_600_000, 86_400_000, 0, 90_000].map(formatDuration), ['250ms', '30s', '5m', '1h', '1d', '0ms', '90s'])
  assert.deepEqual([1, 1_000, 65_536, 10_485_760, 1_073_741_824, 0].map(formatSize), ['1B', '1000B', '64KiB', '10MiB', '1GiB', '0B'])
  fc.assert(fc.property(fc.nat(10_000_000), (value) => {
    assert.equal(durationMs(formatDuration(value)), value)
    assert.equal(sizeBytes(formatSize(value)), value)
  }))
})

test('units are those of the table, decimal and binary kept apart', () => {
  assert.deepEqual(['1MB', '1MiB', '1kB', '1KB', '7B', '2GB'].map(sizeBytes), [1_000_000, 1_048_576, 1_000, 1_000, 7, 2_000_000_000])
  assert.ok(['5m', '0s', '12h'].every((text) => DURATION_TEXT.test(text)) && !['5', '5 m', '-5m', '1.5s', '5M', 'm', '5m5s'].some((text) => DURATION_TEXT.test(text)))
  assert.ok(['5MiB', '0B'].every((text) => SIZE_TEXT.test(text)) && !['5', '5mib', '5 MiB', '5Mib', '5TB', '-1B'].some((text) => SIZE_TEXT.test(text)))
})

test('a listener is an address and a port, localhost the loopback address', () => {
  const text = (written: string): string | undefined => parseListenAddress(written)?.text
  assert.deepEqual(['127.0.0.1:8888', 'localhost:1', '[::1]:80', '[0:0::1]:80', '0.0.0.0:0', '[::ffff:127.0.0.1]:5'].map(text), ['127.0.0.1:8888', '127.0.0.1:1', '[::1]:80', '[::1]:80', '0.0.0.0:0', '127.0.0.1:5'])
  assert.deepEqual([':80', '127.0.0.1', '127.0.0.1:', '127.0.0.1:65536', '127.0.0.1:080', '::1:80', '[fe80::1%eth0]:80', 'host:80', '[127.0.0.1]:80', '127.1:80', ''].map(text), Array.from({ length: 11 }, () => undefined))
})

test('loopback is 127.0.0.0/8 and ::1', () => {
  const loopback = (written: string): boolean | undefined => { const address = parseListenAddress(written); return address === undefined ? undefined : isLoopback(address) }
  assert.deepEqual(['127.0.0.1:1', '127.9.9.9:1', '[::1]:1', 'localhost:1', '0.0.0.0:1', '[::]:1', '10.0.0.1:1', '[::2]:1'].map(loopback), [true, true, true, true, false, false, false, false])
})

test('a name server has port 53 where none is written', () => {
  assert.deepEqual(['10.0.0.53', '10.0.0.53:5353', '2001:db8::53', '[2001:db8::53]:54', '10.0.0.53:0', 'ns.example', 'fe80::1%eth0'].map(parseNameServer), ['10.0.0.53:53', '10.0.0.53:5353', '[2001:db8::53]:53', '[2001:db8::53]:54', undefined, undefined, undefined])
})

test('host bits are cleared, and nothing else becomes a network', () => {
  const text = (written: string): string | undefined => parseNetworkLoosely(written)?.text
  assert.deepEqual(['10.42.3.7/24', '2001:db8::1/32', '10.0.0.0/8'].map(text), ['10.42.3.0/24', '2001:db8::/32', '10.0.0.0/8'])
  assert.deepEqual(['::ffff:10.0.0.1/104', 'fe80::1%eth0/10', '10.0.0.0/33', '10.0.0/8', '10.0.0.0', '010.0.0.0/8', 'x'].map(text), Array.from({ length: 7 }, () => undefined))
})

test('names of profiles are compared byte by byte and never folded', () => {
  assert.deepEqual(['ci', 'a.b-c_D9', 'x'.repeat(64), '_default', 'constructor'].map(checkAgentName), Array.from({ length: 5 }, () => undefined))
  assert.ok(['', 'x'.repeat(65), 'a b', 'a/b', 'аgent', 'a\r\nb', '_x', '__proto__', 'anonymous', '.', '..'].every((name) => checkAgentName(name) !== undefined))
})

test('a mistyped key is guessed, another word is not', () => {
  const keys = ['mode', 'enforce', 'fetch_proxy', 'api_allowlist']
  assert.deepEqual(['mdoe', 'Mode', 'enforc', 'fetch-proxy', 'api_allow_list', 'budget', 'x'].map((word) => closestWord(word, keys)), ['mode', 'mode', 'enforce', 'fetch_proxy', 'api_allowlist', undefined, undefined])
})
