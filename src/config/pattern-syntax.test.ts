/** Which patterns are taken, and that those that would be slow elsewhere are not slow here. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPattern } from './pattern-syntax.ts'

const TAKEN = [
  'abc', 'tok_[a-z0-9]{32}', '(?i)bearer\\s+[a-z]+', 'sk\\-ant\\-[a-zA-Z0-9\\-_]{10,}', '(?:foo|bar)+x', '(?:ey[a-z]{10,}\\.){2}[a-z]{10,}', '\\b\\d{4}(?:[- ]?\\d){11,15}\\b', '(?i:dan)x', '^abc$',
  '(?P<n>a)', 'a(?i)b', '\\Aabc', '\\pL+x', '\\x{41}', '[[:alpha:]]+', '(a+)+b', '(a|ab|b)+c',
]
const SYNTAX = 'a regular expression in RE2 syntax (no look-around, no back-references, repeats of at most 1000)'
const REFUSED: readonly (readonly [string, string])[] = [
  ['', 'a pattern that is not empty'],
  ['a'.repeat(1_001), 'a pattern of at most 1000 characters'],
  ...['a{1,1001}', '(a)\\1', 'a(?=b)', 'a(?!b)', '(?<=a)b', '[a', 'a(b', 'a)b', '*a', 'a\\', '[z-a]'].map((pattern) => [pattern, SYNTAX] as const),
  ...['a*', '(?i)', 'a|'].map((pattern) => [pattern, 'a pattern that does not match the empty text'] as const),
]

for (const pattern of TAKEN) {
  test(`${pattern} is taken`, () => {
    assert.equal(checkPattern(pattern), undefined)
  })
}

for (const [pattern, objection] of REFUSED) {
  test(`${pattern.slice(0, 40)} is refused: ${objection.slice(0, 40)}`, () => {
    assert.equal(checkPattern(pattern), objection)
  })
}
