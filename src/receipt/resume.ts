/**
 * What a start finds of the runs before: the newest session, its durable tail, and what a crash left. A torn tail is
 * moved to `<shard>.torn`, so that the session verifies again and nothing is lost.
 */

import type { ChainHead } from './group-commit.ts'
import type { RecorderFiles } from './recorder-files.ts'
import { leavesOf, readSessions, type Shard, type StoredSession } from './session-index.ts'
import { readLine, readPhase, type StoredLine } from './stored-line.ts'

export interface Resumed {
  /** Durable head of the newest session: what the new one names as its predecessor. */
  readonly prior?: ChainHead
  /** Shards whose torn end was moved aside, with the bytes moved. */
  readonly torn: readonly { readonly shard: string; readonly bytes: number }[]
  /** `action_id`s of the newest session that have an intent and no outcome. */
  readonly openIntents: readonly string[]
  /** Whether the whole session was looked at for them, or only its newest 16 shards. */
  readonly openIntentsComplete: boolean
  /** Other sessions that nothing continues, and ones whose beginning is missing: somebody should look. */
  readonly unlinked: readonly string[]
}

/** Above what a shard may have; the rest of a larger file is not ours. */
const MAX_READ_BYTES = 67_108_864
const OPEN_INTENT_SHARDS = 16
const LINE_FEED = 0x0a

export async function resumeFolder(files: RecorderFiles): Promise<Resumed> {
  const torn: { shard: string; bytes: number }[] = []
  const leaves = leavesOf(await readSessions(files))
  const unlinked: string[] = []
  for (const session of leaves.filter(({ openedAt }) => openedAt === '')) {
    // A crash before its first receipt was whole: such a session never began, and nothing of it is left after this.
    const repaired = await repairLastShard(files, session)
    if (repaired.bytes > 0) torn.push(repaired)
    if (!repaired.isGone || session.shards.length > 1) unlinked.push(session.id)
  }
  const [newest, ...others] = leaves.filter(({ openedAt }) => openedAt !== '')
  unlinked.push(...others.map(({ id }) => id))
  if (newest === undefined) return { torn, openIntents: [], openIntentsComplete: true, unlinked }

  const repaired = await repairLastShard(files, newest)
  if (repaired.bytes > 0) torn.push(repaired)
  const shards = repaired.isGone ? newest.shards.slice(0, -1) : newest.shards
  const prior = await readTail(files, newest.id, shards)
  return {
    ...(prior !== undefined && { prior }),
    torn,
    openIntents: await readOpenIntents(files, shards),
    openIntentsComplete: shards.length <= OPEN_INTENT_SHARDS,
    unlinked,
  }
}

/** Keeps the bytes behind `length` in `<shard>.torn` and cuts them off; a shard of which nothing is left is removed. */
export async function cutShard(files: RecorderFiles, shard: string, length: number): Promise<number> {
  const bytes = await files.read(shard, MAX_READ_BYTES)
  const cut = bytes.subarray(length)
  if (cut.length > 0) await files.place(`${shard}.torn`, cut)
  if (length > 0) {
    await files.truncate(shard, length)
    return cut.length
  }
  await files.remove(shard)
  await files.syncFolder()
  return cut.length
}

async function repairLastShard(files: RecorderFiles, session: StoredSession): Promise<{ shard: string; bytes: number; isGone: boolean }> {
  const shard = session.shards.at(-1)?.name ?? ''
  const length = wholeLength(await files.read(shard, MAX_READ_BYTES))
  const bytes = await cutShard(files, shard, length)
  return { shard, bytes, isGone: length === 0 }
}

/**
 * A power cut leaves an incomplete line, or blocks of NULs where pages were never written. Lines behind NULs belong to
 * the same flush, which nobody saw acknowledged.
 */
function wholeLength(bytes: Buffer): number {
  const firstNul = bytes.indexOf(0)
  const end = firstNul === -1 ? bytes.length : firstNul
  return bytes.subarray(0, end).lastIndexOf(LINE_FEED) + 1
}

async function readTail(files: RecorderFiles, session: string, shards: readonly Shard[]): Promise<ChainHead | undefined> {
  for (const { name } of shards.toReversed()) {
    const lines = await readLines(files, name)
    const last = lines.toReversed().map(readLine).find(hasReceipt)
    if (last !== undefined) return { session, seq: last.receipt.seq, hash: last.receipt.hash }
  }
  return undefined
}

async function readOpenIntents(files: RecorderFiles, shards: readonly Shard[]): Promise<string[]> {
  const open = new Set<string>()
  for (const { name } of shards.slice(-OPEN_INTENT_SHARDS)) {
    for (const line of await readLines(files, name)) {
      const read = readPhase(line)
      if (read?.phase === 'intent') open.add(read.actionId)
      else if (read !== undefined) open.delete(read.actionId)
    }
  }
  return [...open]
}

async function readLines(files: RecorderFiles, name: string): Promise<string[]> {
  const text = (await files.read(name, MAX_READ_BYTES)).toString('utf8')
  return text.split('\n').filter((line) => line !== '')
}

function hasReceipt(line: StoredLine | undefined): line is StoredLine & Required<Pick<StoredLine, 'receipt'>> {
  return line?.receipt !== undefined
}
