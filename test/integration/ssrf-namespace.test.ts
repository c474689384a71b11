/** Addresses that are really there: in a network namespace the public one answers and passes, the internal ones answer and are refused. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { skipFor } from '../support/missed.ts'
import { namespaceMissing, runInNamespace } from '../support/namespace.ts'

const SCRIPT = fileURLToPath(new URL('../support/namespace-dial.ts', import.meta.url))

const COMPANION = fileURLToPath(new URL('../support/namespace-companion.ts', import.meta.url))

const VERDICTS: Readonly<Record<string, string>> = {
  '93.184.216.34': 'allowed',
  '2606:2800:220:1::1': 'allowed',
  '10.1.2.3': 'ssrf_address',
  '169.254.169.254': 'ssrf_address',
  '168.63.129.16': 'ssrf_address',
  'fd00:ec2::254': 'ssrf_address',
}

test('what a plain connection reaches, the resolver allows only where it is public', async (t) => {
  const missing = namespaceMissing()
  if (missing !== undefined) {
    skipFor(t, missing)
    return
  }
  const addresses = Object.keys(VERDICTS)
  const { stdout, stderr, code } = await runInNamespace({ addresses, script: SCRIPT, args: addresses })
  assert.equal(code, 0, stderr)
  const lines = stdout.trim().split('\n').map((line): unknown => JSON.parse(line))
  assert.deepEqual(lines, Object.entries(VERDICTS).map(([address, verdict]) => ({ address, greeting: 'reached', verdict })))
})

/** Host as an agent writes it, and the public address that it is: among them the neighbours of every special range. */
const PUBLIC: Readonly<Record<string, string>> = {
  '93.184.216.34': '93.184.216.34',
  '93.184.55330': '93.184.216.34',
  '0x5db8d822': '93.184.216.34',
  '1572395042': '93.184.216.34',
  '0135.0270.0330.042': '93.184.216.34',
  '8.8.8.8': '8.8.8.8',
  '8.8.2056': '8.8.8.8',
  '[::ffff:8.8.8.8]': '8.8.8.8',
  '8.8.8.8.': '8.8.8.8',
  '1.1.1.1': '1.1.1.1',
  '1.1': '1.0.0.1',
  '9.255.255.255': '9.255.255.255',
  '11.0.0.1': '11.0.0.1',
  '100.63.255.255': '100.63.255.255',
  '100.128.0.1': '100.128.0.1',
  '126.255.255.254': '126.255.255.254',
  '128.0.0.1': '128.0.0.1',
  '169.253.255.255': '169.253.255.255',
  '169.255.0.1': '169.255.0.1',
  '172.15.255.255': '172.15.255.255',
  '172.32.0.1': '172.32.0.1',
  '192.167.255.255': '192.167.255.255',
  '192.169.0.1': '192.169.0.1',
  '198.17.255.255': '198.17.255.255',
  '198.20.0.1': '198.20.0.1',
  '203.0.114.1': '203.0.114.1',
  '223.255.255.254': '223.255.255.254',
  '[2606:2800:220:1::1]': '2606:2800:220:1::1',
  '[2606:2800:0220:0001:0:0:0:0001]': '2606:2800:220:1::1',
  '[2001:4860:4860::8888]': '2001:4860:4860::8888',
  '[2A00:1450:4001:0::200E]': '2a00:1450:4001::200e',
  '[2400:cb00:2048::1]': '2400:cb00:2048::1',
}

/** Owned by the namespace as well, so that only the check keeps them from being reached. */
const INTERNAL = ['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.0.1', '100.64.0.1', '169.254.169.254', '168.63.129.16', '192.0.2.1', '198.18.0.1', 'fd00:ec2::254', '::1']

const urlHost = (address: string): string => (address.includes(':') ? `[${address}]` : address)

test('every public address is reached through the companion, however it is written, and no internal one', async (t) => {
  const missing = namespaceMissing()
  if (missing !== undefined) {
    skipFor(t, missing)
    return
  }
  const owned = [...new Set([...Object.values(PUBLIC), ...INTERNAL.filter((address) => address !== '127.0.0.1' && address !== '::1')])]
  const asked = [...Object.keys(PUBLIC), ...INTERNAL.map(urlHost)]
  const { stdout, stderr, code } = await runInNamespace({ addresses: owned, script: COMPANION, args: asked })
  assert.equal(code, 0, stderr)
  const lines = stdout.trim().split('\n').map((line): unknown => JSON.parse(line))
  assert.deepEqual(lines, [
    ...Object.entries(PUBLIC).map(([host, address]) => ({ host, told: '200', reached: address })),
    ...INTERNAL.map((address) => ({ host: urlHost(address), told: 'ssrf_address', reached: '' })),
  ])
})
