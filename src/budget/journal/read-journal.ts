/** Whether the journal can be believed, and what it says. The mark says how much of it was acknowledged: all of that must be there. */

import { crc32 } from 'node:zlib'

import type { JournalContent } from './journal-files.ts'
import { decodeJournal, type Entry, type Header } from './journal-line.ts'
import { decodeMarks, type Mark } from './mark.ts'

export interface Recovered {
  /** The next generation is above it. */
  readonly generation: number
  readonly serial: number
  /** Absent where there was nothing yet. */
  readonly header?: Header
  readonly entries: readonly Entry[]
}

/** @returns undefined where anything that was acknowledged is missing or not as it was written */
export function readJournal({ mark: markFile, journals }: JournalContent): Recovered | undefined {
  const newest = Math.max(0, ...journals.keys())
  if (markFile === undefined) return journals.size === 0 ? { generation: 0, serial: 0, entries: [] } : undefined
  const mark = decodeMarks(markFile)
  if (mark === undefined) return undefined
  // The mark is made before the first generation: a crash in between leaves nothing that was acknowledged.
  if (mark.bytes === 0) return { generation: newest, serial: mark.serial, entries: [] }
  const bytes = journals.get(mark.generation)
  const decoded = bytes !== undefined && isWhole(bytes, mark) ? decodeJournal(bytes) : undefined
  if (decoded?.header.generation !== mark.generation || decoded.wholeBytes < mark.bytes) return undefined
  return { generation: Math.max(newest, mark.generation), serial: mark.serial, header: decoded.header, entries: decoded.entries }
}

function isWhole(bytes: Buffer, { bytes: acknowledged, checksum }: Mark): boolean {
  return bytes.length >= acknowledged && crc32(bytes.subarray(0, acknowledged)) === checksum
}
