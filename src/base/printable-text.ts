/**
 * Text that can stand in a receipt or a log line: every character printable, length bounded. What is not printable is
 * percent-encoded by its UTF-8 bytes, so that nothing is lost and no line splitter or terminal sees a control.
 */

/** C0, DEL, C1, line and paragraph separator, U+FFFD, lone surrogates (the `u` flag takes pairs as one character). */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd\ud800-\udfff]/u
const UNPRINTABLE_ALL = new RegExp(UNPRINTABLE.source, 'gu')

/** Printable, and one byte each in UTF-8. */
const PLAIN = /^[\u0020-\u007e]*$/

/** Bytes of UTF-8 that one UTF-16 unit takes at most. */
const MAX_BYTES_PER_UNIT = 3
const DEFAULT_MAX_BYTES = 2048

/**
 * @param maxBytes of the result in UTF-8; it is cut between characters and never inside a percent-encoded byte
 * @returns the same text where it was printable and short enough
 */
export function sanitizeText(text: string, maxBytes = DEFAULT_MAX_BYTES): string {
  // Nearly every text is short and plain ASCII: one pass tells (0.05 us against 0.3).
  if (text.length <= maxBytes && PLAIN.test(text)) return text
  // Encoding makes text longer only, so more than `maxBytes` units can never be part of the result.
  const bounded = text.length > maxBytes ? text.slice(0, maxBytes + 1) : text
  const printable = UNPRINTABLE.test(bounded) ? bounded.replace(UNPRINTABLE_ALL, percentEncoded) : bounded
  return cutEncoded(printable, maxBytes)
}

/** @returns the bytes of one character as `%XX`; a lone surrogate as the three bytes that UTF-8 would give it */
export function percentEncoded(character: string): string {
  const unit = character.charCodeAt(0)
  const isLone = character.length === 1 && unit >= FIRST_SURROGATE && unit <= LAST_SURROGATE
  const bytes = isLone ? [0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)] : [...Buffer.from(character, 'utf8')]
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}

const FIRST_SURROGATE = 0xd800
const LAST_SURROGATE = 0xdfff

/** @returns the longest start of `text` within `maxBytes` that ends between characters and outside a percent-encoding */
export function cutEncoded(text: string, maxBytes: number): string {
  if (text.length * MAX_BYTES_PER_UNIT <= maxBytes) return text
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.length <= maxBytes) return text
  let end = maxBytes
  while (end > 0 && isContinuation(bytes[end])) end--
  // `%XX` cut after its first or second character; a `%` that was literal is dropped with it, at worst.
  // A negative offset would count from the end.
  const percent = end === 0 ? -1 : bytes.lastIndexOf(PERCENT, end - 1)
  if (percent !== -1 && percent > end - PERCENT_LENGTH) end = percent
  return bytes.toString('utf8', 0, end)
}

const PERCENT = 0x25
/** Length of `%XX`. */
const PERCENT_LENGTH = 3

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}
