/** What is held back until a view that begins later is decided: nothing of a finding has been released before it is told. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Finding } from '../model/finding.ts'
import type { Segment } from './layer.ts'
import { openScan } from './open-scan.ts'

const BODY: Segment = { kind: 'body', name: '' }
const KEY = ['AKIA', 'Q7ZK4MPTW2XR5NBD'].join('')
const separated = (by: string): string => Array.from(KEY).join(by)

/** @returns the findings with how much had been released before each was told, byte by byte */
function released(text: string): { finding: Finding; before: number }[] {
  const scan = openScan({ direction: 'request', dlp: { includeDefaults: true, patterns: [], responseAction: 'block' }, host: 'elsewhere.test', scheme: 'http' })
  const bytes = Buffer.from(text)
  const told: { finding: Finding; before: number }[] = []
  let before = 0
  for (let at = 0; at < bytes.length; at++) {
    for (const finding of scan.write(BODY, bytes.subarray(at, at + 1))) told.push({ finding, before })
    before = Math.max(before, at + 1 - scan.heldBack)
  }
  for (const finding of scan.end()) told.push({ finding, before })
  return told
}

const TEXTS: readonly (readonly [string, string])[] = [
  ['taken apart, with blanks behind it', `${separated('.')}${' '.repeat(40)}end`],
  ['taken apart, with a long word behind it', `${separated(' ')} ${'w'.repeat(40)}`],
  ['bytes in hexadecimal with colons, with line breaks behind them', `${Buffer.from(KEY).toString('hex').replace(/..(?=.)/g, '$&:')}${'\r\n'.repeat(20)}`],
  ['with a soft hyphen inside', `${KEY.slice(0, 8)}\u00ad${KEY.slice(8)} and more`],
  ['with an escape behind plain letters', `${KEY.slice(0, 12)}%${Buffer.from(KEY.slice(12)).toString('hex').replace(/..(?=.)/g, '$&%')} and more`],
  ['with an escape in an escape', `${KEY.slice(0, 12)}%25${Buffer.from(KEY.slice(12)).toString('hex').replace(/..(?=.)/g, '$&%25')} and more`],
]

for (const [what, text] of TEXTS) {
  test(`a credential ${what} is told before its first byte is released`, () => {
    const told = released(text)
    assert.ok(told.length > 0)
    for (const { finding, before } of told) assert.ok(finding.start >= before, `${finding.rule} at ${finding.start} after ${before} were released`)
  })
}

test('a text without an end to its blanks is released all the same', () => {
  const scan = openScan({ direction: 'request', dlp: { includeDefaults: true, patterns: [], responseAction: 'block' }, host: 'elsewhere.test', scheme: 'http' })
  scan.write(BODY, Buffer.from(`a b c${' '.repeat(64)}`))
  assert.equal(scan.heldBack, 0)
})
