/** Replacement in a body that is released piece by piece. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import type { Finding } from '../model/finding.ts'
import { escapeOfType, StreamSplicer } from './stream-splicer.ts'

const finding = (start: number, end: number, rule = 'dlp.token'): Finding => ({ rule, severity: 'high', kind: 'body', segment: '', views: [], start, end })

/** Releases the text in pieces; each finding is told when its last byte is known, and its bytes are held back until then. */
function splice(text: string, findings: readonly Finding[], cuts: readonly number[], type = 'text/plain'): string {
  const bytes = Buffer.from(text)
  const splicer = new StreamSplicer(escapeOfType(type) ?? 'none')
  let out = ''
  let offset = 0
  let known = 0
  for (const end of [...cuts.filter((cut) => cut < bytes.length), bytes.length].sort((a, b) => a - b)) {
    const told = findings.filter((one) => one.end > known && one.end <= end)
    known = end
    const unsafe = splicer.add(told, bytes.subarray(offset, known), offset)
    if (unsafe !== undefined) return unsafe.unsafe
    const open = findings.filter((one) => one.end > known).map(({ start }) => start)
    const released = splicer.release(bytes.subarray(offset, known), offset, Math.max(offset, Math.min(known, ...open)))
    out += released.bytes.toString()
    offset = released.next
  }
  return out
}

test('a span is replaced wherever the pieces are cut, the rest goes as it came', () => {
  const text = 'one SECRET two SECRET three'
  const findings = [finding(4, 10), finding(15, 21)]
  for (let cut = 0; cut <= text.length; cut++) {
    for (let other = cut; other <= text.length; other++) assert.equal(splice(text, findings, [cut, other]), 'one <pl:token:1> two <pl:token:1> three', `${cut} ${other}`)
  }
})

test('overlapping spans become one', () => {
  assert.equal(splice('xxABCDyy', [finding(2, 5), finding(4, 6)], []), 'xx<pl:token:1>yy')
})

test('whatever the cuts, the result is the same', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 20, maxLength: 60, unit: 'grapheme-ascii' }), fc.nat(9), fc.integer({ min: 1, max: 9 }), fc.array(fc.nat(60)), (text, start, length, cuts) => {
      const findings = [finding(start, start + length)]
      assert.equal(splice(text, findings, cuts), splice(text, findings, []))
    }),
  )
})

test('each type writes the placeholder its own way, and what is no text has none', () => {
  assert.equal(splice('<p>SECRET</p>', [finding(3, 9)], [], 'text/html'), '<p>&lt;pl:token:1&gt;</p>')
  assert.equal(splice('{"a":"SECRET"}', [finding(6, 12)], [], 'application/json'), '{"a":"<pl:token:1>"}')
  for (const type of ['image/png', 'application/octet-stream', '']) assert.equal(escapeOfType(type), undefined)
})

test('a number and a span over several texts end the stream', () => {
  assert.match(splice('{"a":4111}', [finding(5, 9)], [], 'application/json'), /no part of one text/)
  assert.match(splice('{"a":"SEC","b":"RET"}', [finding(6, 19)], [], 'application/json'), /no part of one text/)
})
