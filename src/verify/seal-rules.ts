/** Entries that close a span of a session: checkpoints over entries, the transcript root over receipts. */

import { checkpointSignedText } from '../receipt/entry.ts'
import { always, type StructMember, type Uint64 } from '../receipt/go-json.ts'
import type { ParsedEntry } from './parse-entry.ts'
import { readStruct } from './read-struct.ts'
import type { ReceiptChain } from './receipt-chain.ts'
import { isAfter } from './run-rules.ts'
import type { KeyRing } from './trusted-keys.ts'

interface WireCheckpoint {
  readonly entry_count: Uint64
  readonly first_seq: Uint64
  readonly last_seq: Uint64
  readonly signature: string
}

interface WireTranscriptRoot {
  readonly session_id: string
  readonly final_seq: Uint64
  readonly root_hash: string
  readonly receipt_count: Uint64
  readonly start_time: string
  readonly end_time: string
}

const CHECKPOINT: readonly StructMember[] = [...always('uint64', 'entry_count', 'first_seq', 'last_seq'), ...always('text', 'signature')]
const TRANSCRIPT_ROOT: readonly StructMember[] = [
  ...always('text', 'session_id'), ...always('uint64', 'final_seq'), ...always('text', 'root_hash'),
  ...always('uint64', 'receipt_count'), ...always('time', 'start_time', 'end_time'),
]
const SIGNATURE_FORM = /^[0-9a-f]{128}$/

/**
 * @param firstUncovered sequence behind the last checkpoint; absent where the beginning of the session is missing
 * @param signerKey of the session's receipts
 * @returns what is wrong, in words
 * @throws {ShapeError} for a malformed detail
 */
export function checkpointFaults(entry: ParsedEntry, firstUncovered: bigint | undefined, ring: KeyRing, signerKey: string | undefined): string[] {
  const { entry_count, first_seq, last_seq, signature } = readStruct(CHECKPOINT, entry.detail, 'checkpoint') as WireCheckpoint
  const faults: string[] = []
  if (firstUncovered !== undefined && BigInt(first_seq) !== firstUncovered) faults.push(`first_seq ${first_seq}, expected ${firstUncovered}`)
  if (!isAfter(entry.fields.seq, last_seq)) faults.push('last_seq is not the entry before')
  if (BigInt(entry_count) !== BigInt(last_seq) - BigInt(first_seq) + 1n) faults.push('entry_count is not the number of entries of the span')
  if (!isSigned(signature, entry.fields.prevHash, ring, signerKey)) faults.push('it is not signed by a trusted key')
  return faults
}

/** A checkpoint names no key: the one of the receipts is tried first, since it is nearly always the right one. */
function isSigned(signature: string, prevHash: string, ring: KeyRing, signerKey: string | undefined): boolean {
  if (!SIGNATURE_FORM.test(signature)) return false
  const keys = new Set([...(signerKey === undefined ? [] : [signerKey]), ...ring.trusted])
  const message = checkpointSignedText(prevHash)
  const bytes = Buffer.from(signature, 'hex')
  return [...keys].some((key) => ring.admits(key) && ring.verifies(key, message, bytes))
}

/** @returns what contradicts the chain so far, in words @throws {ShapeError} for a malformed detail */
export function transcriptRootFaults(entry: ParsedEntry, chain: ReceiptChain): string[] {
  const root = readStruct(TRANSCRIPT_ROOT, entry.detail, 'transcript_root') as WireTranscriptRoot
  const { head } = chain
  if (head === undefined) return ['no receipt is before it']
  const faults: string[] = []
  if (root.session_id !== entry.fields.sessionId) faults.push('session_id is another session')
  if (BigInt(root.final_seq) !== BigInt(head.seq)) faults.push('final_seq is not the last receipt')
  if (root.root_hash !== head.hash) faults.push('root_hash is not the hash of the last receipt')
  if (!isAfter(root.receipt_count, head.seq)) faults.push('receipt_count is not the number of receipts')
  if (root.end_time !== head.timestamp) faults.push('end_time is not that of the last receipt')
  if (!chain.isRotated && root.start_time !== chain.startTime) faults.push('start_time is not that of the first receipt')
  return faults
}
