/** Rules of a run inside a receipt chain: session_open, heartbeat, session_close, and the run nonce of every receipt. */

import { BOUND_GENESIS_PREFIX, genesisHash, LEGACY_GENESIS, LIFECYCLE, type SessionClose, type SessionControl, type SessionHeartbeat, type SessionOpen } from '../receipt/format.ts'
import type { Uint64 } from '../receipt/go-json.ts'
import type { FaultCode, WarningCode } from './fault.ts'
import type { ParsedReceipt } from './parse-receipt.ts'

/** The receipt before. */
export interface Tail {
  readonly seq: Uint64
  readonly hash: string
}

/** `start`: no receipt is before; `unknown`: the one before could not be read. */
export type Before = Tail | 'start' | 'unknown'

export interface Reporter {
  fault(code: FaultCode, cause: string): void
  warn(code: WarningCode, cause: string): void
}

interface Run {
  readonly runNonce: string
  readonly openNonce: string
  beats: bigint
  fsyncErrors: bigint
  durabilityBlocks: bigint
  isClosed: boolean
}

type Counters = Pick<SessionHeartbeat, 'fsync_errors_gated' | 'durability_blocks'>

/** @returns exact order of counters, whichever type each has */
export function isAfter(later: Uint64, earlier: Uint64): boolean {
  return BigInt(later) === BigInt(earlier) + 1n
}

export class RunRules {
  readonly #session: string | undefined
  readonly #usedNonces: Set<string>
  #run: Run | undefined

  /**
   * @param session recorder session that the chain stands in, where known
   * @param usedNonces run nonces of every chain that is verified together
   */
  constructor(session: string | undefined, usedNonces: Set<string>) {
    this.#session = session
    this.#usedNonces = usedNonces
  }

  /** Whether a run was opened and not closed. */
  get isOpen(): boolean {
    return this.#run?.isClosed === false
  }

  /** Whether the last run was closed. */
  get isClosed(): boolean {
    return this.#run?.isClosed === true
  }

  check(receipt: ParsedReceipt, before: Before, reporter: Reporter): void {
    const { record } = receipt
    const control = record.session_control
    if (control === undefined) this.#checkAction(record.run_nonce, reporter)
    else if (!hasOneBody(control)) reporter.fault('control_invalid', 'session_control does not hold exactly the one body that its kind names')
    else this.#checkControl(receipt, control, before, reporter)
  }

