/** Host patterns: what parses, what matches, and that the compiled list agrees with the plain one. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { compileHostList, HostPatternError, isHostPatternFault, matchesHost, parseHostPattern, type HostPattern } from './host-pattern.ts'

function pattern(text: string): HostPattern {
  const parsed = parseHostPattern(text)
  assert.ok(!isHostPatternFault(parsed), text)
  return parsed
}

test('an exact pattern matches its name alone, in any case of the pattern', () => {
  assert.ok(matchesHost(pattern('API.Example.com'), 'api.example.com', 443))
  assert.ok(!matchesHost(pattern('api.example.com'), 'x.api.example.com', 443))
  assert.ok(!matchesHost(pattern('api.example.com'), 'notapi.example.com', 443))
})

test('a suffix pattern matches any depth below the name, not the name itself', () => {
  const below = pattern('*.example.com')
  assert.ok(matchesHost(below, 'a.example.com', 80))
  assert.ok(matchesHost(below, 'a.b.c.example.com', 80))
  assert.ok(!matchesHost(below, 'example.com', 80))
  assert.ok(!matchesHost(below, 'badexample.com', 80))
  assert.ok(!matchesHost(below, '.example.com', 80))
})

test('a port in the pattern must be the port of the target', () => {
  assert.ok(matchesHost(pattern('example.com:8443'), 'example.com', 8443))
  assert.ok(!matchesHost(pattern('example.com:8443'), 'example.com', 443))
  assert.ok(matchesHost(pattern('*.example.com:8443'), 'a.example.com', 8443))
  assert.ok(matchesHost(pattern('[2001:db8::1]:443'), '2001:db8::1', 443))
  assert.ok(!matchesHost(pattern('[2001:db8::1]:443'), '2001:db8::1', 80))
})

test('one trailing dot on either side changes nothing', () => {
  assert.ok(matchesHost(pattern('example.com.'), 'example.com', 80))
  assert.ok(matchesHost(pattern('example.com'), 'example.com.', 80))
  assert.equal(compileHostList(['*.example.com']).matches('a.example.com.', 80), '*.example.com')
})

test('an internationalised name is compared in its ASCII form', () => {
  assert.ok(matchesHost(pattern('Bücher.example'), 'xn--bcher-kva.example', 443))
  assert.equal(pattern('*.bücher.example').host, 'xn--bcher-kva.example')
})

test('an address is compared as an address, mapped forms included', () => {
  assert.ok(matchesHost(pattern('2001:DB8:0:0::1'), '2001:db8::1', 443))
  assert.ok(matchesHost(pattern('10.0.0.1'), '::ffff:a00:1', 443))
  assert.ok(matchesHost(pattern('::ffff:10.0.0.1'), '10.0.0.1', 443))
  assert.ok(!matchesHost(pattern('10.0.0.1'), '10.0.0.10', 443))
})

for (const text of ['', '*', '*.', '**.example.com', 'a.*.com', 'http://example.com', 'example.com/x', 'u@example.com', 'ex ample.com', 'a..b', '127.1', '0x7f000001', '*.10.0.0.1',
  '*.1', 'example.com:', 'example.com:0', 'example.com:65536', 'example.com:http', '%65xample.com', '[::1', '[::1]443', 'exa\\mple.com', '.example.com', `${'a'.repeat(64)}.com`, '[example.com]']) {
  test(`${JSON.stringify(text)} is not a pattern`, () => {
    const parsed = parseHostPattern(text)
    assert.ok(isHostPatternFault(parsed))
    assert.notEqual(parsed.expected, '')
  })
}

test('the compiled list names the pattern that matched, an exact one first', () => {
  const list = compileHostList(['*.example.com', 'a.example.com', 'b.test:8080', '*.b.test'])
  assert.equal(list.matches('a.example.com', 1), 'a.example.com')
  assert.equal(list.matches('z.example.com', 1), '*.example.com')
  assert.equal(list.matches('b.test', 8080), 'b.test:8080')
  assert.equal(list.matches('b.test', 80), undefined)
  assert.equal(list.matches('example.com', 1), undefined)
})

test('patterns of one host for several ports stand side by side', () => {
  const list = compileHostList(['h.test:1', 'h.test:2'])
  assert.deepEqual([list.matches('h.test', 1), list.matches('h.test', 2), list.matches('h.test', 3)], ['h.test:1', 'h.test:2', undefined])
})

test('a list with a text that is no pattern does not compile', () => {
  assert.throws(() => compileHostList(['example.com', '*']), HostPatternError)
})

test('a name of very many labels is answered at once', () => {
  const list = compileHostList(['*.blocked.test'])
  const name = `${'a.'.repeat(100_000)}blocked.test`
  assert.equal(list.matches(name, 80), '*.blocked.test')
  const startedAt = performance.now()
  for (let i = 0; i < 100; i++) list.matches(`${name}.not`, 80)
  assert.ok(performance.now() - startedAt < 1000)
})

test('the compiled list and the plain patterns agree', () => {
  const name = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'))
  const text = fc.tuple(fc.boolean(), name, fc.option(fc.constantFrom(80, 443))).map(([below, host, port]) => `${below ? '*.' : ''}${host}${port === null ? '' : `:${port}`}`)
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), name, fc.constantFrom(80, 443, 8080), (texts, host, port) => {
      const plain = texts.some((each) => matchesHost(pattern(each), host, port))
      assert.equal(compileHostList(texts).matches(host, port) !== undefined, plain)
    }),
  )
})

test('no text crashes the parser', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => typeof parseHostPattern(text) === 'object'))
})
