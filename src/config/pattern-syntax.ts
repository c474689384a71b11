/** Which patterns an operator may write: RE2 syntax, which is matched in linear time whatever the pattern and the text. */

import { RE2JS } from 're2js'

export const MAX_PATTERN_CHARACTERS = 1_000

/** @returns why the pattern is refused, as the words after `expected`, or `undefined` */
export function checkPattern(source: string): string | undefined {
  if (source === '') return 'a pattern that is not empty'
  if (source.length > MAX_PATTERN_CHARACTERS) return `a pattern of at most ${MAX_PATTERN_CHARACTERS} characters`
  try {
    return RE2JS.compile(source).test('') ? 'a pattern that does not match the empty text' : undefined
  } catch {
    // The message of the library repeats the pattern, which may spell the secret it looks for.
    return 'a regular expression in RE2 syntax (no look-around, no back-references, repeats of at most 1000)'
  }
}
