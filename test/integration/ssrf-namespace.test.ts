/** Addresses that are really there: in a network namespace the public one answers and passes, the internal ones answer and are refused. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { skipFor } from '../support/missed.ts'
import { namespaceMissing, runInNamespace } from '../support/namespace.ts'

const SCRIPT = fileURLToPath(new URL('../support/namespace-dial.ts', import.meta.url))

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
