/** Builds evidence by hand, well signed and well linked, so that a test can break exactly one thing in it. */

import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'

import {
  checkpointDetail, checkpointSignedText, checkpointSummary, ENTRY_TYPE, type EntryFields, evidenceFileName, FIRST_PREV_HASH, receiptSummary,
  sealEntry, transcriptRootDetail, transcriptRootSummary,
} from '../../src/receipt/entry.ts'
import {
  type ActionRecord, encodeReceipt, genesisHash, LEGACY_GENESIS, LIFECYCLE, receiptHash, recordDigest, recordJson, type SessionControl,
  type SessionOpen, SIGNATURE_PREFIX,
} from '../../src/receipt/format.ts'
import type { SourceFile } from '../../src/verify/index.ts'

export interface TestKey {
  readonly publicKey: string
  sign(message: Buffer): string
}

/** @returns always the same key for a name, so that nothing secret stands in a test */
export function aKey(name: string): TestKey {
  const seed = createHash('sha256').update(`test key ${name}`).digest()
  const key = createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex')
  return { publicKey, sign: (message) => sign(null, message, key).toString('hex') }
}

export const KEY = aKey('a')
export const TIME = '2026-05-01T10:00:00.5Z'

export function aRecord(fields: Partial<ActionRecord> = {}): ActionRecord {
  return {
    version: 1,
    action_id: '019f9659-49ec-7198-a538-d6776b51f209',
    action_type: 'read',
    timestamp: TIME,
    principal: 'a.example',
    actor: 'spiffe://a.example/agent/writer',
    delegation_chain: null,
    target: 'https://api.example/v1?a=1&b=<2>',
    side_effect_class: 'external_read',
    reversibility: 'full',
    policy_hash: 'defaults',
    verdict: 'allow',
    transport: 'forward',
    method: 'GET',
    chain_prev_hash: LEGACY_GENESIS,
    chain_seq: 0,
    ...fields,
  }
}

/** @param edit of the record's text before it is signed */
export function aReceipt(record: ActionRecord, edit: (text: string) => string = (text) => text, key = KEY): string {
  const text = edit(recordJson(record))
  return encodeReceipt(text, SIGNATURE_PREFIX + key.sign(recordDigest(text)), key.publicKey)
}

export interface Edits {
  /** Of the record's text, before it is signed. */
  readonly record?: (text: string) => string
  /** Of the entry, before it is hashed. */
  readonly entry?: Partial<EntryFields>
}

export class Evidence {
  readonly session: string
  readonly lines: string[] = []
  /** Receipts without their entries. */
  readonly receipts: string[] = []
  key: TestKey
  runNonce: string | undefined
  head = { seq: -1, hash: LEGACY_GENESIS }
  #openNonce = ''
  #beats = 0
  #entryHash: string = FIRST_PREV_HASH
  #firstUncovered = 0

  constructor(name = '1', key = KEY) {
    this.session = `chaperone.run.${name.repeat(32).slice(0, 32)}`
    this.key = key
  }

  /** Session_open, three actions with intents and outcomes, heartbeat, close, root, checkpoint. */
  static whole(name = '1', prior?: Evidence): Evidence {
    const evidence = new Evidence(name)
    evidence.open(prior)
    for (const id of ['one', 'two', 'three']) evidence.action(id)
    evidence.heartbeat()
    evidence.close()
    evidence.transcriptRoot()
    evidence.checkpoint()
    return evidence
  }

  open(prior?: Evidence, fields: Partial<SessionOpen> = {}, record: Partial<ActionRecord> = {}): void {
    this.runNonce = fields.run_nonce ?? this.session.slice(-32)
    this.#openNonce = `open-${this.runNonce}`
    this.#beats = 0
    const isFirst = this.head.seq === -1
    const open: SessionOpen = {
      run_nonce: this.runNonce,
      open_nonce: this.#openNonce,
      recorder_session: this.session,
      policy_hash: 'defaults',
      signer_key_epoch: this.key.publicKey,
      heartbeat_seconds: 60,
      chain_open_seq: record.chain_seq ?? this.head.seq + 1,
      ...(!isFirst && { prior_chain_head: this.head.hash, prior_chain_seq: this.head.seq }),
      ...fields,
    }
    const genesis = genesisHash(open)
    if (isFirst) this.head = { seq: -1, hash: genesis }
    const ref = prior === undefined ? 'prior-chain:none' : `prior-chain:${prior.session}:${prior.head.seq}:${prior.head.hash}`
    this.control({ kind: 'session_open', open: isFirst ? { ...open, genesis_hash: genesis } : open }, { precedent_refs: [ref], ...record })
  }

