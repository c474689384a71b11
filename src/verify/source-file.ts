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

/** @returns the text; `undefined` when it is not UTF-8. A byte order mark stays, and is no JSON. */
export function decodeContent(content: string | Uint8Array): string | undefined {
  if (typeof content === 'string') return content
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch {
    return undefined
  }
}

/** @returns the lines that can be parsed, in order; what is wrong with others is logged */
export function* linesOf(file: SourceFile, session: string | undefined, log: FaultLog): Generator<SourceLine> {
  const place = { file: file.name, session }
  const text = decodeContent(file.content)
  if (text === undefined) {
    log.add('invalid_utf8', 'the file is not UTF-8', place)
    return
  }
  if (text === '') log.warn('empty_file', 'the file is empty', place)
  if (text.length * MAX_BYTES_PER_UNIT > MAX_SHARD_BYTES && Buffer.byteLength(text) > MAX_SHARD_BYTES) {
    log.warn('over_reader_limit', 'the file is larger than 8 MiB', place)
  }
  let start = 0
  for (let number = 1; start < text.length; number++) {
    const feed = text.indexOf('\n', start)
    const end = feed === -1 ? text.length : feed
    const line = text.slice(start, end)
    start = end + 1
    if (isUsable(line, { ...place, line: number }, feed === -1, log)) yield { text: line, number }
  }
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
