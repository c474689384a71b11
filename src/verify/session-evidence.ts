/** One recorder session, entry by entry over all its files: hashes, links, sequence, and what the entries hold. */

import { ENTRY_TYPE, FIRST_PREV_HASH, receiptSummary } from '../receipt/entry.ts'
import { EvidenceChain } from './evidence-chain.ts'
import { parseEvidenceReceipt } from './evidence-receipt.ts'
import { type FaultLog, logShapeError, type Place, positionOf } from './fault.ts'
import { type ParsedEntry, parseEntry } from './parse-entry.ts'
import { type ParsedReceipt, parseReceipt } from './parse-receipt.ts'
import { type ChainOptions, ReceiptChain } from './receipt-chain.ts'
import { checkpointFaults, transcriptRootFaults } from './seal-rules.ts'
import type { SourceLine } from './source-file.ts'

interface EntryPosition {
  readonly seq: bigint
  readonly hash: string
}

export class SessionEvidence {
  readonly session: string
  readonly chain: ReceiptChain
  readonly evidence: EvidenceChain
  entries = 0
  checkpoints = 0
  readonly #options: ChainOptions & { readonly session: string }
  #before: EntryPosition | 'start' | 'unknown' = 'start'
  #firstUncovered: bigint | undefined = 0n
  #isSealed = false

  constructor(options: ChainOptions & { readonly session: string }) {
    this.#options = options
    this.session = options.session
    this.chain = new ReceiptChain(options)
    this.evidence = new EvidenceChain(options.ring, options.log)
  }

  /** @returns `seq` of the entry, where it could be read */
  add({ text, number }: SourceLine, file: string): bigint | undefined {
    const at: Place = { file, line: number, session: this.session }
    const entry = logShapeError(this.#log, at, () => parseEntry(text))
    this.entries++
    if (entry === undefined) {
      this.#before = 'unknown'
      this.#skipContent()
      return undefined
    }
    const place = { ...at, entry: positionOf(entry.fields.seq) }
    if (!this.#belongsHere(entry, place)) return undefined
    if (!entry.isUsualSpelling) this.#log.warn('entry_spelling', 'the entry is spelled in another way', place)
    this.#checkEntry(entry, place)
    this.#checkContent(entry, text, place)
    const seq = BigInt(entry.fields.seq)
    this.#before = { seq, hash: entry.statedHash }
    return seq
  }

  /** Logs what only the end of the session shows. */
  end(file: string | undefined): void {
    const place = { session: this.session, file }
    if (this.chain.isRunOpen) this.#log.warn('session_not_closed', 'no session_close', place)
    const isCovered = typeof this.#before !== 'object' || this.#firstUncovered === this.#before.seq + 1n
    if (this.chain.isRunClosed && !isCovered) this.#log.warn('unsealed_tail', 'no checkpoint behind the session_close', place)
  }

  get #log(): FaultLog {
    return this.#options.log
  }

  /** An entry of unknown content may have been a receipt of either version. */
  #skipContent(): void {
    this.chain.skip()
    this.evidence.skip()
  }

  #belongsHere({ fields }: ParsedEntry, place: Place): boolean {
    if (fields.sessionId === this.session) return true
    this.#log.add('mixed_sessions', 'the entry is of another session than the file', place)
    this.#before = 'unknown'
    return false
  }

  #checkEntry({ fields, statedHash, ownHash }: ParsedEntry, place: Place): void {
    if (statedHash !== ownHash) this.#log.add('entry_hash', 'the hash does not follow from the entry', place)
    const before = this.#before
    if (before === 'unknown') return
    const expectedSeq = before === 'start' ? 0n : before.seq + 1n
    if (BigInt(fields.seq) !== expectedSeq) {
      this.#log.add('entry_sequence', `sequence ${fields.seq}, expected ${expectedSeq}`, place)
      if (before === 'start') this.#firstUncovered = undefined
    }
    if (fields.prevHash !== (before === 'start' ? FIRST_PREV_HASH : before.hash)) {
      this.#log.add('entry_link', 'prev_hash is not the hash of the entry before', place)
    }
  }

  #checkContent(entry: ParsedEntry, line: string, place: Place): void {
    const { type } = entry.fields
    if (this.#isSealed && type !== ENTRY_TYPE.checkpoint) {
      this.#log.add('transcript_root_invalid', 'an entry follows the transcript root', place)
    }
    switch (type) {
      case ENTRY_TYPE.receipt:
        this.#addReceipt(entry, line, place)
        break
      case ENTRY_TYPE.evidence:
        this.#addEvidence(entry, place)
        break
      case ENTRY_TYPE.checkpoint:
        this.#addCheckpoint(entry, place)
        break
      case ENTRY_TYPE.transcriptRoot:
        this.#isSealed = true
        logShapeError(this.#log, place, () => {
          for (const cause of transcriptRootFaults(entry, this.chain)) this.#log.add('transcript_root_invalid', cause, place)
        })
        break
      case ENTRY_TYPE.decision:
        this.#log.warn('decision_not_checked', 'only the entry itself was checked', place)
        break
      default:
        this.#log.add('unknown_entry_type', 'the entry type is not a known one', place)
    }
  }

  #addReceipt(entry: ParsedEntry, line: string, place: Place): void {
    const receipt = logShapeError(this.#log, place, () => parseReceipt(entry.detail, line))
    if (receipt === undefined) {
      this.chain.skip()
      return
    }
    this.chain.add(receipt, place)
    this.#checkWrapping(entry, receipt, place)
  }

  /** What stands around a receipt is not signed before the next checkpoint. */
  #checkWrapping({ fields }: ParsedEntry, { record }: ParsedReceipt, place: Place): void {
    const { eventKind = '' } = fields
    if (fields.transport !== record.transport) this.#log.add('entry_contradiction', 'transport is not that of the receipt', place)
    if (eventKind !== '' && eventKind !== record.action_type) this.#log.add('entry_contradiction', 'event_kind is not the action type of the receipt', place)
    if (fields.summary !== receiptSummary(record)) this.#log.warn('summary_differs', 'the summary does not tell verdict, action type and transport', place)
  }

  #addEvidence(entry: ParsedEntry, place: Place): void {
    const receipt = logShapeError(this.#log, place, () => parseEvidenceReceipt(entry.detail))
    if (receipt === undefined) {
      this.evidence.skip()
      return
    }
    this.evidence.add(receipt, this.chain.head?.signerKey, place)
    const { eventKind = '' } = entry.fields
    if (eventKind !== '' && eventKind !== receipt.kind) this.#log.add('entry_contradiction', 'event_kind is not the payload kind', place)
  }

  #addCheckpoint(entry: ParsedEntry, place: Place): void {
    this.checkpoints++
    const signerKey = this.chain.head?.signerKey
    logShapeError(this.#log, place, () => {
      for (const cause of checkpointFaults(entry, this.#firstUncovered, this.#options.ring, signerKey)) {
        this.#log.add('checkpoint_invalid', cause, place)
      }
    })
    this.#firstUncovered = BigInt(entry.fields.seq) + 1n
  }
}
