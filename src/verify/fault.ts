/** What a verifier can find: the closed table of codes, and the log that collects them. Causes never carry raw input. */

import { sanitizeText } from '../base/printable-text.ts'
import type { Uint64 } from '../receipt/go-json.ts'

/** Every code and what it means. Public API: never renamed, never reused. */
export const FAULTS = {
  // text
  invalid_utf8: 'a line, or a whole record, is not UTF-8',
  invalid_json: 'not strict JSON: syntax, duplicate key, lone surrogate, nesting beyond 128',
  line_too_long: 'a line is longer than 1 MiB',
  line_separator: 'a raw U+0085, U+2028 or U+2029, at which other readers split the line',
  torn_tail: 'the file ends inside a line, or holds NUL bytes: a write was cut',
  file_not_evidence: 'the file holds neither recorder entries nor receipts',
  file_name_mismatch: 'the file name tells another session or first entry than the file',
  // one receipt
  unknown_member: 'a member that the format does not have',
  member_missing: 'a member that is always written is absent',
  member_type: 'a member has the wrong type',
  number_range: 'a number is not a whole number of its range, in plain decimal',
  timestamp_form: 'a time is not RFC 3339 as Go writes it',
  unsupported_version: 'a version that this verifier does not know',
  receipt_redacted: 'the receipt was redacted when it was stored, so its signature cannot be checked',
  record_invalid: 'a member of the record has a value that is not allowed',
  signature_form: 'signature or signer key is not in the form of the format',
  signature_invalid: 'the signature does not belong to the content and the signer key',
  signer_untrusted: 'the signer key is not among the trusted keys',
  unpinned: 'no trusted key was given: only that the signatures fit their own keys was checked',
  // receipt chain
  no_receipts: 'there is no receipt to verify',
  chain_start: 'the chain does not begin as a chain may begin',
  sequence_gap: 'a receipt does not have the sequence number that follows',
  broken_link: 'a receipt does not name the hash of the one before',
  signer_changed: 'the signer key changed without a key transition',
  key_transition_invalid: 'a key transition does not fit the chain, or its keys are not both trusted',
  genesis_mismatch: 'the bound genesis does not follow from the session_open',
  control_invalid: 'a session_open, heartbeat or session_close contradicts the chain',
  control_without_open: 'a heartbeat or session_close without a session that is open',
  run_nonce_mismatch: 'a receipt does not carry the run nonce of the open session, or carries one without a session',
  run_nonce_reused: 'two sessions have the same run nonce',
  after_close: 'a receipt after the session_close',
  outcome_without_intent: 'an outcome whose intent is not in the chain before it',
  duplicate_phase: 'two intents or two outcomes of one action',
  agent_chain_broken: 'the reference to the same agent\'s receipt before does not fit',
  // recorder entries
  entry_hash: 'the hash of an entry does not follow from its content',
  entry_link: 'an entry does not name the hash of the one before',
  entry_sequence: 'an entry does not have the sequence number that follows',
  entry_invalid: 'a member of an entry has a value that is not allowed',
  entry_contradiction: 'an entry says otherwise than the receipt inside it',
  unknown_entry_type: 'an entry type that this verifier does not know',
  mixed_sessions: 'entries of two sessions in one file',
  checkpoint_invalid: 'a checkpoint does not cover the entries since the last one, or is not signed by a trusted key',
  transcript_root_invalid: 'a transcript root contradicts the chain, or something follows it',
  evidence_invalid: 'an evidence receipt (version 2) is malformed',
  evidence_signature: 'the signature of an evidence receipt does not belong to it',
  evidence_chain: 'the chain of evidence receipts is broken',
  // several sessions
  predecessor_missing: 'the session before is not among the files and no retirement record explains it',
  predecessor_mismatch: 'the session before does not hold the receipt that the next one names',
  fork: 'two sessions continue the same one',
  retirement_invalid: 'a retirement record is malformed or not signed by a trusted key',
} as const

