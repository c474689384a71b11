/**
 * The line of a recorder file (entry version 1 and 2), its hash, and the details that close a span: checkpoint and
 * transcript root. Pure. Member names on the wire are those of the published format; here they are camelCase.
 */

import { hash } from 'node:crypto'

import { quoteGo } from './go-json.ts'
import type { Uint64 } from './go-json.ts'

/** Entry types that we write or read. */
export const ENTRY_TYPE = {
  receipt: 'action_receipt',
  evidence: 'evidence_receipt',
  decision: 'decision',
  transcriptRoot: 'transcript_root',
  checkpoint: 'checkpoint',
} as const

/** `prevHash` of the first entry of a session. */
export const FIRST_PREV_HASH = 'genesis'

export interface EntryFields {
  /** We write 2; version 1 has no `eventKind`. */
  readonly version: 1 | 2
  /** From 0, without a gap, across the files of a session. */
  readonly seq: Uint64
  /** RFC 3339, UTC, as `formatTimestamp` writes it. */
  readonly timestamp: string
  readonly sessionId: string
  readonly traceId?: string | undefined
  readonly type: string
  readonly eventKind?: string | undefined
  /** Empty for checkpoints and transcript roots. */
  readonly transport: string
  readonly summary: string
  /** JSON text exactly as it stands on the line: the hash covers these bytes. */
  readonly detail: string
  readonly rawRef?: string | undefined
  /** `hash` of the entry before, or `genesis`. */
  readonly prevHash: string
}

/** @returns hex SHA-256 over the members joined by NUL; an absent one counts as empty */
export function entryHash(entry: EntryFields): string {
  const members = [entry.version, entry.seq, entry.timestamp, entry.sessionId, entry.traceId ?? '', entry.type]
  // Version 2 hashes the event kind even where it is empty.
  if (entry.version !== 1) members.push(entry.eventKind ?? '')
  members.push(entry.transport, entry.summary, entry.detail, entry.rawRef ?? '', entry.prevHash)
  return hash('sha256', members.join('\0'), 'hex')
}

/**
 * @param ownHash from `entryHash`
 * @returns the line, without line feed
 */
export function encodeEntry(entry: EntryFields, ownHash: string): string {
  return `{"v":${entry.version},"seq":${entry.seq},"ts":${quoteGo(entry.timestamp)},"session_id":${quoteGo(entry.sessionId)}`
    + unlessEmpty('trace_id', entry.traceId) + `,"type":${quoteGo(entry.type)}`
    + unlessEmpty('event_kind', entry.version === 1 ? undefined : entry.eventKind)
    + `,"transport":${quoteGo(entry.transport)},"summary":${quoteGo(entry.summary)},"detail":${entry.detail}`
    + unlessEmpty('raw_ref', entry.rawRef) + `,"prev_hash":${quoteGo(entry.prevHash)},"hash":${quoteGo(ownHash)}}`
}

/** @returns the line without line feed, and its hash, which is the next entry's `prevHash` */
export function sealEntry(entry: EntryFields): { readonly line: string; readonly hash: string } {
  const ownHash = entryHash(entry)
  return { line: encodeEntry(entry, ownHash), hash: ownHash }
}

/** An entry of our own writing: version 2, its words and times of our making, only the transport out of the facts. */
export type OwnEntry = Pick<EntryFields, 'seq' | 'timestamp' | 'sessionId' | 'type' | 'transport' | 'summary' | 'detail' | 'prevHash'> & { readonly eventKind: string }

