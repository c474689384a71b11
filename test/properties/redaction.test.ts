/** Redaction of any body: only the spans change, the form stays, the same value has the same placeholder. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { layoutBody, Placeholders, redactBody, type RedactionSpan } from '../../src/redact/index.ts'

const TYPES = ['application/json', 'text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=b', 'image/png']
const NAMES = ['aws-access-key', 'jwt', 'email']

const anyBody = fc.oneof(fc.json(), fc.string({ unit: 'binary', maxLength: 200 }), fc.webQueryParameters(), fc.array(fc.constantFrom('"', '\\', '\\u0041', '%41', '%', '&', '=', 'é', '&#65;', '--b\r\n', '\r\n\r\n', 'a', '{', '}', ':', ','), { maxLength: 60 }).map((parts) => parts.join('')))
const anySpans = fc.array(fc.record({ at: fc.nat(220), length: fc.integer({ min: 1, max: 30 }), name: fc.constantFrom(...NAMES) }), { maxLength: 8 })

function spansIn(length: number, drawn: readonly { at: number; length: number; name: string }[]): RedactionSpan[] {
  return drawn.filter(({ at }) => at < length).map(({ at, length: size, name }) => ({ className: name, start: at, end: Math.min(length, at + size), priority: 100 }))
}

test('redaction changes nothing but the spliced spans, covers every span, and leaves JSON JSON', () => {
  fc.assert(
    fc.property(anyBody, fc.constantFrom(...TYPES), anySpans, (body, type, drawn) => {
      const bytes = Buffer.from(body)
      const spans = spansIn(bytes.length, drawn)
      const layout = layoutBody(bytes, type, '')
      const redacted = redactBody(bytes, layout, spans, new Placeholders())
      if ('unsafe' in redacted) return
      let rebuilt = ''
      let at = 0
      for (const { start, end, text } of redacted.edits) {
        assert.ok(at <= start && start < end)
        rebuilt += bytes.toString('latin1', at, start) + text.toString('latin1')
        at = end
      }
      assert.equal(redacted.bytes.toString('latin1'), rebuilt + bytes.toString('latin1', at))
      for (const span of spans) assert.ok(redacted.edits.some(({ start, end }) => start < span.end && end > span.start), 'a span was left')
      if (isJson(body) && (type === 'application/json' || /^\s*[[{]/.test(body))) assert.ok(isJson(redacted.bytes.toString()), redacted.bytes.toString())
    }),
    { numRuns: 5000 },
  )
})

test('redaction is the same every time', () => {
  fc.assert(
    fc.property(fc.json(), anySpans, (body, drawn) => {
      const bytes = Buffer.from(body)
      const spans = spansIn(bytes.length, drawn)
      const once = (order: readonly RedactionSpan[]) => redactBody(bytes, layoutBody(bytes, 'application/json', ''), order, new Placeholders())
      assert.deepEqual(once(spans), once(spans))
    }),
  )
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
