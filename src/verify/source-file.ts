/** What the caller read: files to lines, with what a crash or an editor does to them told apart. */

import type { FaultLog } from './fault.ts'

/** A file of evidence. Bytes are better than text: only they show whether the file is UTF-8. */
export interface SourceFile {
  /** Name without folder. */
  readonly name: string
  readonly content: string | Uint8Array
}

export interface SourceLine {
  readonly text: string
  /** From 1. */
  readonly number: number
}

const MAX_LINE_BYTES = 1_048_576
/** Bytes of UTF-8 that one UTF-16 unit takes at most. */
const MAX_BYTES_PER_UNIT = 3
const MAX_SHARD_BYTES = 8_388_608
/** `str.splitlines` of the Python verifier breaks a line here; JSON allows them raw. */
const LINE_SEPARATOR = /[\u0085\u2028\u2029]/

const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const LINE_FEED = 0x0a

/** @returns the text; `undefined` when it is not UTF-8. A byte order mark stays, and is no JSON. */
export function decodeContent(content: string | Uint8Array): string | undefined {
  if (typeof content === 'string') return content
  try {
    return STRICT_UTF8.decode(content)
  } catch {
    return undefined
  }
}

/** @returns the lines that can be parsed, in order; what is wrong with others is logged */
export function* linesOf(file: SourceFile, session: string | undefined, log: FaultLog): Generator<SourceLine> {
  const place = { file: file.name, session }
  const { content } = file
  if (content.length === 0) log.warn('empty_file', 'the file is empty', place)
  if (isOverReaderLimit(content)) log.warn('over_reader_limit', 'the file is larger than 8 MiB', place)
  let start = 0
  for (let number = 1; start < content.length; number++) {
    const feed = typeof content === 'string' ? content.indexOf('\n', start) : content.indexOf(LINE_FEED, start)
    const end = feed === -1 ? content.length : feed
    const raw = typeof content === 'string' ? content.slice(start, end) : content.subarray(start, end)
    const text = decodeContent(raw)
    const at = { ...place, line: number }
    start = end + 1
    if (text === undefined) log.add('invalid_utf8', 'the line is not UTF-8', at)
    // Read on with U+FFFD for the bad bytes: no hash over them can be good, and the lines behind keep their place.
    const legible = text ?? Buffer.from(raw).toString('utf8')
    if (isUsable(legible, at, feed === -1, log)) yield { text: legible, number }
  }
}

function isOverReaderLimit(content: string | Uint8Array): boolean {
  if (typeof content !== 'string') return content.length > MAX_SHARD_BYTES
  return content.length * MAX_BYTES_PER_UNIT > MAX_SHARD_BYTES && Buffer.byteLength(content) > MAX_SHARD_BYTES
}

function isUsable(line: string, place: { file: string; line: number; session: string | undefined }, isLast: boolean, log: FaultLog): boolean {
  if (isLast && !isComplete(line)) {
    log.add('torn_tail', 'the last line is cut', place)
    return false
  }
  if (isLast) log.warn('no_final_newline', 'the last line has no line feed', place)
  if (line.includes('\0')) log.add('torn_tail', 'NUL bytes', place)
  else if (line.trim() === '') log.warn('blank_line', 'an empty line', place)
  else if (isTooLong(line)) log.add('line_too_long', 'the line is longer than 1 MiB', place)
  else {
    if (LINE_SEPARATOR.test(line)) log.add('line_separator', 'a raw line separator in a string', place)
    return true
  }
  return false
}

function isTooLong(line: string): boolean {
  return line.length * MAX_BYTES_PER_UNIT > MAX_LINE_BYTES && Buffer.byteLength(line) > MAX_LINE_BYTES
}

/** A cut JSON object cannot end in its own closing brace and still be JSON. */
function isComplete(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}
