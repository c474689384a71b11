/**
 * The receipt chain of one recorder session, receipt by receipt: signatures, sequence, links, key transitions, runs,
 * pairs, sub-chains. Goes on after a fault from what it finds, so that one break is one fault and later ones still show.
 */

import { BOUND_GENESIS_PREFIX, type KeyTransition, LEGACY_GENESIS } from '../receipt/format.ts'
import type { Uint64 } from '../receipt/go-json.ts'
import { AgentChains } from './agent-chains.ts'
import { type FaultLog, type Place, positionOf } from './fault.ts'
import { checkSignature, type ParsedReceipt } from './parse-receipt.ts'
import { type OpenAction, PhasePairs } from './phase-pairs.ts'
import { priorChainOf, type Named, type SessionPointer } from './reference-text.ts'
import { type Before, isAfter, type Reporter, RunRules } from './run-rules.ts'
import type { KeyRing } from './trusted-keys.ts'

export interface ChainHead {
  readonly seq: Uint64
  readonly hash: string
  readonly timestamp: string
  readonly signerKey: string
}

export interface ChainOptions {
  readonly ring: KeyRing
  readonly log: FaultLog
  /** Recorder session that the chain stands in, where known. */
  readonly session?: string | undefined
  /** Run nonces of all chains that are verified together. */
  readonly usedNonces: Set<string>
  /** Sequence numbers whose hashes other sessions name: they are kept. */
  readonly wanted?: ReadonlySet<bigint> | undefined
}

export class ReceiptChain {
  /** Receipts read, faulty ones included. */
  count = 0
  head: ChainHead | undefined
  /** Timestamp of the first receipt. */
  startTime: string | undefined
  /** Whether a key transition happened. */
  isRotated = false
  /** What the first session_open says of the session before. */
  prior: Named<SessionPointer>
  readonly hashes = new Map<bigint, string>()
  readonly #options: ChainOptions
  readonly #run: RunRules
  readonly #pairs = new PhasePairs()
  readonly #agents = new AgentChains()
  #before: Before = 'start'
  #rootIsBound = false

  constructor(options: ChainOptions) {
    this.#options = options
    this.#run = new RunRules(options.session, options.usedNonces)
  }

  get isRunOpen(): boolean {
    return this.#run.isOpen
  }

  get isRunClosed(): boolean {
    return this.#run.isClosed
  }

  openIntents(): OpenAction[] {
    return this.#pairs.open()
  }

  /** A receipt that could not be read, and was reported: the next one's link cannot be judged. */
  skip(): void {
    this.#before = 'unknown'
  }

  add(receipt: ParsedReceipt, at: Place): void {
    const { record, signerKey, hash } = receipt
    const place = { ...at, sequence: positionOf(record.chain_seq) }
    const { log, ring, wanted } = this.#options
    const reporter: Reporter = {
      fault: (code, cause) => {
        log.add(code, cause, place)
      },
      warn: (code, cause) => {
        log.warn(code, cause, place)
      },
    }
    checkSignature(receipt, ring, log, place)
    this.#checkPosition(receipt, reporter)
    this.#run.check(receipt, this.#before, reporter)
    this.#pairs.check(receipt, place.sequence, reporter)
    this.#agents.check(receipt, reporter)

    if (this.count === 0) this.#begin(receipt, reporter)
    this.count++
    this.head = { seq: record.chain_seq, hash, timestamp: record.timestamp, signerKey }
    this.#before = this.head
    if (wanted?.has(BigInt(record.chain_seq)) === true) this.hashes.set(BigInt(record.chain_seq), hash)
  }

  #begin({ record }: ParsedReceipt, reporter: Reporter): void {
    this.startTime = record.timestamp
    if (record.session_control?.kind !== 'session_open') return
    this.prior = priorChainOf(record)
    if (this.prior === 'malformed') reporter.fault('control_invalid', 'session_open: prior-chain is not of the form <session>:<seq>:<hash> or none')
  }

  #checkPosition(receipt: ParsedReceipt, reporter: Reporter): void {
    const { record, signerKey } = receipt
    const before = this.#before
    if (before === 'start') this.#checkStart(receipt, reporter)
    else if (record.key_transition !== undefined) this.#checkTransition(receipt, reporter)
    else {
      const expected = this.head?.signerKey
      if (expected !== undefined && expected !== signerKey) reporter.fault('signer_changed', 'the signer key changed without key_transition')
      if (before !== 'unknown') checkLink(record, before, reporter)
    }
  }

  #checkStart({ record }: ParsedReceipt, reporter: Reporter): void {
    const isOpen = record.session_control?.kind === 'session_open'
    if (Number(record.chain_seq) !== 0) reporter.fault('chain_start', `the first receipt has sequence ${record.chain_seq}, expected 0: earlier ones are missing`)
    if (record.key_transition !== undefined) reporter.fault('key_transition_invalid', 'nothing is before the first receipt')
    this.#rootIsBound = record.chain_prev_hash.startsWith(BOUND_GENESIS_PREFIX)
    if (this.#rootIsBound && !isOpen) reporter.fault('chain_start', 'a bound genesis without session_open')
    else if (!this.#rootIsBound && isOpen) reporter.fault('chain_start', 'a session_open that is not bound to its chain')
    else if (!this.#rootIsBound && record.chain_prev_hash !== LEGACY_GENESIS) reporter.fault('chain_start', 'the first receipt names a receipt before it')
  }

  #checkTransition({ record, signerKey }: ParsedReceipt, reporter: Reporter): void {
    const refuse = (cause: string) => {
      reporter.fault('key_transition_invalid', cause)
    }
    this.isRotated = true
    if (Number(record.chain_seq) !== 0) refuse('the first sequence of a key segment is not 0')
    // Only the caller can say that the successor is the same emitter: whoever holds the new key can write a transition.
    if (!this.#options.ring.isPinned) refuse('a key transition needs both keys among the trusted ones')
    if (!this.#rootIsBound) refuse('the chain does not begin with a bound session_open')
    if (signerKey === this.head?.signerKey) refuse('the key is the same as before')
    if (this.#before === 'unknown' || this.head === undefined) return
    if (!namesPrior(record.key_transition, this.head)) refuse('it does not name key, sequence and hash of the receipt before')
    if (record.chain_prev_hash !== this.head.hash) reporter.fault('broken_link', 'chain_prev_hash mismatch')
  }
}

function namesPrior(transition: KeyTransition | undefined, prior: ChainHead): boolean {
  if (transition?.prior_signer_key !== prior.signerKey) return false
  return BigInt(transition.prior_chain_seq) === BigInt(prior.seq) && transition.prior_chain_hash === prior.hash
}

function checkLink(record: ParsedReceipt['record'], before: Exclude<Before, string>, reporter: Reporter): void {
  if (!isAfter(record.chain_seq, before.seq)) {
    reporter.fault('sequence_gap', `sequence ${record.chain_seq}, expected ${BigInt(before.seq) + 1n}`)
  }
  if (record.chain_prev_hash !== before.hash) reporter.fault('broken_link', 'chain_prev_hash mismatch')
}
