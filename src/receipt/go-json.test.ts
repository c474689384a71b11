/** JSON as Go writes it: escapes, compacting, member order, and which empty members stand. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { always, compactGo, encodeStruct, nested, nestedList, optional, quoteGo } from './go-json.ts'

test('text is escaped as Go escapes it', () => {
  assert.equal(quoteGo('a<b>&\u2028\u2029'), '"a\\u003cb\\u003e\\u0026\\u2028\\u2029"')
  assert.equal(quoteGo('"\\\b\f\n\r\t\u0001\u001f'), '"\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f"')
  assert.equal(quoteGo('/\'\u007f\u0085é漢\u{1f600}'), '"/\'\u007f\u0085é漢\u{1f600}"')
})

test('a lone surrogate becomes a raw U+FFFD, and text that looks like one does not', () => {
  assert.equal(quoteGo('\ud800x'), '"\ufffdx"')
  assert.equal(quoteGo('\\ud800&'), '"\\\\ud800\\u0026"')
})

test('compacting drops white space outside strings and keeps order, numbers and escapes', () => {
  assert.equal(compactGo('{ "b" : 1.0 ,\n\t"a":[ "x  <", "\\" \\u0041" ] }'), '{"b":1.0,"a":["x  \\u003c","\\" \\u0041"]}')
})

test('members are written in their order; empty ones only where they always stand', () => {
  const members = [
    ...always('text', 'a'), ...optional('text', 'b'), ...always('texts', 'c'), ...optional('texts', 'd'), ...optional('flag', 'e'), ...always('uint64', 'f'),
    ...optional('uint64', 'g'), ...optional('counts', 'h'), nested('i', optional('text', 'x')), nestedList('j', always('text', 'y')),
  ]
  assert.equal(encodeStruct(members, {}), '{"a":"","c":null,"f":0}')
  assert.equal(encodeStruct(members, { a: '', b: '', c: [], d: [], e: false, f: 0n, g: 0n, h: new Map(), i: {}, j: [] }), '{"a":"","c":[],"f":0,"i":{}}')
  const full = { a: 'a', b: 'b', c: ['c'], d: ['d'], e: true, f: 2n ** 64n - 1n, g: 1, h: new Map([['n', 1]]), i: { x: 'x' }, j: [{ y: 'y' }, {}] }
  assert.equal(
    encodeStruct(members, full),
    '{"a":"a","b":"b","c":["c"],"d":["d"],"e":true,"f":18446744073709551615,"g":1,"h":{"n":1},"i":{"x":"x"},"j":[{"y":"y"},{"y":""}]}',
  )
})

test('the keys of a map stand in order of their UTF-8 bytes', () => {
  const members = optional('counts', 'm')
  assert.equal(encodeStruct(members, { m: new Map([['\u{1f600}', 1], ['\uffff', 2], ['a', 3]]) }), '{"m":{"a":3,"\uffff":2,"\u{1f600}":1}}')
})
