/** The chain of evidence receipts (version 2) of one recorder session; it counts and links apart from version 1. */

import { LEGACY_GENESIS } from '../receipt/format.ts'
import type { EvidenceReceipt } from './evidence-receipt.ts'
import type { FaultLog, Place } from './fault.ts'
import { isAfter, type Tail } from './run-rules.ts'
import type { KeyRing } from './trusted-keys.ts'

export class EvidenceChain {
  count = 0
  readonly #ring: KeyRing
  readonly #log: FaultLog
  #before: Tail | 'start' | 'unknown' = 'start'

  constructor(ring: KeyRing, log: FaultLog) {
    this.#ring = ring
    this.#log = log
  }

  /** One that could not be read, and was reported. */
  skip(): void {
    this.#before = 'unknown'
  }

  /** @param signerKey of the session's receipts: who writes both without trusted keys must be one */
  add(receipt: EvidenceReceipt, signerKey: string | undefined, place: Place): void {
    this.count++
    if (!this.#ring.admits(receipt.signerKey)) this.#log.add('signer_untrusted', 'the signer of an evidence receipt is not trusted', place)
    else if (!this.#ring.isPinned && signerKey !== undefined && signerKey !== receipt.signerKey) {
      this.#log.add('signer_changed', 'an evidence receipt has another signer than the receipts', place)
    }
    if (!this.#ring.verifies(receipt.signerKey, receipt.signedText, receipt.signature)) {
      this.#log.add('evidence_signature', 'signature verification failed', place)
    }
    this.#checkPosition(receipt, place)
    this.#before = { seq: receipt.chainSeq, hash: receipt.hash }
  }

  #checkPosition({ chainSeq, chainPrevHash }: EvidenceReceipt, place: Place): void {
    const before = this.#before
    if (before === 'unknown') return
    const follows = before === 'start' ? BigInt(chainSeq) === 0n : isAfter(chainSeq, before.seq)
    if (!follows) this.#log.add('evidence_chain', `chain_seq ${chainSeq} does not follow`, place)
    if (chainPrevHash !== (before === 'start' ? LEGACY_GENESIS : before.hash)) this.#log.add('evidence_chain', 'chain_prev_hash mismatch', place)
  }
}