  #checkAction(runNonce: string | undefined, reporter: Reporter): void {
    if (this.#run === undefined) {
      if (runNonce !== undefined && runNonce !== '') reporter.fault('run_nonce_mismatch', 'a run nonce without a session_open before it')
    } else if (this.#run.isClosed) reporter.fault('after_close', 'a receipt after the session_close')
    else if (this.#run.runNonce !== runNonce) reporter.fault('run_nonce_mismatch', 'the run nonce is not that of the session_open')
  }

  #checkControl({ record }: ParsedReceipt, control: SessionControl, before: Before, reporter: Reporter): void {
    const refuse = (cause: string) => {
      reporter.fault('control_invalid', `${control.kind}: ${cause}`)
    }
    if (record.transport !== LIFECYCLE.transport) refuse(`transport is not ${LIFECYCLE.transport}`)
    switch (control.kind) {
      case 'session_open':
        if (control.open.run_nonce !== record.run_nonce) refuse('run_nonce differs from the record')
        this.#open(control.open, record, before, reporter)
        break
      case 'heartbeat':
        if (this.#continuesRun(control.heartbeat, record.run_nonce, reporter)) this.#beat(control.heartbeat, record, before, refuse)
        break
      case 'session_close':
        if (this.#continuesRun(control.close, record.run_nonce, reporter)) this.#close(control.close, record, refuse)
        break
    }
  }

  #open(open: SessionOpen, record: ParsedReceipt['record'], before: Before, reporter: Reporter): void {
    const refuse = (cause: string) => {
      reporter.fault('control_invalid', `session_open: ${cause}`)
    }
    this.#useNonces(open, reporter, refuse)
    if (this.#session !== undefined && open.recorder_session !== this.#session) refuse('recorder_session is another session')
    if (BigInt(open.chain_open_seq) !== BigInt(record.chain_seq)) refuse('chain_open_seq is not its own sequence')

    if (record.chain_prev_hash.startsWith(BOUND_GENESIS_PREFIX)) checkBoundOpen(open, record.chain_prev_hash, reporter)
    else if (record.chain_prev_hash !== LEGACY_GENESIS) checkRestart(open, before, refuse)
    if (this.#run?.isClosed === true) reporter.warn('open_after_close', 'a session_open behind the session_close')
    this.#run = { runNonce: open.run_nonce, openNonce: open.open_nonce, beats: 0n, fsyncErrors: 0n, durabilityBlocks: 0n, isClosed: false }
  }

  #useNonces(open: SessionOpen, reporter: Reporter, refuse: (cause: string) => void): void {
    if (open.run_nonce === '' || open.open_nonce === '') refuse('a nonce is empty')
    if (this.#usedNonces.has(open.run_nonce)) reporter.fault('run_nonce_reused', 'the run nonce was used before')
    this.#usedNonces.add(open.run_nonce)
  }

  #continuesRun(body: SessionHeartbeat | SessionClose, runNonce: string | undefined, reporter: Reporter): boolean {
    const run = this.#run
    if (run === undefined) {
      reporter.fault('control_without_open', 'no session_open before it')
      return false
    }
    if (run.isClosed) {
      reporter.fault('after_close', 'a receipt after the session_close')
      return false
    }
    if (body.run_nonce !== run.runNonce || runNonce !== run.runNonce || body.open_nonce !== run.openNonce) {
      reporter.fault('run_nonce_mismatch', 'the nonces are not those of the session_open')
    }
    return true
  }

  #beat(heartbeat: SessionHeartbeat, record: ParsedReceipt['record'], before: Before, refuse: (cause: string) => void): void {
    const run = this.#run
    if (run === undefined) return
    if (BigInt(heartbeat.beat) !== run.beats + 1n) refuse(`beat ${heartbeat.beat}, expected ${run.beats + 1n}`)
    run.beats = BigInt(heartbeat.beat)
    if (heartbeat.chain_head !== record.chain_prev_hash) refuse('chain_head is not the receipt before')
    if (!isAfter(record.chain_seq, heartbeat.chain_seq_head)) refuse('chain_seq_head is not the sequence before')
    if (typeof before === 'object' && heartbeat.chain_head !== before.hash) refuse('chain_head is not the hash of the receipt before')
    checkCounters(run, heartbeat, refuse)
  }

  #close(close: SessionClose, record: ParsedReceipt['record'], refuse: (cause: string) => void): void {
    const run = this.#run
    if (run === undefined) return
    if (BigInt(close.final_seq) !== BigInt(record.chain_seq)) refuse('final_seq is not its own sequence')
    if (close.root_hash !== record.chain_prev_hash) refuse('root_hash is not the receipt before')
    // Sequences of a key segment begin at 0.
    if (!isAfter(close.receipt_count, record.chain_seq)) refuse('receipt_count is not the number of receipts of the key segment')
    checkCounters(run, close, refuse)
    run.isClosed = true
  }
}

function hasOneBody(control: SessionControl): boolean {
  const { open, heartbeat, close } = control as { open?: object; heartbeat?: object; close?: object }
  const bodies = [open, heartbeat, close].filter((body) => body !== undefined)
  const named = new Map<string, object | undefined>([['session_open', open], ['heartbeat', heartbeat], ['session_close', close]])
  return bodies.length === 1 && named.get(control.kind) !== undefined
}

function checkBoundOpen(open: SessionOpen, prevHash: string, reporter: Reporter): void {
  if (genesisHash(open) !== prevHash) reporter.fault('genesis_mismatch', 'chain_prev_hash does not follow from the session_open')
  if (open.genesis_hash !== prevHash) reporter.fault('genesis_mismatch', 'genesis_hash is not the chain_prev_hash')
  if (isNamed(open.prior_chain_head) || BigInt(open.prior_chain_seq ?? 0) !== 0n) {
    reporter.fault('control_invalid', 'session_open: a new chain names a prior chain')
  }
}

function checkRestart(open: SessionOpen, before: Before, refuse: (cause: string) => void): void {
  if (isNamed(open.genesis_hash)) refuse('genesis_hash inside a chain')
  if (typeof before !== 'object') return
  if (open.prior_chain_head !== before.hash) refuse('prior_chain_head is not the receipt before')
  if (BigInt(open.prior_chain_seq ?? 0) !== BigInt(before.seq)) refuse('prior_chain_seq is not the sequence before')
}

function checkCounters(run: Run, counters: Counters, refuse: (cause: string) => void): void {
  const fsyncErrors = BigInt(counters.fsync_errors_gated)
  const durabilityBlocks = BigInt(counters.durability_blocks)
  if (fsyncErrors < run.fsyncErrors || durabilityBlocks < run.durabilityBlocks) refuse('a failure counter decreased')
  run.fsyncErrors = fsyncErrors
  run.durabilityBlocks = durabilityBlocks
}

function isNamed(text: string | undefined): boolean {
  return text !== undefined && text !== ''
}
