/**
 * Deletes evidence that is older than it must be kept: whole sessions, oldest first along their links, never the newest.
 * What is left of each is `retired-<session>.json`, signed: the head that the oldest kept session names as its
 * predecessor. With that file a reader knows that the predecessor was retired; without it, that it is missing.
 */

import { createHash } from 'node:crypto'

import type { Signer } from '../model/signer.ts'
import { formatTimestamp, SIGNATURE_PREFIX } from './format.ts'
import { always, encodeStruct, type StructMember } from './go-json.ts'
import type { ChainHead } from './group-commit.ts'
import type { RecorderFiles } from './recorder-files.ts'
import { readSessions, type StoredSession } from './session-index.ts'
import { readLine } from './stored-line.ts'

const DAY_MS = 86_400_000
const MAX_READ_BYTES = 67_108_864
const RETIRED_DOMAIN = 'chaperone-retired-session-v1\0'
const RETIRED_MEMBERS: readonly StructMember[] = [
  ...always('version', 'version'),
  ...always('text', 'session_id'),
  ...always('uint64', 'final_seq'),
  ...always('text', 'head_hash', 'prior_session'),
  ...always('time', 'ended_at', 'retired_at'),
  ...always('text', 'signer_key'),
]

export interface RetentionOptions {
  readonly files: RecorderFiles
  readonly signer: Signer
  readonly nowMs: number
  /** Days since the last entry of a session; 0 keeps everything. */
  readonly retentionDays: number
  /** Session that is being written. */
  readonly running: string
}

interface SessionEnd {
  readonly head: ChainHead
  readonly endedAtMs: number
}

/** @returns the sessions that were deleted, oldest first */
export async function retireSessions(options: RetentionOptions): Promise<string[]> {
  const { files, nowMs, retentionDays } = options
  if (retentionDays === 0) return []
  const retired: string[] = []
  for (const session of oldestFirst(await readSessions(files), options.running)) {
    const end = await readEnd(files, session)
    if (end === undefined || end.endedAtMs > nowMs - retentionDays * DAY_MS) break
    await retire(session, end, options)
    retired.push(session.id)
  }
  return retired
}

/** The sessions behind the running one, along the links. One that nothing links to is never deleted: it is unexplained. */
function oldestFirst(sessions: readonly StoredSession[], running: string): StoredSession[] {
  const byId = new Map(sessions.map((session) => [session.id, session]))
  const line: StoredSession[] = []
  let prior = byId.get(running)?.prior
  while (prior !== undefined) {
    const session = byId.get(prior.session)
    if (session === undefined) break
    // A loop cannot be made by us, only by an edited file.
    byId.delete(prior.session)
    line.unshift(session)
    prior = session.prior
  }
  return line
}

async function readEnd(files: RecorderFiles, { id, shards }: StoredSession): Promise<SessionEnd | undefined> {
  for (const { name } of shards.toReversed()) {
    const text = (await files.read(name, MAX_READ_BYTES)).toString('utf8')
    const lines = text.split('\n').toReversed()
    const last = lines.map(readLine).find((line) => line?.receipt !== undefined)
    if (last?.receipt === undefined) continue
    return { head: { session: id, seq: last.receipt.seq, hash: last.receipt.hash }, endedAtMs: Date.parse(last.receipt.timestamp) }
  }
  return undefined
}

async function retire(session: StoredSession, end: SessionEnd, options: RetentionOptions): Promise<void> {
  const { files } = options
  const names = await files.list()
  const record = `retired-${session.id}.json`
  // Kept where it exists: a deletion that was interrupted has fewer shards left to read the head from.
  if (!names.includes(record)) await files.place(record, Buffer.from(retiredRecord(session, end, options)))
  const own = `evidence-${session.id}-`
  const torn = names.filter((name) => name.startsWith(own) && name.endsWith('.torn'))
  // Last shard first: while the first one is there, the session still has its place in the line of sessions.
  for (const name of [...torn, ...session.shards.map((shard) => shard.name).toReversed()]) await files.remove(name)
  await files.syncFolder()
}

function retiredRecord(session: StoredSession, { head, endedAtMs }: SessionEnd, { signer, nowMs }: RetentionOptions): string {
  const json = encodeStruct(RETIRED_MEMBERS, {
    version: 1,
    session_id: session.id,
    final_seq: head.seq,
    head_hash: head.hash,
    prior_session: session.prior?.session ?? '',
    ended_at: formatTimestamp(endedAtMs),
    retired_at: formatTimestamp(nowMs),
    signer_key: signer.publicKeyHex,
  })
  const digest = createHash('sha256').update(RETIRED_DOMAIN).update(json).digest()
  return `${json.slice(0, -1)},"signature":"${SIGNATURE_PREFIX}${signer.sign(digest).toString('hex')}"}\n`
}
