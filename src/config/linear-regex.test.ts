/** Which patterns are taken, and how long those that are may take. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkLinearRegex } from './linear-regex.ts'

const TAKEN = [
  'abc', 'tok_[a-z0-9]{32}', '(?i)bearer\\s+[a-z]+', 'sk\\-ant\\-[a-zA-Z0-9\\-_]{10,}', '(?:foo|bar)+x', '(ab|cd){2,9}', '(?:ey[a-z]{10,}\\.){2}[a-z]{10,}', '(?:AKIA|ASIA)[A-Z2-7]{16}',
  '\\b\\d{4}(?:[- ]?\\d){11,15}\\b', '[^\\]a]+x', 'a{2,}?b', '(?i:dan)x', 'a.c', '^abc$', 'x{', 'a|b', '[sr]k_(live|test)_[a-zA-Z0-9]{20,}', '\\x41b',
]

const REFUSED: readonly (readonly [string, string])[] = [
  ['', 'a pattern that is not empty'],
  ['a'.repeat(1_001), 'a pattern of at most 1000 characters'],
  ['(a+)+b', 'a pattern without a repeat inside a repeat'],
  ['((?:a{2,})x?)*b', 'a pattern without a repeat inside a repeat'],
  ['(a*){30}b', 'a pattern without a repeat inside a repeat'],
  ['(?:[a-z]+\\s?){9}', 'a pattern without a repeat inside a repeat'],
  ['(a|a)*b', 'a pattern whose repeated alternatives begin with different characters'],
  ['(a|ab|b)+c', 'a pattern whose repeated alternatives begin with different characters'],
  ['(?:a?b|b)+c', 'a pattern whose repeated alternatives begin with different characters'],
  ['(\\w|a){1,50}c', 'a pattern whose repeated alternatives begin with different characters'],
  ['(?:a|)+c', 'a pattern whose repeated alternatives begin with different characters'],
  ['((a|a))*c', 'a pattern whose repeated alternatives begin with different characters'],
  ['a{1,1001}', 'a repeat of at most 1000'],
  ['(a)\\1', 'a pattern without back-references'],
  ['(?<n>a)\\k<n>', 'a pattern without named groups and flags inside it'],
  ['a(?=b)', 'a pattern without look-around'],
  ['a(?!b)', 'a pattern without look-around'],
  ['(?<=a)b', 'a pattern without look-around'],
  ['(?<!a)b', 'a pattern without look-around'],
  ['(?P<n>a)', 'a pattern without named groups and flags inside it'],
  ['a(?i)b', 'a pattern without named groups and flags inside it'],
  ['\\Aabc', 'a pattern without \\A'],
  ['\\pL', 'a pattern without \\p'],
  ['\\x{41}', 'a pattern without \\x{…}'],
  ['[[:alpha:]]+', 'a pattern without POSIX classes'],
  ['[a', 'a regular expression in RE2 syntax'],
  ['a(b', 'a regular expression in RE2 syntax'],
  ['a)b', 'a regular expression in RE2 syntax'],
  ['*a', 'a regular expression in RE2 syntax'],
  ['a**', 'a regular expression in RE2 syntax'],
  ['a{2}{3}', 'a regular expression in RE2 syntax'],
  ['a\\', 'a regular expression in RE2 syntax'],
  ['[z-a]', 'a regular expression in RE2 syntax'],
  ['a*', 'a pattern that does not match the empty text'],
  ['(?i)', 'a pattern that does not match the empty text'],
  ['a|', 'a pattern that does not match the empty text'],
]

for (const pattern of TAKEN) {
  test(`${pattern} is taken`, () => {
    assert.equal(checkLinearRegex(pattern), undefined)
  })
}

for (const [pattern, objection] of REFUSED) {
  test(`${pattern.slice(0, 40)} is refused: ${objection}`, () => {
    assert.equal(checkLinearRegex(pattern), objection)
  })
}

test('a pattern that is taken does not blow up on its own prefix repeated', () => {
  const texts = ['a', 'ab', '0', ' ', 'foo', 'ey', 'x'].map((part) => `${part.repeat(2_000)}!`)
  const begun = performance.now()
  for (const pattern of TAKEN) for (const text of texts) new RegExp(pattern.replace(/^\(\?i\)/, '')).test(text)
  assert.ok(performance.now() - begun < 5_000)
})
