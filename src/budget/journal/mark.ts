/**
 * The mark: how far the journal was acknowledged, so that a journal that was cut is told from one whose last write tore.
 * Two places, written in turn, each with a checksum: a torn mark leaves the one before.
 */

import { crc32 } from 'node:zlib'

export interface Mark {
  /** Higher is newer. */
  readonly serial: number
  readonly generation: number
  /** Acknowledged bytes of that generation's file, and their checksum. */
  readonly bytes: number
  readonly checksum: number
}

export const MARK_SLOTS = 2
/** One per disk sector, so that writing one cannot tear the other. */
export const MARK_SLOT_BYTES = 4096

export function slotOf({ serial }: Mark): number {
  return serial % MARK_SLOTS
}

/** @returns exactly one slot */
export function encodeMark({ serial, generation, bytes, checksum }: Mark): Buffer {
  const text = `${serial} ${generation} ${bytes} ${checksum}`
  return Buffer.from(`${text} ${crc32(text)}\n`.padEnd(MARK_SLOT_BYTES, ' '))
}

/** @returns the newest mark that is whole */
export function decodeMarks(file: Buffer): Mark | undefined {
  const marks = Array.from({ length: MARK_SLOTS }, (_, slot) => decodeMark(file, slot)).filter((mark) => mark !== undefined)
  return marks.sort((a, b) => b.serial - a.serial)[0]
}

function decodeMark(file: Buffer, slot: number): Mark | undefined {
  const text = file.toString('latin1', slot * MARK_SLOT_BYTES, (slot + 1) * MARK_SLOT_BYTES)
  const [, signed = '', serial, generation, bytes, checksum, own] = /^((\d+) (\d+) (\d+) (\d+)) (\d+)\n *$/.exec(text) ?? []
  if (own === undefined || Number(own) !== crc32(signed)) return undefined
  return { serial: Number(serial), generation: Number(generation), bytes: Number(bytes), checksum: Number(checksum) }
}
