/** Replacement in every form of body, and what is refused. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createSpanFinder, CREDENTIAL_PRIORITY } from './find-spans.ts'
import { classOfRule, layoutBody, Placeholders, redactBody, type RedactionSpan } from './index.ts'

const SECRET = ['s3', 'cret', 'value'].join('-')

/** Spans of every occurrence of the words, in bytes. */
function spansOf(body: string, ...words: readonly string[]): RedactionSpan[] {
  const bytes = Buffer.from(body)
  return words.flatMap((word) => {
    const spans: RedactionSpan[] = []
    for (let at = bytes.indexOf(word); at >= 0; at = bytes.indexOf(word, at + 1)) spans.push({ className: 'token', start: at, end: at + Buffer.byteLength(word), priority: CREDENTIAL_PRIORITY })
    return spans
  })
}

/** @returns the new body, or `unsafe: …` */
function redact(body: string, type: string, spans: readonly RedactionSpan[] = spansOf(body, SECRET), encoding = ''): string {
  const bytes = Buffer.from(body)
  const redacted = redactBody(bytes, layoutBody(bytes, type, encoding), spans, new Placeholders())
  return 'unsafe' in redacted ? `unsafe: ${redacted.unsafe}` : redacted.bytes.toString()
}

test('a value is replaced in every form, in the spelling of that form, and nothing else changes', () => {
  const forms: [string, string, string][] = [
    ['application/json', `{ "a" :1.50, "k":"x ${SECRET}\\n", "z":[ ] }`, '{ "a" :1.50, "k":"x <pl:token:1>\\n", "z":[ ] }'],
    ['text/plain', `{"k":"${SECRET}"}`, '{"k":"<pl:token:1>"}'],
    ['application/x-ndjson', `{"k":"${SECRET}"}\n{"k":"y"}\n`, '{"k":"<pl:token:1>"}\n{"k":"y"}\n'],
    ['application/x-www-form-urlencoded', `a=1&k=${SECRET}&z=%20`, 'a=1&k=%3Cpl%3Atoken%3A1%3E&z=%20'],
    ['multipart/form-data; boundary="b"', `--b\r\nContent-Disposition: form-data; name="k"\r\n\r\n${SECRET}\r\n--b--\r\n`, '--b\r\nContent-Disposition: form-data; name="k"\r\n\r\n<pl:token:1>\r\n--b--\r\n'],
    ['application/xml', `<k a="1">${SECRET}</k>`, '<k a="1">&lt;pl:token:1&gt;</k>'],
    ['text/plain; charset=utf-8', `é ${SECRET} é`, 'é <pl:token:1> é'],
  ]
  for (const [type, body, expected] of forms) assert.equal(redact(body, type), expected, type)
})

test('the same value has the same number, another one the next, in document order', () => {
  const body = `{"a":"${SECRET}-2","b":"${SECRET}-1","c":"${SECRET}-2"}`
  assert.equal(redact(body, 'application/json', spansOf(body, `${SECRET}-1`, `${SECRET}-2`)), '{"a":"<pl:token:1>","b":"<pl:token:2>","c":"<pl:token:1>"}')
})

test('two spellings of one value are one value', () => {
  const body = '{"a":"s3\\u002dx","b":"s3-x"}'
  assert.equal(redact(body, 'application/json', spansOf(body, 's3\\u002dx', 's3-x')), '{"a":"<pl:token:1>","b":"<pl:token:1>"}')
})

test('no escape and no character is cut in two', () => {
  const cut = (body: string, type: string, from: number, to: number): string => redact(body, type, [{ className: 'token', start: from, end: to, priority: 1 }])
  const json = '["ab\\u0041cd\\\\ef"]'
  for (let at = 5; at < 10; at++) assert.equal(cut(json, 'application/json', at, at + 1), '["ab<pl:token:1>cd\\\\ef"]', String(at))
  assert.equal(cut(json, 'application/json', json.indexOf('\\\\') + 1, json.indexOf('ef')), '["ab\\u0041cd<pl:token:1>ef"]')
  assert.equal(cut('k=a%41b', 'application/x-www-form-urlencoded', 4, 5), 'k=a%3Cpl%3Atoken%3A1%3Eb')
  assert.equal(cut('aéb', 'text/plain', 2, 3), 'a<pl:token:1>b')
  assert.equal(cut('<p>a&#65;b</p>', 'text/html', 6, 7), '<p>a&lt;pl:token:1&gt;b</p>')
})

