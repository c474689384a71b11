/** What makes a host known to a profile, and that the memory of it is bounded. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseNetwork, isNetworkFault } from '../base/network.ts'
import type { Profile } from '../model/policy.ts'
import { HostMemory } from './host-memory.ts'

const loopback = parseNetwork('127.0.0.0/8')
if (isNetworkFault(loopback)) throw new TypeError('the network of this test')
const profile = (name: string): Profile =>
  ({ name, apiAllowlist: ['api.example'], trustedDomains: ['*.inside.example'], ssrfIpAllowlist: [loopback] }) as unknown as Profile

test('a host is new until an exchange of the same profile has ended well', () => {
  const memory = new HostMemory()
  const [a, b] = [profile('a'), profile('b')]
  assert.equal(memory.standingOf(a, 'x.example', 443), 'new')
  memory.note('a', 'x.example')
  assert.equal(memory.standingOf(a, 'x.example', 443), 'seen')
  assert.equal(memory.standingOf(b, 'x.example', 443), 'new')
})

test('what the profile lists is known from the start: allow list, trusted names, opened networks', () => {
  const memory = new HostMemory()
  for (const host of ['api.example', 'db.inside.example', '127.0.0.1']) assert.equal(memory.standingOf(profile('a'), host, 80), 'listed', host)
  assert.equal(memory.standingOf(profile('a'), '128.0.0.1', 80), 'new')
})

test('a profile remembers a bounded number of hosts', () => {
  const memory = new HostMemory()
  for (let host = 0; host < 5000; host++) memory.note('a', `h${host}.example`)
  assert.equal(memory.standingOf(profile('a'), 'h0.example', 80), 'new')
  assert.equal(memory.standingOf(profile('a'), 'h4999.example', 80), 'seen')
})
