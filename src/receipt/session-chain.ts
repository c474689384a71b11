/**
 * One recorder session: a receipt chain from its session_open to its session_close. Synchronous and serial, because each
 * receipt commits to the signature of the one before. A session is never resumed; the next one names its durable head.
 */

import { randomBytes } from 'node:crypto'

import type { Clock } from '../base/clock.ts'
import { uuidV7 } from '../base/uuid.ts'
import type { Signer } from '../model/signer.ts'
import { ENTRY_TYPE, receiptSummary, transcriptRootDetail, transcriptRootSummary } from './entry.ts'
import { EntryLog, type ShardLimits } from './entry-log.ts'
import {
  type ActionRecord, classifyMethod, encodeReceipt, formatTimestamp, genesisHash, LIFECYCLE, receiptHash, recordDigest, recordJson, reference, sanitizeText,
  type SessionControl, type SessionOpen, SIGNATURE_PREFIX,
} from './format.ts'
import type { ChainHead, Durability } from './group-commit.ts'
import { OpenIntents } from './open-intents.ts'
import { agentPrevReference, type ReceiptFacts } from './receipt-facts.ts'
import { recordText } from './record-text.ts'

export const SESSION_PREFIX = 'chaperone.run.'
const NONCE_BYTES = 16
/** Profiles with a sub-chain of their own; further ones get no `agent-prev:`, rather than a false `none`. */
const MAX_AGENT_CHAINS = 10_000

export interface ChainSettings {
  readonly signer: Signer
  readonly clock: Clock
  /** Trust domain, and identity of the companion itself, for the receipts that are about the session. */
  readonly principal: string
  readonly actor: string
  readonly policyHash: string
  readonly durability: Durability
  readonly heartbeatSeconds: number
  readonly limits: ShardLimits
}

/** Failures since the process began; they stand in heartbeats and in the close, and never decrease. */
export interface FaultCounts {
  /** Writes and syncs that failed. */
  readonly fsyncErrors: number
  /** Exchanges refused because their receipt could not be recorded. */
  readonly durabilityBlocks: number
}

/** A receipt in the chain. */
export interface Placed {
  /** Resolves when the receipt is acknowledged; rejects with a RecorderError. Safe to leave alone. */
  readonly durable: Promise<void>
  readonly seq: number
  readonly hash: string
}

interface LifecycleEvent {
  readonly control: SessionControl
  readonly pattern?: string
  readonly refs: readonly string[]
}

/** What of a receipt stands beside it on its line. */
interface Shown {
  readonly timestampMs: number
  readonly action_type: string
  readonly verdict: string
  readonly transport: string
}

export class SessionChain {
  readonly id: string
  readonly intents: OpenIntents
  policyHash: string
  readonly #settings: ChainSettings
  readonly #log: EntryLog
  readonly #runNonce = randomBytes(NONCE_BYTES).toString('hex')
  readonly #openNonce = randomBytes(NONCE_BYTES).toString('hex')
  readonly #agents = new Map<string, ChainHead>()
  #head: ChainHead
  /** When the first and the newest receipt were decided. */
  #startMs = Number.NaN
  #endMs = Number.NaN
  #beats = 0

  constructor(settings: ChainSettings, push: (line: string, shard: string, head: ChainHead) => Promise<void>) {
    const { signer, clock, limits } = settings
    this.#settings = settings
    this.id = SESSION_PREFIX + this.#runNonce
    this.intents = new OpenIntents(clock)
    this.policyHash = settings.policyHash
    this.#log = new EntryLog({ session: this.id, signer, clock, limits, push })
    this.#head = { session: this.id, seq: -1, hash: '' }
  }

  /** The newest receipt, durable or not. */
  get head(): ChainHead {
    return this.#head
  }

  get shards(): number {
    return this.#log.shards
  }

  /** Whether the session must end before the next receipt. */
  get full(): boolean {
    return this.#log.full
  }

  /** @param prior durable head of the session before */
  open(prior: ChainHead | undefined): Placed {
    const facts: SessionOpen = {
      run_nonce: this.#runNonce,
      open_nonce: this.#openNonce,
      recorder_session: this.id,
      policy_hash: this.policyHash,
      signer_key_epoch: this.#settings.signer.publicKeyHex,
      heartbeat_seconds: this.#settings.heartbeatSeconds,
      chain_open_seq: 0,
    }
    const genesis = genesisHash(facts)
    this.#head = { session: this.id, seq: -1, hash: genesis }
    const priorText = prior === undefined ? 'none' : `${prior.session}:${prior.seq}:${prior.hash}`
    return this.#appendLifecycle({
      control: { kind: 'session_open', open: { ...facts, genesis_hash: genesis } },
      refs: [reference('prior-chain', priorText), reference('durability', this.#settings.durability)],
    })
  }

