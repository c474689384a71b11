/** The written-out line of an exchange against the general form. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import type { ExchangeEvent } from '../model/audit-event.ts'
import { exchangeLine, wireForm } from './audit-line.ts'

const text = fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom('"', '\\', '\u0000', '\u2028', '\ud800', 'é', 'x'.repeat(3000), '_default'))
const amount = fc.nat()

const event: fc.Arbitrary<ExchangeEvent> = fc
  .record({
    agent: text,
    rule: text,
    actionId: text,
    method: text,
    target: text,
    policyHash: text,
    detail: fc.option(text, { nil: undefined }),
    reason: fc.option(fc.constantFrom('dlp_secret' as const, 'client_aborted' as const), { nil: undefined }),
    warnings: fc.option(fc.array(text, { maxLength: 40 }), { nil: undefined }),
    verdict: fc.constantFrom('allow' as const, 'warn' as const, 'block' as const),
    status: amount,
    bytesUp: amount,
    bytesDown: amount,
    durationMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  })
  .map(({ detail, reason, warnings, ...rest }) => ({
    event: 'exchange',
    grade: 'bound',
    source: 'listener',
    surface: 'forward',
    ...rest,
    ...(detail !== undefined && { detail }),
    ...(reason !== undefined && { reason }),
    ...(warnings !== undefined && { warnings }),
  }))

test('the line of an exchange holds what the general form holds, whatever a caller sent', () => {
  fc.assert(
    fc.property(event, (one) => {
      const line = exchangeLine(one, 'info', 'T')
      assert.ok(line.endsWith('}\n') && line.indexOf('\n') === line.length - 1, 'one line')
      const plain: unknown = JSON.parse(JSON.stringify({ level: 'info', time: 'T', ...wireForm(one) }))
      assert.deepEqual(JSON.parse(line), plain)
    }),
    { numRuns: 2000 },
  )
})
