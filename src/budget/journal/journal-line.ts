/**
 * The journal's bytes: lines of `<crc32 in hex> <JSON>`, the first of which says which generation it is and which moment of the
 * ledger's time the machine's own clocks meant then. What is read back is checked before it is believed.
 */

import { crc32 } from 'node:zlib'

import { AXES } from '../axis.ts'
import type { Row } from '../row.ts'

export interface Header {
  readonly generation: number
  readonly nowMs: number
  /** Boot of the machine and its uptime at `nowMs`; absent where the system does not tell. */
  readonly boot?: { readonly id: string; readonly uptimeMs: number }
}

export interface Entry {
  /** Time of the ledger. */
  readonly nowMs: number
  readonly rows: readonly Row[]
}

const CRC_LENGTH = 8
const NEWLINE = 0x0a

export function encodeLine(content: Header | Entry): string {
  const text = JSON.stringify(content)
  return `${hex(crc32(text))} ${text}\n`
}

export interface Decoded {
  readonly header: Header
  readonly entries: readonly Entry[]
  /** Bytes of the lines that are whole; what follows them is torn. */
  readonly wholeBytes: number
}

/** @returns undefined where the header cannot be read; lines after the first broken one are left out */
export function decodeJournal(bytes: Buffer): Decoded | undefined {
  const entries: Entry[] = []
  let header: Header | undefined
  let at = 0
  for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, at)) {
    const content = decodeLine(bytes.toString('utf8', at, end))
    if (content === undefined) break
    if (header === undefined && isHeader(content)) header = content
    else if (header !== undefined && isEntry(content)) entries.push(content)
    else break
    at = end + 1
  }
  return header === undefined ? undefined : { header, entries, wholeBytes: at }
}

function decodeLine(line: string): unknown {
  const text = line.slice(CRC_LENGTH + 1)
  if (line.slice(0, CRC_LENGTH) !== hex(crc32(text)) || line[CRC_LENGTH] !== ' ') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isHeader(content: unknown): content is Header {
  return isRecord(content) && typeof content['generation'] === 'number' && typeof content['nowMs'] === 'number'
}

function isEntry(content: unknown): content is Entry {
  return isRecord(content) && typeof content['nowMs'] === 'number' && Array.isArray(content['rows']) && content['rows'].every(isRow)
}

/** The checksum says that we wrote it; an axis that a newer release wrote is not understood, and must not be skipped. */
function isRow(row: unknown): row is Row {
  if (!isRecord(row) || typeof row['subject'] !== 'string' || typeof row['kind'] !== 'string') return false
  const axis = row['axis']
  return axis === undefined || axis === null || (typeof axis === 'string' && Object.hasOwn(AXES, axis))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(CRC_LENGTH, '0')
}