  append(facts: ReceiptFacts): Placed {
    const isOutcome = facts.decisionPhase === 'outcome'
    // A session that rolled in between does not hold the intent: an outcome alone would break the pairing of verifiers.
    const isPaired = !isOutcome || this.intents.settle(facts.actionId)
    const { agentKey } = facts
    const hasSubChain = agentKey !== undefined && (this.#agents.size < MAX_AGENT_CHAINS || this.#agents.has(agentKey))
    const text = recordText(facts, {
      prevHash: this.#head.hash,
      seq: this.#head.seq + 1,
      runNonce: this.#runNonce,
      principal: this.#settings.principal,
      policyHash: this.policyHash,
      isPaired,
      agentPrev: hasSubChain ? agentPrevReference(this.#agents.get(agentKey)) : undefined,
    })
    const { action_type } = classifyMethod(facts.method ?? '')
    const shown = { timestampMs: facts.timestampMs, action_type, verdict: facts.verdict, transport: sanitizeText(facts.transport) }
    const placed = this.#appendText(text, shown)
    if (facts.decisionPhase === 'intent') this.intents.open(facts.actionId, placed.seq)
    if (hasSubChain) this.#agents.set(agentKey, this.#head)
    return placed
  }

  heartbeat(faults: FaultCounts): Placed {
    this.#beats++
    const heartbeat = {
      run_nonce: this.#runNonce,
      open_nonce: this.#openNonce,
      beat: this.#beats,
      chain_head: this.#head.hash,
      chain_seq_head: this.#head.seq,
      heartbeat_time: formatTimestamp(this.#settings.clock.nowMs()),
      fsync_errors_gated: faults.fsyncErrors,
      durability_blocks: faults.durabilityBlocks,
    }
    return this.#appendLifecycle({ control: { kind: 'heartbeat', heartbeat }, pattern: this.intents.summary(), refs: [] })
  }

  /**
   * Close, transcript root and final checkpoint. Nothing may be appended afterwards.
   *
   * @param successorKey hex public key that signs the next session, where it is another one
   * @returns resolves when all of it is acknowledged
   */
  close(reason: string, faults: FaultCounts, successorKey?: string): Promise<void> {
    const close = {
      run_nonce: this.#runNonce,
      open_nonce: this.#openNonce,
      final_seq: this.#head.seq + 1,
      root_hash: this.#head.hash,
      receipt_count: this.#head.seq + 2,
      close_reason: reason,
      fsync_errors_gated: faults.fsyncErrors,
      durability_blocks: faults.durabilityBlocks,
    }
    const refs = successorKey === undefined ? [] : [reference('successor-key', successorKey)]
    this.#appendLifecycle({ control: { kind: 'session_close', close }, pattern: this.intents.summary(), refs })
    const rooted = this.#appendTranscriptRoot()
    return this.#log.checkpoint(this.#head) ?? rooted
  }

  #appendTranscriptRoot(): Promise<void> {
    const root = {
      sessionId: this.id,
      finalSeq: this.#head.seq,
      rootHash: this.#head.hash,
      receiptCount: this.#head.seq + 1,
      startTime: formatTimestamp(this.#startMs),
      endTime: formatTimestamp(this.#endMs),
    }
    const type = ENTRY_TYPE.transcriptRoot
    const content = { type, eventKind: type, transport: '', summary: transcriptRootSummary(root), detail: transcriptRootDetail(root) }
    return this.#log.append(content, this.#head)
  }

  #appendLifecycle({ control, pattern, refs }: LifecycleEvent): Placed {
    const nowMs = this.#settings.clock.nowMs()
    const record: ActionRecord = {
      version: 1,
      action_id: uuidV7(nowMs),
      action_type: LIFECYCLE.actionType,
      timestamp: formatTimestamp(nowMs),
      principal: this.#settings.principal,
      actor: this.#settings.actor,
      delegation_chain: null,
      target: LIFECYCLE.targets[control.kind],
      side_effect_class: LIFECYCLE.sideEffectClass,
      reversibility: LIFECYCLE.reversibility,
      policy_hash: this.policyHash,
      verdict: LIFECYCLE.verdict,
      transport: LIFECYCLE.transport,
      ...(pattern !== undefined && { layer: 'session', pattern }),
      chain_prev_hash: this.#head.hash,
      chain_seq: this.#head.seq + 1,
      run_nonce: this.#runNonce,
      session_control: control,
      precedent_refs: refs,
    }
    return this.#appendText(recordJson(record), { ...record, timestampMs: nowMs })
  }

  /** The chain moves only after everything that can throw has passed. @param text canonical text of the record */
  #appendText(text: string, shown: Shown): Placed {
    const { signer } = this.#settings
    const signature = SIGNATURE_PREFIX + signer.sign(recordDigest(text)).toString('hex')
    const detail = encodeReceipt(text, signature, signer.publicKeyHex)
    const head: ChainHead = { session: this.id, seq: this.#head.seq + 1, hash: receiptHash(detail) }
    this.#head = head
    if (Number.isNaN(this.#startMs)) this.#startMs = shown.timestampMs
    this.#endMs = shown.timestampMs
    const durable = this.#log.append(
      { type: ENTRY_TYPE.receipt, eventKind: shown.action_type, transport: shown.transport, summary: receiptSummary(shown), detail },
      head,
    )
    return { seq: head.seq, hash: head.hash, durable }
  }
}
