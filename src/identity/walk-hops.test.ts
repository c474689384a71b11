/** X-Forwarded-For and Forwarded, line by line and hop by hop. `10.0.0.0/8` and `fd00::/16` are the trusted hops. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { networkOf } from '../../test/support/identity-rules.ts'
import { networkContains } from '../base/network.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { walkHops } from './walk-hops.ts'

const HOPS = [networkOf('10.0.0.0/8'), networkOf('fd00::/16')]
const isTrusted = (address: IpAddress) => HOPS.some((hop) => networkContains(hop, address))

/** @param lines one per header line @returns the client, or `fault` */
function walk(field: 'x-forwarded-for' | 'forwarded', lines: readonly string[]): string {
  const client = walkHops(lines.flatMap((line) => [field, line]), field, isTrusted)
  return 'fault' in client ? 'fault' : client.text
}

type Row = readonly [line: string | readonly string[], client: string]

const FORWARDED_FOR: Row[] = [
  // one client
  ['192.0.2.1', '192.0.2.1'],
  [' \t192.0.2.1\t ', '192.0.2.1'],
  ['2001:DB8::1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['192.0.2.1:4711', '192.0.2.1'],
  ['[2001:db8::1]:4711', '2001:db8::1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['[::ffff:192.0.2.1]:80', '192.0.2.1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['[fe80::1%eth0]:80', 'fe80::1'],
  // the walk
  ['192.0.2.1, 10.0.0.1', '192.0.2.1'],
  ['192.0.2.1,10.0.0.1,10.0.0.2', '192.0.2.1'],
  ['192.0.2.9, 192.0.2.1, 10.0.0.1', '192.0.2.1'],
  ['10.0.0.9, 192.0.2.1, 10.0.0.1', '192.0.2.1'],
  ['192.0.2.1, fd00::1', '192.0.2.1'],
  ['192.0.2.1, ::ffff:10.0.0.1', '192.0.2.1'],
  [['192.0.2.9', '192.0.2.1, 10.0.0.1'], '192.0.2.1'],
  [['192.0.2.9, 192.0.2.1', '10.0.0.1'], '192.0.2.1'],
  [['192.0.2.1', '10.0.0.1', '10.0.0.2'], '192.0.2.1'],
  // every element a trusted hop: the leftmost calls on its own behalf
  ['10.0.0.1', '10.0.0.1'],
  ['10.0.0.3, 10.0.0.2, 10.0.0.1', '10.0.0.3'],
  [['10.0.0.3', 'fd00::1'], '10.0.0.3'],
  // what stands left of the client is the client's own writing
  ['garbage, 192.0.2.1', '192.0.2.1'],
  ['unknown, 192.0.2.1, 10.0.0.1', '192.0.2.1'],
  [', 192.0.2.1', '192.0.2.1'],
  [['"', '192.0.2.1'], '192.0.2.1'],
  // unreadable before the first untrusted one
  ['', 'fault'],
  ['   ', 'fault'],
  [',', 'fault'],
  ['192.0.2.1,', 'fault'],
  ['192.0.2.1, , 10.0.0.1', 'fault'],
  [['192.0.2.1', ''], 'fault'],
  ['unknown', 'fault'],
  ['192.0.2.1, unknown', 'fault'],
  ['192.0.2.1, _hidden, 10.0.0.1', 'fault'],
  ['unknown, 10.0.0.1', 'fault'],
  ['192.0.2.1, localhost', 'fault'],
  ['"192.0.2.1"', 'fault'],
  ['192.0.2.1:', 'fault'],
  ['192.0.2.1:65536', 'fault'],
  ['192.0.2.1:http', 'fault'],
  ['192.0.2.1:123456', 'fault'],
  ['192.0.2', 'fault'],
  ['192.0.2.256', 'fault'],
  ['0192.0.2.1', 'fault'],
  ['0xc0000201', 'fault'],
  ['3221225985', 'fault'],
  ['192.0.2.1/32', 'fault'],
  ['192.0.2.1 10.0.0.1', 'fault'],
  ['192.0.2.1; 10.0.0.1', 'fault'],
  ['2001:db8::1:4711:', 'fault'],
  ['[2001:db8::1', 'fault'],
  ['2001:db8::1]', 'fault'],
  ['[192.0.2.1]', 'fault'],
  ['[]', 'fault'],
  ['[2001:db8::1]4711', 'fault'],
  ['for=192.0.2.1', 'fault'],
  ['192.0.2.1\u00a0', 'fault'],
  ['192.0.2.1\u000b', 'fault'],
]

test('X-Forwarded-For is walked from the right to the first address that is no trusted hop', () => {
  for (const [lines, client] of FORWARDED_FOR) assert.equal(walk('x-forwarded-for', [lines].flat()), client, JSON.stringify(lines))
})

const FORWARDED: Row[] = [
  // one client
  ['for=192.0.2.1', '192.0.2.1'],
  ['For=192.0.2.1', '192.0.2.1'],
  ['FOR="192.0.2.1"', '192.0.2.1'],
  ['for="192.0.2.1:4711"', '192.0.2.1'],
  ['for="192.0.2.1:_port"', '192.0.2.1'],
  ['for="[2001:db8::1]"', '2001:db8::1'],
  ['for="[2001:db8::1]:4711"', '2001:db8::1'],
  ['for="[::ffff:192.0.2.1]"', '192.0.2.1'],
  ['for="\\1\\9\\2.0.2.1"', '192.0.2.1'],
  ['for=192.0.2.1;proto=http;by=203.0.113.43', '192.0.2.1'],
  ['by=203.0.113.43;proto=http;for=192.0.2.1', '192.0.2.1'],
  ['proto=http; for=192.0.2.1 ; host="a.example:80"', '192.0.2.1'],
  ['for=192.0.2.1;', '192.0.2.1'],
  ['host="a,b;for=192.0.2.9";for=192.0.2.1', '192.0.2.1'],
  ['host="\\"";for=192.0.2.1', '192.0.2.1'],
  ['ext="";for=192.0.2.1', '192.0.2.1'],
  // the walk
  ['for=192.0.2.1, for=10.0.0.1', '192.0.2.1'],
  ['for=192.0.2.9,for=192.0.2.1,for="[fd00::1]"', '192.0.2.1'],
  [['for=192.0.2.9', 'for=192.0.2.1', 'for=10.0.0.1'], '192.0.2.1'],
  ['for=10.0.0.2;proto=https, for=10.0.0.1', '10.0.0.2'],
  // what stands left of the client is the client's own writing
  ['for=unknown, for=192.0.2.1', '192.0.2.1'],
  ['garbage, for=192.0.2.1, for=10.0.0.1', '192.0.2.1'],
  [['for="', 'for=192.0.2.1'], '192.0.2.1'],
  // unreadable before the first untrusted one
  ['', 'fault'],
  ['for', 'fault'],
  ['for=', 'fault'],
  ['for=""', 'fault'],
  ['192.0.2.1', 'fault'],
  ['for=unknown', 'fault'],
  ['for="unknown"', 'fault'],
  ['for=_hidden', 'fault'],
  ['for="_hidden:80"', 'fault'],
  ['by=192.0.2.1', 'fault'],
  ['proto=https', 'fault'],
  ['for=192.0.2.1, ', 'fault'],
  ['for=192.0.2.1, , for=10.0.0.1', 'fault'],
  ['for=192.0.2.1, proto=https', 'fault'],
  ['for=192.0.2.1;for=192.0.2.2', 'fault'],
  ['for=192.0.2.1;FOR=192.0.2.1', 'fault'],
  ['for=192.0.2.1:4711', 'fault'],
  ['for=[2001:db8::1]', 'fault'],
  ['for=2001:db8::1', 'fault'],
  ['for="2001:db8::1"', 'fault'],
  ['for="[192.0.2.1]"', 'fault'],
  ['for="192.0.2.1:70000"', 'fault'],
  ['for =192.0.2.1', 'fault'],
  ['for= 192.0.2.1', 'fault'],
  ['for="192.0.2.1', 'fault'],
  ['for="192.0.2.1\\"', 'fault'],
  ['for="192.0.2.1"x', 'fault'],
  ['for="192.0.2.1" "', 'fault'],
  ["for='192.0.2.1'", 'fault'],
  ['for=192.0.2.1 for=192.0.2.2', 'fault'],
  // a client's open quote, swallowed into one line by a hop that appends: nothing in that line can be told apart
  ['for=", for=192.0.2.1', 'fault'],
  ['for="x, for="[2001:db8::1]"', 'fault'],
  ['host=", for=192.0.2.9;host=", for=10.0.0.1', 'fault'],
]

test('Forwarded is walked from the right to the first address that is no trusted hop', () => {
  for (const [lines, client] of FORWARDED) assert.equal(walk('forwarded', [lines].flat()), client, JSON.stringify(lines))
})

test('a missing header is a fault, and the other header does not stand in for it', () => {
  assert.ok('fault' in walkHops([], 'x-forwarded-for', isTrusted))
  assert.ok('fault' in walkHops(['Forwarded', 'for=192.0.2.1'], 'x-forwarded-for', isTrusted))
  assert.ok('fault' in walkHops(['X-Forwarded-For', '192.0.2.1'], 'forwarded', isTrusted))
})

test('whatever a client writes before it, the address that its hop appends is the client', () => {
  const written = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('"', ',', ';', '\\', '=', ' ', 'for=', '10.0.0.1', '192.0.2.9', 'unknown', '[') }))
  fc.assert(
    fc.property(written, (text) => {
      assert.equal(walk('x-forwarded-for', [`${text}, 192.0.2.1, 10.0.0.1`]), '192.0.2.1')
      assert.equal(walk('forwarded', [text, 'for=192.0.2.1', 'for=10.0.0.1']), '192.0.2.1')
    }),
  )
})

test('in one line with what a client wrote, a hop that appends is heard or the request is refused, never another client', () => {
  const unit = fc.constantFrom('"', ',', ';', '\\', '=', ' ', 'for=', 'host=', '10.0.0.1', '192.0.2.9', '[2001:db8::9]')
  const appended = fc.constantFrom(['for=192.0.2.1', '192.0.2.1'], ['for="[2001:db8::1]"', '2001:db8::1'], ['by="[fd00::1]";for="192.0.2.1:80"', '192.0.2.1'])
  fc.assert(
    fc.property(fc.string({ unit }), appended, (text, [own = '', client = '']) => {
      assert.ok([client, 'fault'].includes(walk('forwarded', [`${text}, ${own}`])), text)
    }),
    { numRuns: 5_000 },
  )
})
