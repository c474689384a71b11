/** The strict JSON reader: what it takes, and every spelling that two readers could understand differently refused. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseJson, tryParseJson } from './strict-json.ts'

function refuses(text: string, message: RegExp): void {
  assert.throws(() => parseJson(text), { name: 'ShapeError', code: 'invalid_json', message }, text)
  assert.equal(tryParseJson(text), undefined)
}

test('every kind of value is read, with its place in the text', () => {
  const text = ' {"a":[1.50e+3,true,null,false,"x\\n\\u0041\\ud83d\\ude00"],"":{}} '
  const value = parseJson(text)
  assert.ok(value.kind === 'object')
  const list = value.members.get('a')
  assert.ok(list?.kind === 'array')
  assert.deepEqual(list.items.map((item) => ('value' in item ? item.value : item.kind)), ['1.50e+3', 'true', 'null', 'false', 'x\nA\u{1f600}'])
  assert.equal(text.slice(list.start, list.end), '[1.50e+3,true,null,false,"x\\n\\u0041\\ud83d\\ude00"]')
  assert.deepEqual([value.start, value.end], [1, text.length - 1])
})

test('keys are data: __proto__ is one like others', () => {
  const value = parseJson('{"__proto__":1,"constructor":2}')
  assert.ok(value.kind === 'object')
  assert.deepEqual([...value.members.keys()], ['__proto__', 'constructor'])
})

test('duplicate keys are refused, however they are spelled', () => {
  refuses('{"a":1,"a":1}', /duplicate/)
  refuses('{"a":1,"\\u0061":1}', /duplicate/)
})

test('lone surrogates are refused, raw and escaped', () => {
  refuses('"\ud800"', /surrogate/)
  refuses('"\\ud800"', /surrogate/)
  refuses('"\\ude00\\ud83d"', /surrogate/)
})

test('nesting is taken up to 128', () => {
  assert.ok(parseJson('['.repeat(128) + ']'.repeat(128)))
  refuses('['.repeat(129) + ']'.repeat(129), /nesting/)
  refuses('{"a":'.repeat(1_000_000), /nesting/)
})

test('what RFC 8259 does not have is refused', () => {
  for (const text of ['', ' ', '{', '[', '"', '{"a"}', '{"a":}', '{a:1}', '{"a":1,}', '[1,]', '[1 2]', '01', '.5', '1.', '+1', '-', 'NaN', 'True', "'a'", '"\t"', '"\\x"', '"\\u12"', '1 1', '\ufeff1', '/**/1']) {
    refuses(text, /./)
  }
})

test('a message tells the place and never the text', () => {
  refuses('{"secret":tok}', /^expected a value at character 10$/)
})