test('a span that names the field with its value takes the value only', () => {
  const body = `{"password":"${SECRET}"}`
  assert.equal(redact(body, 'application/json', [{ className: 'token', start: 1, end: body.length - 1, priority: 1 }]), '{"password":"<pl:token:1>"}')
})

test('spans that overlap become one, named by the higher priority', () => {
  const body = `x ${SECRET} y`
  const [span] = spansOf(body, SECRET)
  assert.ok(span !== undefined)
  const spans = [{ ...span, className: 'low', priority: 1, start: span.start - 2 }, { ...span, className: 'high', priority: 9 }]
  assert.equal(redact(body, 'text/plain', spans), '<pl:high:1> y')
})

test('where text cannot be replaced nothing is, and it is told without the text', () => {
  const unsafe: [string, string, string?][] = [
    ['application/json', `{"${SECRET}":1}`],
    ['application/json', `{"k":"${SECRET}"`],
    ['application/json', `{"k":"${SECRET}"}`, 'gzip'],
    ['application/octet-stream', SECRET],
    ['image/png', SECRET],
    ['', SECRET],
    ['application/x-www-form-urlencoded', `${SECRET}=1`],
    ['multipart/form-data; boundary=b', `--b\r\nContent-Disposition: form-data; filename="${SECRET}"\r\n\r\nx\r\n--b--`],
    ['multipart/form-data; boundary=b', `--b\r\nContent-Transfer-Encoding: base64\r\n\r\n${SECRET}\r\n--b--`],
    ['multipart/form-data', SECRET],
  ]
  for (const [type, body, encoding = ''] of unsafe) {
    const told = redact(body, type, spansOf(body, SECRET), encoding)
    assert.match(told, /^unsafe: /, `${type} ${body}`)
    assert.ok(!told.includes(SECRET))
  }
})

test('a number and a secret over several values are refused', () => {
  const number = '{"card":4111111111111111}'
  assert.match(redact(number, 'application/json', [{ className: 'credit-card', start: 8, end: 24, priority: 1 }]), /^unsafe: /)
  const split = '{"a":"s3cr","b":"et"}'
  assert.match(redact(split, 'application/json', [{ className: 'token', start: 6, end: 19, priority: 1 }]), /^unsafe: .*several values/)
})

test('a span of nothing is refused', () => {
  assert.match(redact('abc', 'text/plain', [{ className: 'token', start: 1, end: 1, priority: 1 }]), /^unsafe: /)
})

test('a body without a span passes untouched, whatever its form', () => {
  for (const type of ['application/json', 'image/png', '']) assert.equal(redact('{"broken', type, []), '{"broken')
})

test('personal classes and words of a dictionary are found in what the values say', () => {
  const body = '{"m":"write to a.b\\u0040acme.example from 10.1.2.3, ACME Corp, 12:30:15","mac":"00:1A:2b:3c:4d:5e","v6":"fe80::1%x","n":"macmex"}'
  const bytes = Buffer.from(body)
  const layout = layoutBody(bytes, 'application/json', '')
  assert.ok(!('unsafe' in layout))
  const finder = createSpanFinder(new Set(['email', 'ipv4', 'mac', 'ipv6']), [{ className: 'customer', entries: ['acme', 'acme corp'], isCaseSensitive: false, isWholeWord: true, priority: 50 }])
  const redacted = redactBody(bytes, layout, finder.find(bytes, layout), new Placeholders())
  assert.ok(!('unsafe' in redacted))
  assert.equal(redacted.bytes.toString(), '{"m":"write to <pl:customer:1> from <pl:ipv4:1>, <pl:customer:2>, 12:30:15","mac":"<pl:mac:1>","v6":"<pl:ipv6:1>%x","n":"macmex"}')
})

test('classes are named after rules, in the published form', () => {
  const names: [string, string][] = [['dlp.aws_access_key', 'aws-access-key'], ['dlp.private_key', 'ssh-private-key'], ['custom.Project X!', 'project-x'], ['dlp.', 'secret']]
  for (const [rule, name] of names) assert.equal(classOfRule(rule), name)
})

test('replacements are counted by class', () => {
  const placeholders = new Placeholders()
  assert.deepEqual([placeholders.next('a', 'x'), placeholders.next('a', 'x'), placeholders.next('b', 'x')], ['<pl:a:1>', '<pl:a:1>', '<pl:b:1>'])
  assert.deepEqual([[...placeholders.byClass], placeholders.total], [[['a', 2], ['b', 1]], 3])
})
