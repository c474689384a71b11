/** Own addresses are no destination, by address and by name; everything beside them is. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseIpAddress } from '../base/ip-address.ts'
import { createProtectedTargets, type Endpoint } from './protected-targets.ts'

const LOCAL = { addresses: () => ['127.0.0.1', '192.0.2.7', '::1', 'fe80::1', '2001:db8::7'], names: ['Box.Example'] }

function guarding(...endpoints: Endpoint[]) {
  const targets = createProtectedTargets(LOCAL)
  targets.protect(endpoints)
  return {
    address: (text: string, port: number): boolean => {
      const address = parseIpAddress(text)
      assert.ok(address !== undefined, text)
      return targets.isProtected(address, port)
    },
    name: (host: string, port: number) => targets.isProtectedName(host, port),
    targets,
  }
}

test('a listener protects its own address and port, and no other', () => {
  const { address } = guarding({ host: '127.0.0.1', port: 8888 })
  assert.ok(address('127.0.0.1', 8888))
  assert.ok(address('::ffff:127.0.0.1', 8888))
  assert.ok(!address('127.0.0.1', 8887))
  assert.ok(!address('192.0.2.7', 8888))
})

test('the unspecified address reaches a local listener, so it is protected with it', () => {
  const { address } = guarding({ host: '127.0.0.1', port: 8888 }, { host: '198.51.100.9', port: 9000 })
  assert.ok(address('0.0.0.0', 8888))
  assert.ok(address('::', 8888))
  assert.ok(address('198.51.100.9', 9000))
  assert.ok(!address('0.0.0.0', 9000))
})

for (const host of ['0.0.0.0', '::', '']) {
  test(`a listener on ${JSON.stringify(host)} protects every address of this machine`, () => {
    const { address } = guarding({ host, port: 8888 })
    for (const own of ['127.0.0.1', '127.9.9.9', '::1', '192.0.2.7', '::ffff:192.0.2.7', 'fe80::1%eth0', '2001:db8::7', '0.0.0.0', '::']) assert.ok(address(own, 8888), own)
    assert.ok(!address('192.0.2.8', 8888))
    assert.ok(!address('192.0.2.7', 443))
  })
}

test('an interface that comes later is protected too', () => {
  const addresses: string[] = []
  const targets = createProtectedTargets({ addresses: () => addresses, names: [] })
  targets.protect([{ host: '0.0.0.0', port: 8888 }])
  const late = parseIpAddress('10.1.2.3')
  assert.ok(late !== undefined && !targets.isProtected(late, 8888))
  addresses.push('10.1.2.3')
  assert.ok(targets.isProtected(late, 8888))
})

test('names of this machine are protected at our ports, before any resolution', () => {
  const { name } = guarding({ host: '127.0.0.1', port: 8888 }, { host: 'app.internal', port: 8080 })
  for (const own of ['localhost', 'LOCALHOST.', 'a.localhost', 'box.example', '127.0.0.1', '0.0.0.0']) assert.ok(name(own, 8888), own)
  assert.ok(name('app.internal', 8080))
  assert.ok(name('app.internal.', 8080))
  assert.ok(!name('app.internal', 8081))
  assert.ok(!name('localhost', 443))
  assert.ok(!name('notlocalhost', 8888))
  assert.ok(!name('example.com', 8888))
})

test('a listener named localhost protects both loopback addresses', () => {
  const { address } = guarding({ host: 'localhost', port: 8888 })
  assert.ok(address('127.0.0.1', 8888))
  assert.ok(address('::1', 8888))
})

test('protecting anew replaces the set', () => {
  const { targets, address } = guarding({ host: '127.0.0.1', port: 8888 })
  targets.protect([{ host: '127.0.0.1', port: 9999 }])
  assert.ok(!address('127.0.0.1', 8888))
  assert.ok(address('127.0.0.1', 9999))
})
