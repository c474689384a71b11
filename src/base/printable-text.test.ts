/** What may stand in a receipt or log: printable text stays, everything else becomes its bytes, percent-encoded. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { cutEncoded, sanitizeText } from './printable-text.ts'

test('printable text of any script stays as it is', () => {
  for (const text of ['', 'GET /v1?a=1&b=<2>', 'žluťoučký 漢字 \u{1f600}', '100%']) assert.equal(sanitizeText(text), text)
})

test('controls, separators, the replacement character and lone surrogates become their bytes', () => {
  assert.equal(sanitizeText('a\r\n\u007f\u0085\u2028\ufffd'), 'a%0D%0A%7F%C2%85%E2%80%A8%EF%BF%BD')
  assert.equal(sanitizeText('\ud800x\udfff'), '%ED%A0%80x%ED%BF%BF')
})

test('a cut never falls inside a character or inside an encoded byte', () => {
  assert.equal(sanitizeText('ab\u{1f600}', 5), 'ab')
  assert.equal(sanitizeText('ab\n', 4), 'ab')
  assert.equal(sanitizeText('ab\n', 5), 'ab%0A')
  assert.equal(sanitizeText('\u{1f600}\ufffd', 3), '')
  assert.equal(sanitizeText('x'.repeat(5000)).length, 2048)
  assert.equal(cutEncoded('ab%0', 4), 'ab%0')
})
