/**
 * Which sessions a folder holds, and which of them is the newest: by the signed `prior-chain:` links, not by file times,
 * which copying changes. Reads the first line of each session.
 */

import { SESSION_PREFIX } from './session-chain.ts'
import type { ChainHead } from './group-commit.ts'
import type { RecorderFiles } from './recorder-files.ts'
import { readLine } from './stored-line.ts'

export interface Shard {
  readonly name: string
  readonly firstSeq: number
}

export interface StoredSession {
  readonly id: string
  /** In order of their entries; the first may be missing. */
  readonly shards: readonly Shard[]
  /** Head of the session before, as the session_open names it; absent for `none`, or where it cannot be read. */
  readonly prior?: ChainHead
  /** Timestamp of the session_open; '' where the session has none, because it never began or its first shard is gone. */
  readonly openedAt: string
}

const SHARD_NAME = new RegExp(`^evidence-(${SESSION_PREFIX.replaceAll('.', '\\.')}[0-9a-f]{32})-(0|[1-9][0-9]{0,15})\\.jsonl$`)
const PRIOR_CHAIN = /^prior-chain:(.+):(0|[1-9][0-9]{0,15}):([0-9a-f]{64})$/
/** A session_open is under 3 KiB. */
const FIRST_LINE_BYTES = 65_536

/** @returns every session of the folder, in no particular order; files of other names are not looked at */
export async function readSessions(files: RecorderFiles): Promise<StoredSession[]> {
  const shards = new Map<string, Shard[]>()
  for (const name of await files.list()) {
    const [, id, firstSeq] = SHARD_NAME.exec(name) ?? []
    if (id === undefined) continue
    const known = shards.get(id) ?? []
    known.push({ name, firstSeq: Number(firstSeq) })
    shards.set(id, known)
  }
  const sessions: StoredSession[] = []
  for (const [id, own] of shards) {
    own.sort((a, b) => a.firstSeq - b.firstSeq)
    sessions.push({ id, shards: own, ...(await readOpen(files, own[0])) })
  }
  return sessions
}

/**
 * The sessions that no other one continues, newest first. More than one means that the folder was copied together, or
 * that a session never became durable.
 */
export function leavesOf(sessions: readonly StoredSession[]): StoredSession[] {
  const continued = new Set(sessions.map(({ prior }) => prior?.session))
  const leaves = sessions.filter(({ id }) => !continued.has(id))
  return leaves.sort((a, b) => Number(a.openedAt < b.openedAt) - Number(a.openedAt > b.openedAt))
}

async function readOpen(files: RecorderFiles, shard: Shard | undefined): Promise<Pick<StoredSession, 'prior' | 'openedAt'>> {
  if (shard?.firstSeq !== 0) return { openedAt: '' }
  const text = (await files.read(shard.name, FIRST_LINE_BYTES)).toString('utf8')
  const end = text.indexOf('\n')
  const line = end === -1 ? undefined : readLine(text.slice(0, end))
  if (line?.receipt === undefined) return { openedAt: '' }

  const prior = line.receipt.refs.map(parsePrior).find((head) => head !== undefined)
  return { openedAt: sortable(line.receipt.timestamp), ...(prior !== undefined && { prior }) }
}

function parsePrior(ref: string): ChainHead | undefined {
  const [, session, seq, hash] = PRIOR_CHAIN.exec(ref) ?? []
  return session === undefined || hash === undefined ? undefined : { session, seq: Number(seq), hash }
}

/** RFC 3339 drops the fraction's zeros, so `10Z` would sort behind `10.5Z`. */
function sortable(timestamp: string): string {
  const [seconds = '', fraction = ''] = timestamp.replace('Z', '').split('.')
  return `${seconds}.${fraction.padEnd(9, '0')}`
}
