/** The string values of a JSON text, against JSON.parse. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { layoutJson } from './json-layout.ts'

function valuesOf(text: string): string[] | undefined {
  const bytes = Buffer.from(text)
  return layoutJson(bytes)?.map(({ start, end }) => JSON.parse(`"${bytes.toString('utf8', start, end)}"`) as string)
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : []
}

test('the slots of any JSON text are its string values in order', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(undefined, 2, '\t'), (text, space) => {
      const value: unknown = JSON.parse(text)
      assert.deepEqual(valuesOf(JSON.stringify(value, undefined, space)), stringsIn(value))
    }),
    { numRuns: 500 },
  )
})

test('what JSON.parse refuses has no layout, unless it is several texts', () => {
  const broken = ['', ' ', '{', '}', '{"a"}', '{"a":}', '{"a":1,}', '[1,]', '[1 2]', '{a:1}', "{'a':1}", '"a\nb"', '"a', '01', '1.', 'nul', '[1}', '{"a":1]', '{"a" "b"}', ',', '[,1]', ':', '{"a":1:2}', 'truefalse', '{1:2}', '-', '+1', '{"a":"b" "c"}']
  for (const text of broken) {
    assert.throws(() => { JSON.parse(text) }, text)
    assert.equal(valuesOf(text), undefined, text)
  }
  assert.deepEqual(valuesOf('{"a":"x"}\n["y"]\n"z"'), ['x', 'y', 'z'])
})

test('duplicate keys and any depth are seen', () => {
  assert.deepEqual(valuesOf('{"k":"a","k":"b"}'), ['a', 'b'])
  const depth = 100_000
  assert.deepEqual(valuesOf(`${'['.repeat(depth)}"x"${']'.repeat(depth)}`), ['x'])
})