export type FaultCode = keyof typeof FAULTS

/** Worth knowing, but the evidence stands. */
export const WARNINGS = {
  unpinned: FAULTS.unpinned,
  blank_line: 'an empty line between entries',
  no_final_newline: 'the last line is whole but does not end with a line feed',
  entry_spelling: 'an entry is spelled otherwise than its emitter spells it; its content is unchanged',
  empty_file: 'a file without entries',
  file_ignored: 'a file of another kind that was not looked at',
  torn_bytes_kept: 'bytes of a cut write, moved aside when the recorder started again; they were never acknowledged',
  over_reader_limit: 'other readers refuse a shard above 8 MiB or a session above 256 shards',
  summary_differs: 'the summary of an entry is not the usual one',
  decision_not_checked: 'an entry of type decision, which has no chain of its own',
  unknown_phase: 'a decision phase other than intent and outcome',
  open_after_close: 'a session was opened behind a session_close of the same chain; older verifiers refuse that',
  session_not_closed: 'a session ends without session_close: it runs still, or its process was killed',
  unsealed_tail: 'a session was closed, but no checkpoint covers its last entries: what stands around its last receipts is not signed',
  unacknowledged_tail: 'the session holds receipts behind the one that the next session names: written, never acknowledged',
  predecessor_retired: 'the session before was deleted after its retention time; a signed record says so',
  several_roots: 'more than one session says that there was none before it',
} as const

export type WarningCode = keyof typeof WARNINGS

/** A number; as text where a number cannot hold it exactly. */
export type Position = number | string

/** Where it was found, as far as known. */
export interface Place {
  readonly file?: string | undefined
  /** Line of the file, from 1. */
  readonly line?: number | undefined
  readonly session?: string | undefined
  /** `seq` of the recorder entry. */
  readonly entry?: Position | undefined
  /** `chain_seq` of the receipt. */
  readonly sequence?: Position | undefined
}

export interface Fault extends Place {
  readonly code: FaultCode
  /** What is wrong here, in words; printable, at most 512 bytes. */
  readonly cause: string
}

export interface Warning extends Place {
  readonly code: WarningCode
  readonly cause: string
}

const MAX_CAUSE_BYTES = 512

export class FaultLog {
  readonly faults: Fault[] = []
  readonly warnings: Warning[] = []

  add(code: FaultCode, cause: string, place: Place): void {
    this.faults.push({ code, cause: sanitizeText(cause, MAX_CAUSE_BYTES), ...printablePlace(place) })
  }

  warn(code: WarningCode, cause: string, place: Place): void {
    this.warnings.push({ code, cause: sanitizeText(cause, MAX_CAUSE_BYTES), ...printablePlace(place) })
  }
}

export function positionOf(value: Uint64): Position {
  return typeof value === 'number' ? value : value.toString()
}

// attacker-controlled: names and session ids reach terminals.
function printablePlace({ file, line, session, entry, sequence }: Place): Place {
  return {
    ...(file !== undefined && { file: sanitizeText(file, MAX_CAUSE_BYTES) }),
    ...(line !== undefined && { line }),
    ...(session !== undefined && { session: sanitizeText(session, MAX_CAUSE_BYTES) }),
    ...(entry !== undefined && { entry }),
    ...(sequence !== undefined && { sequence }),
  }
}

/** What a parser of this folder throws: one thing that is wrong with a text. It never leaves the folder. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError'
  readonly code: FaultCode

  constructor(code: FaultCode, cause: string) {
    super(cause)
    this.code = code
  }
}

/** @returns what `parse` gives; `undefined` after its ShapeError was logged at the place */
export function logShapeError<Value>(log: FaultLog, place: Place, parse: () => Value): Value | undefined {
  try {
    return parse()
  } catch (thrown) {
    if (!(thrown instanceof ShapeError)) throw thrown
    log.add(thrown.code, thrown.message, place)
    return undefined
  }
}