/** As `sealEntry`, without looking at every character of what we made ourselves: hex, times, words of closed sets. */
export function sealOwnEntry(entry: OwnEntry): { readonly line: string; readonly hash: string } {
  const { seq, timestamp, sessionId, type, eventKind, transport, summary, detail, prevHash } = entry
  const ownHash = hash('sha256', `2\0${seq}\0${timestamp}\0${sessionId}\0\0${type}\0${eventKind}\0${transport}\0${summary}\0${detail}\0\0${prevHash}`, 'hex')
  const line = `{"v":2,"seq":${seq},"ts":"${timestamp}","session_id":"${sessionId}","type":"${type}","event_kind":"${eventKind}"`
    + `,"transport":${quoteGo(transport)},"summary":${quoteGo(summary)},"detail":${detail},"prev_hash":"${prevHash}","hash":"${ownHash}"}`
  return { line, hash: ownHash }
}

function unlessEmpty(name: string, value: string | undefined): string {
  return value === undefined || value === '' ? '' : `,"${name}":${quoteGo(value)}`
}

/** Members are already in a form of our own making: nothing of a caller's can be in a summary. */
export function receiptSummary(record: { readonly verdict: string; readonly action_type: string; readonly transport: string }): string {
  return `receipt: ${record.verdict} ${record.action_type} ${record.transport}`
}

export interface Checkpoint {
  /** Entries since the last checkpoint, this one not counted. */
  readonly entryCount: Uint64
  readonly firstSeq: Uint64
  readonly lastSeq: Uint64
  /** 128 hex digits without prefix, over `checkpointSignedText`; empty where unsigned. */
  readonly signature: string
}

/** @returns what a checkpoint signs: the 64 ASCII digits of its entry's `prevHash`, neither decoded nor hashed */
export function checkpointSignedText(prevHash: string): Buffer {
  return Buffer.from(prevHash, 'ascii')
}

export function checkpointDetail(checkpoint: Checkpoint): string {
  const { entryCount, firstSeq, lastSeq, signature } = checkpoint
  return `{"entry_count":${entryCount},"first_seq":${firstSeq},"last_seq":${lastSeq},"signature":${quoteGo(signature)}}`
}

export function checkpointSummary(checkpoint: Omit<Checkpoint, 'signature'>): string {
  return `checkpoint: ${checkpoint.entryCount} entries [seq ${checkpoint.firstSeq}-${checkpoint.lastSeq}]`
}

export interface TranscriptRoot {
  readonly sessionId: string
  /** Sequence of the last receipt. */
  readonly finalSeq: Uint64
  /** Hash of the last receipt. */
  readonly rootHash: string
  readonly receiptCount: Uint64
  /** Timestamps of the first and the last receipt. */
  readonly startTime: string
  readonly endTime: string
}

export function transcriptRootDetail(root: TranscriptRoot): string {
  return `{"session_id":${quoteGo(root.sessionId)},"final_seq":${root.finalSeq},"root_hash":${quoteGo(root.rootHash)}`
    + `,"receipt_count":${root.receiptCount},"start_time":${quoteGo(root.startTime)},"end_time":${quoteGo(root.endTime)}}`
}

export function transcriptRootSummary(root: TranscriptRoot): string {
  return `transcript_root: ${root.receiptCount} receipts, root=${root.rootHash.slice(0, SUMMARY_ROOT_LENGTH)}`
}

/** Hex digits of the root that the summary shows. */
const SUMMARY_ROOT_LENGTH = 16

/** Session ids that make a file name: no separator, not empty. */
const SESSION_ID = /^[A-Za-z0-9._-]{1,128}$/
const FILE_NAME = /^evidence-(.+)-(0|[1-9][0-9]{0,19})\.jsonl$/s

export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text)
}

/** @param firstSeq sequence of the first entry in the file */
export function evidenceFileName(sessionId: string, firstSeq: Uint64): string {
  return `evidence-${sessionId}-${firstSeq}.jsonl`
}

/** @returns `undefined` where the name is not one of a recorder file; the session may itself hold hyphens and numbers */
export function parseEvidenceFileName(name: string): { readonly sessionId: string; readonly firstSeq: bigint } | undefined {
  const match = FILE_NAME.exec(name)
  return match === null ? undefined : { sessionId: match[1] ?? '', firstSeq: BigInt(match[2] ?? '0') }
}