  heartbeat(fields: object = {}): void {
    this.#beats++
    const heartbeat = {
      run_nonce: this.runNonce ?? '', open_nonce: this.#openNonce, beat: this.#beats, chain_head: this.head.hash, chain_seq_head: this.head.seq,
      heartbeat_time: TIME, fsync_errors_gated: 0, durability_blocks: 0, ...fields,
    }
    this.control({ kind: 'heartbeat', heartbeat })
  }

  close(fields: object = {}): void {
    const close = {
      run_nonce: this.runNonce ?? '', open_nonce: this.#openNonce, final_seq: this.head.seq + 1, root_hash: this.head.hash,
      receipt_count: this.head.seq + 2, close_reason: 'graceful_shutdown', fsync_errors_gated: 0, durability_blocks: 0, ...fields,
    }
    this.control({ kind: 'session_close', close })
  }

  control(control: SessionControl, fields: Partial<ActionRecord> = {}): void {
    this.add({
      action_id: `control-${this.lines.length}`, action_type: 'unclassified', target: LIFECYCLE.targets[control.kind], side_effect_class: 'none',
      reversibility: 'unknown', transport: LIFECYCLE.transport, method: '', session_control: control, ...fields,
    })
  }

  /** Intent and outcome. */
  action(id: string, fields: Partial<ActionRecord> = {}): void {
    this.add({ action_id: id, decision_phase: 'intent', ...fields })
    this.add({ action_id: id, decision_phase: 'outcome', layer: 'outcome', pattern: 'status=200', ...fields })
  }

  /** Signs and links a receipt; what `fields` says stands, be it wrong. */
  add(fields: Partial<ActionRecord> = {}, edits: Edits = {}): void {
    const record = aRecord({ chain_prev_hash: this.head.hash, chain_seq: this.head.seq + 1, run_nonce: this.runNonce, ...fields })
    const detail = aReceipt(record, edits.record, this.key)
    this.receipts.push(detail)
    this.head = { seq: Number(record.chain_seq), hash: receiptHash(detail) }
    this.entry({ type: ENTRY_TYPE.receipt, eventKind: record.action_type, transport: record.transport, summary: receiptSummary(record), detail, ...edits.entry })
  }

  transcriptRoot(fields: object = {}): void {
    const root = {
      sessionId: this.session, finalSeq: this.head.seq, rootHash: this.head.hash, receiptCount: this.head.seq + 1, startTime: TIME, endTime: TIME,
      ...fields,
    }
    const type = ENTRY_TYPE.transcriptRoot
    this.entry({ type, eventKind: type, summary: transcriptRootSummary(root), detail: transcriptRootDetail(root) })
  }

  checkpoint(fields: object = {}): void {
    const last = this.lines.length - 1
    const signature = this.key.sign(checkpointSignedText(this.#entryHash))
    const checkpoint = { entryCount: last - this.#firstUncovered + 1, firstSeq: this.#firstUncovered, lastSeq: last, signature, ...fields }
    const type = ENTRY_TYPE.checkpoint
    this.entry({ type, eventKind: type, summary: checkpointSummary(checkpoint), detail: checkpointDetail(checkpoint) })
    this.#firstUncovered = this.lines.length
  }

  /** Links and hashes an entry. */
  entry(fields: Partial<EntryFields>): void {
    const { line, hash } = sealEntry({
      version: 2, seq: this.lines.length, timestamp: TIME, sessionId: this.session, type: 'action_receipt', transport: '', summary: '', detail: '{}',
      prevHash: this.#entryHash, ...fields,
    })
    this.#entryHash = hash
    this.lines.push(line)
  }

  get text(): string {
    return this.lines.map((line) => `${line}\n`).join('')
  }

  /** @param at first entries of the shards behind the first */
  files(...at: readonly number[]): SourceFile[] {
    const starts = [0, ...at]
    return starts.map((start, index) => ({
      name: evidenceFileName(this.session, start),
      content: this.lines.slice(start, starts[index + 1]).map((line) => `${line}\n`).join(''),
    }))
  }
}
