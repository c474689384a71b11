/** What each file is, by name and then by content: shards of which session, bare receipts, records, or none of it. */

import { parseEvidenceFileName } from '../receipt/entry.ts'
import type { ActionRecord } from '../receipt/format.ts'
import type { FaultLog } from './fault.ts'
import { isEntry } from './parse-entry.ts'
import { isReceipt } from './parse-receipt.ts'
import { priorChainOf, type SessionPointer } from './reference-text.ts'
import { decodeContent, type SourceFile } from './source-file.ts'
import { type JsonObject, type JsonValue, tryParseJson } from './strict-json.ts'

export interface Shard {
  readonly file: SourceFile
  readonly firstSeq: bigint
  /** Whether the name says session and first entry, so that it can be held to it. */
  readonly isNamed: boolean
  /** First entry, where it can be read. */
  readonly first: JsonObject | undefined
}

export interface SortedFiles {
  /** Shards by session, in order of their entries. */
  readonly sessions: ReadonlyMap<string, readonly Shard[]>
  /** Files of receipts without entries around them: one a line, or one alone. */
  readonly bare: readonly SourceFile[]
  readonly retirements: readonly SourceFile[]
}

const RETIREMENT = /^retired-.+\.json$/s
/** How much of a file is looked at for its first line. */
const FIRST_LINE_UNITS = 1_048_576

type Kind = { kind: 'shard'; session: string; shard: Shard } | { kind: 'bare' | 'retirement' | 'torn' | 'other' }

export function sortFiles(files: readonly SourceFile[], log: FaultLog): SortedFiles {
  const sessions = new Map<string, Shard[]>()
  const bare: SourceFile[] = []
  const retirements: SourceFile[] = []
  for (const file of files) {
    const found = kindOf(file)
    if (found.kind === 'shard') {
      const known = sessions.get(found.session)
      if (known === undefined) sessions.set(found.session, [found.shard])
      else known.push(found.shard)
    } else if (found.kind === 'bare') bare.push(file)
    else if (found.kind === 'retirement') retirements.push(file)
    else if (found.kind === 'torn') log.warn('torn_bytes_kept', 'bytes of a cut write', { file: file.name })
    else if (files.length === 1 || file.name.endsWith('.jsonl')) log.add('file_not_evidence', 'neither recorder entries nor receipts', { file: file.name })
    else log.warn('file_ignored', 'not an evidence file', { file: file.name })
  }
  for (const shards of sessions.values()) shards.sort((a, b) => compare(a.firstSeq, b.firstSeq) || compare(a.file.name, b.file.name))
  return { sessions, bare, retirements }
}

/**
 * Which receipts other sessions name, so that their hashes are kept while their sessions are read. Unverified: what a
 * session_open really says is judged later.
 */
export function wantedReceipts(sessions: SortedFiles['sessions']): Map<string, Set<bigint>> {
  const wanted = new Map<string, Set<bigint>>()
  for (const [first] of sessions.values()) {
    const prior = first?.first === undefined ? undefined : claimedPrior(first.first)
    if (prior === undefined) continue
    const known = wanted.get(prior.session) ?? new Set()
    wanted.set(prior.session, known.add(prior.seq))
  }
  return wanted
}

function claimedPrior(entry: JsonObject): SessionPointer | undefined {
  const refs = memberOf(memberOf(memberOf(entry, 'detail'), 'action_record'), 'precedent_refs')
  if (refs?.kind !== 'array') return undefined
  const texts = refs.items.flatMap((item) => (item.kind === 'text' ? [item.value] : []))
  const prior = priorChainOf({ precedent_refs: texts } as unknown as ActionRecord)
  return typeof prior === 'object' ? prior : undefined
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return value?.kind === 'object' ? value.members.get(name) : undefined
}

function kindOf(file: SourceFile): Kind {
  if (file.name.endsWith('.torn')) return { kind: 'torn' }
  if (RETIREMENT.test(file.name)) return { kind: 'retirement' }
  const first = firstValue(file)
  if (first !== undefined && isReceipt(first) && parseEvidenceFileName(file.name) === undefined) return { kind: 'bare' }
  return shardOf(file, first !== undefined && isEntry(first) ? first : undefined) ?? { kind: 'other' }
}

/** A file that is named as a shard is one whatever it holds. */
function shardOf(file: SourceFile, first: JsonObject | undefined): Kind | undefined {
  const named = parseEvidenceFileName(file.name)
  if (named !== undefined) return { kind: 'shard', session: named.sessionId, shard: { file, firstSeq: named.firstSeq, isNamed: true, first } }
  if (first === undefined) return undefined
  const session = memberOf(first, 'session_id')
  const shard = { file, firstSeq: seqOf(first), isNamed: false, first }
  return { kind: 'shard', session: session?.kind === 'text' ? session.value : '', shard }
}

/** The first line, or the whole text where that is one value over several lines. */
function firstValue(file: SourceFile): JsonValue | undefined {
  const { content } = file
  const start = typeof content === 'string' ? content.slice(0, FIRST_LINE_UNITS) : Buffer.from(content.subarray(0, FIRST_LINE_UNITS)).toString('utf8')
  const [line = ''] = start.trimStart().split('\n', 1)
  const value = tryParseJson(line)
  if (value !== undefined || content.length > FIRST_LINE_UNITS) return value
  const text = decodeContent(content)
  return text === undefined ? undefined : tryParseJson(text)
}

function seqOf(entry: JsonObject): bigint {
  const seq = memberOf(entry, 'seq')
  return seq?.kind === 'number' && /^[0-9]{1,20}$/.test(seq.value) ? BigInt(seq.value) : 0n
}

function compare<Value extends bigint | string>(a: Value, b: Value): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
