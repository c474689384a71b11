/**
 * The receipt wire format, version 1: the closed field list (profile C), its canonical text, digests and the bound
 * genesis. Pure: no clock, no key, no file. Member names are the wire names. The format is the published one of Pipelock.
 */

import { createHash, hash } from 'node:crypto'

import { cutEncoded, percentEncoded } from '../base/printable-text.ts'
import { always, encodeStruct, nested, nestedList, optional, quoteGo, type StructMember, type Uint64 } from './go-json.ts'

export { sanitizeText } from '../base/printable-text.ts'

export const ACTION_TYPES = ['read', 'derive', 'write', 'delegate', 'authorize', 'spend', 'commit', 'actuate', 'unclassified'] as const
export type ActionType = (typeof ACTION_TYPES)[number]
export type SideEffectClass = 'none' | 'external_read' | 'external_write' | 'financial' | 'physical'
export type Reversibility = 'full' | 'compensatable' | 'irreversible' | 'unknown'

/**
 * What was decided about one action. Members in canonical order; one that may be absent is left out of the text when it
 * is empty, 0 or false. The text lists are closed on our side, open on the wire: a verifier reads other emitters too.
 */
export interface ActionRecord {
  readonly version: 1
  /** UUID version 7; an intent and its outcome share it. */
  readonly action_id: string
  readonly parent_action_id?: string | undefined
  readonly action_type: ActionType
  /** RFC 3339 as `formatTimestamp` writes it. */
  readonly timestamp: string
  readonly principal: string
  readonly actor: string
  /** Oldest hop first; `null` where there is none. */
  readonly delegation_chain: readonly string[] | null
  readonly target: string
  readonly intent?: string | undefined
  readonly data_classes_in?: readonly string[] | undefined
  readonly data_classes_out?: readonly string[] | undefined
  readonly side_effect_class: string
  readonly reversibility: string
  readonly policy_hash: string
  /** `allow`, `warn`, `block`, `strip`, `redirect`, ... */
  readonly verdict: string
  /** `intent` or `outcome`; absent where one receipt says all. */
  readonly decision_phase?: string | undefined
  readonly defer_id?: string | undefined
  readonly resolution_policy?: string | undefined
  readonly resolution_source?: string | undefined
  readonly session_id?: string | undefined
  readonly session_id_original?: string | undefined
  readonly session_taint_level?: string | undefined
  readonly session_contaminated?: boolean | undefined
  readonly recent_taint_sources?: readonly TaintSource[] | undefined
  readonly session_task_id?: string | undefined
  readonly session_task_label?: string | undefined
  readonly authority_kind?: string | undefined
  readonly taint_decision?: string | undefined
  readonly taint_decision_reason?: string | undefined
  readonly task_override_applied?: boolean | undefined
  readonly contract_winning_source?: string | undefined
  readonly contract_live_verdict?: string | undefined
  readonly contract_policy_sources?: readonly string[] | undefined
  readonly contract_rule_id?: string | undefined
  readonly active_manifest_hash?: string | undefined
  readonly contract_hash?: string | undefined
  readonly contract_selector_id?: string | undefined
  readonly contract_generation?: Uint64 | undefined
  readonly transport: string
  readonly method?: string | undefined
  readonly layer?: string | undefined
  readonly pattern?: string | undefined
  readonly severity?: string | undefined
  readonly redaction?: RedactionSummary | undefined
  readonly shield?: ShieldSummary | undefined
  readonly request_id?: string | undefined
  /** Hash of the receipt before, or `genesis`, or `g1:` and the bound genesis. */
  readonly chain_prev_hash: string
  readonly chain_seq: Uint64
  readonly run_nonce?: string | undefined
  readonly key_transition?: KeyTransition | undefined
  readonly session_control?: SessionControl | undefined
  readonly venue?: string | undefined
  readonly jurisdiction?: string | undefined
  readonly rulebook_id?: string | undefined
  readonly remedy_class?: string | undefined
  readonly contestation_window?: string | undefined
  readonly precedent_refs?: readonly string[] | undefined
}

export interface TaintSource {
  readonly url: string
  readonly kind: string
  /** 0 trusted to 5 hostile. */
  readonly level: Uint64
  readonly timestamp: string
  readonly receipt_id?: string | undefined
  readonly match_reason?: string | undefined
}

/** What was replaced by placeholders. Present, even if empty, wherever redaction ran. */
export interface RedactionSummary {
  readonly profile?: string | undefined
  readonly provider?: string | undefined
  readonly parser?: string | undefined
  readonly total_redactions?: Uint64 | undefined
  readonly by_class?: ReadonlyMap<string, Uint64> | undefined
  readonly cache_boundary_kept?: boolean | undefined
}

/** Another emitter's response cleaning: read and re-encoded, never written by us. */
export type ShieldSummary = Readonly<Record<string, string | boolean | Uint64 | undefined>>

export interface KeyTransition {
  readonly prior_signer_key: string
  readonly prior_chain_seq: Uint64
  readonly prior_chain_hash: string
}

export type SessionControl =
  | { readonly kind: 'session_open'; readonly open: SessionOpen }
  | { readonly kind: 'heartbeat'; readonly heartbeat: SessionHeartbeat }
  | { readonly kind: 'session_close'; readonly close: SessionClose }

export interface SessionOpen {
  readonly run_nonce: string
  readonly open_nonce: string
  /** Session id of the recorder files. */
  readonly recorder_session: string
  readonly policy_hash: string
  /** Hex public key that signs from here on. */
  readonly signer_key_epoch: string
  readonly heartbeat_seconds: Uint64
  readonly chain_open_seq: Uint64
  readonly prior_chain_head?: string | undefined
  readonly prior_chain_seq?: Uint64 | undefined
  readonly genesis_hash?: string | undefined
  readonly genesis_anchor_head?: string | undefined
  readonly genesis_anchor_log?: string | undefined
  readonly posture_capsule_sha256?: string | undefined
  readonly posture_signer_key_id?: string | undefined
  readonly containment_nonce?: string | undefined
  readonly contained_uid?: string | undefined
}

export interface SessionHeartbeat {
  readonly run_nonce: string
  readonly open_nonce: string
  /** 1, 2, 3, ... */
  readonly beat: Uint64
  /** Hash and sequence of the receipt just before. */
  readonly chain_head: string
  readonly chain_seq_head: Uint64
  readonly heartbeat_time: string
  readonly fsync_errors_gated: Uint64
  readonly durability_blocks: Uint64
}

export interface SessionClose {
  readonly run_nonce: string
  readonly open_nonce: string
  /** Sequence of the close itself. */
  readonly final_seq: Uint64
  /** `chain_prev_hash` of the close itself. */
  readonly root_hash: string
  /** Receipts of the key segment, the close included. */
  readonly receipt_count: Uint64
  readonly close_reason: string
  readonly fsync_errors_gated: Uint64
  readonly durability_blocks: Uint64
}

export interface Receipt {
  readonly version: 1
  readonly action_record: ActionRecord
  /** `ed25519:` and 128 hex digits, over `recordDigest`. */
  readonly signature: string
  /** 64 lower-case hex digits. */
  readonly signer_key: string
  /** Unsigned extension of other emitters, as compacted JSON text; part of the receipt hash. We write none. */
  readonly ext?: string | undefined
}

/** First `chain_prev_hash` of a chain that no signed session_open binds. */
export const LEGACY_GENESIS = 'genesis'
export const BOUND_GENESIS_PREFIX = 'g1:'
export const SIGNATURE_PREFIX = 'ed25519:'

/** Constant members of the receipts that open, keep alive and close a session. */
export const LIFECYCLE = {
  transport: 'receipt_session',
  actionType: 'unclassified',
  sideEffectClass: 'none',
  reversibility: 'unknown',
  verdict: 'allow',
  targets: { session_open: 'pipelock://session/open', heartbeat: 'pipelock://session/heartbeat', session_close: 'pipelock://session/close' },
} as const

type Members = readonly StructMember[]

/** The two below, and the ones that follow, are the closed lists of version 1: order is part of the signed bytes. */
const TAINT_SOURCE_MEMBERS: Members = [
  ...always('text', 'url', 'kind'), ...always('uint8', 'level'), ...always('time', 'timestamp'),
  ...optional('text', 'receipt_id', 'match_reason'),
]

const REDACTION_MEMBERS: Members = [
  ...optional('text', 'profile', 'provider', 'parser'), ...optional('int64', 'total_redactions'),
  ...optional('counts', 'by_class'), ...optional('flag', 'cache_boundary_kept'),
]

const SHIELD_MEMBERS: Members = [
  ...optional('text', 'pipeline'), ...optional('int64', 'total_rewrites', 'extension_probes', 'tracking_beacons', 'agent_traps'),
  ...optional('flag', 'fingerprint_shim_injected'),
  ...optional('int64', 'svg_foreign_objects', 'svg_event_handlers', 'svg_external_references', 'svg_hidden_text'),
  ...optional('int64', 'svg_animation_injections', 'body_bytes', 'scanned_bytes'), ...optional('flag', 'partial'),
  ...optional('int64', 'adaptive_signals_recorded', 'adaptive_signal_max_per_body'),
]

const KEY_TRANSITION_MEMBERS: Members = [
  ...always('text', 'prior_signer_key'), ...always('uint64', 'prior_chain_seq'), ...always('text', 'prior_chain_hash'),
]

const OPEN_MEMBERS: Members = [
  ...always('text', 'run_nonce', 'open_nonce', 'recorder_session', 'policy_hash', 'signer_key_epoch'),
  ...always('int64', 'heartbeat_seconds'), ...always('uint64', 'chain_open_seq'),
  ...optional('text', 'prior_chain_head'), ...optional('uint64', 'prior_chain_seq'),
  ...optional('text', 'genesis_hash', 'genesis_anchor_head', 'genesis_anchor_log', 'posture_capsule_sha256'),
  ...optional('text', 'posture_signer_key_id', 'containment_nonce', 'contained_uid'),
]

const HEARTBEAT_MEMBERS: Members = [
  ...always('text', 'run_nonce', 'open_nonce'), ...always('uint64', 'beat'), ...always('text', 'chain_head'),
  ...always('uint64', 'chain_seq_head'), ...always('time', 'heartbeat_time'),
  ...always('uint64', 'fsync_errors_gated', 'durability_blocks'),
]

const CLOSE_MEMBERS: Members = [
  ...always('text', 'run_nonce', 'open_nonce'), ...always('uint64', 'final_seq'), ...always('text', 'root_hash'),
  ...always('uint64', 'receipt_count'), ...always('text', 'close_reason'),
  ...always('uint64', 'fsync_errors_gated', 'durability_blocks'),
]

const CONTROL_MEMBERS: Members = [
  ...always('text', 'kind'),
  nested('open', OPEN_MEMBERS), nested('heartbeat', HEARTBEAT_MEMBERS), nested('close', CLOSE_MEMBERS),
]

/** Every member of an action record in canonical order: the one list that encoder and strict reader both follow. */
export const RECORD_MEMBERS: Members = [
  ...always('version', 'version'), ...always('text', 'action_id'), ...optional('text', 'parent_action_id'),
  ...always('text', 'action_type'), ...always('time', 'timestamp'), ...always('text', 'principal', 'actor'),
  ...always('texts', 'delegation_chain'), ...always('text', 'target'), ...optional('text', 'intent'),
  ...optional('texts', 'data_classes_in', 'data_classes_out'),
  ...always('text', 'side_effect_class', 'reversibility', 'policy_hash', 'verdict'),
  ...optional('text', 'decision_phase', 'defer_id', 'resolution_policy', 'resolution_source', 'session_id', 'session_id_original'),
  ...optional('text', 'session_taint_level'), ...optional('flag', 'session_contaminated'),
  nestedList('recent_taint_sources', TAINT_SOURCE_MEMBERS),
  ...optional('text', 'session_task_id', 'session_task_label', 'authority_kind', 'taint_decision', 'taint_decision_reason'),
  ...optional('flag', 'task_override_applied'), ...optional('text', 'contract_winning_source', 'contract_live_verdict'),
  ...optional('texts', 'contract_policy_sources'),
  ...optional('text', 'contract_rule_id', 'active_manifest_hash', 'contract_hash', 'contract_selector_id'),
  ...optional('uint64', 'contract_generation'), ...always('text', 'transport'),
  ...optional('text', 'method', 'layer', 'pattern', 'severity'),
  nested('redaction', REDACTION_MEMBERS), nested('shield', SHIELD_MEMBERS), ...optional('text', 'request_id'),
  ...always('text', 'chain_prev_hash'), ...always('uint64', 'chain_seq'), ...optional('text', 'run_nonce'),
  nested('key_transition', KEY_TRANSITION_MEMBERS), nested('session_control', CONTROL_MEMBERS),
  ...optional('text', 'venue', 'jurisdiction', 'rulebook_id', 'remedy_class', 'contestation_window'),
  ...optional('texts', 'precedent_refs'),
]

/** @returns the canonical text of a record: what is signed (through SHA-256) and what stands on disk */
export function recordJson(record: ActionRecord): string {
  return encodeStruct(RECORD_MEMBERS, record)
}

/** @returns 32 bytes: the message of the Ed25519 signature. Takes the canonical text where it was built already. */
export function recordDigest(record: ActionRecord | string): Buffer {
  return hash('sha256', typeof record === 'string' ? record : recordJson(record), 'buffer')
}

/**
 * @param recordText canonical text of the record, from `recordJson`
 * @param ext compacted JSON text of the unsigned extension
 * @returns canonical text of the whole receipt, as it stands in the recorder
 */
export function encodeReceipt(recordText: string, signature: string, signerKey: string, ext?: string): string {
  const head = `{"version":1,"action_record":${recordText},"signature":${quoteGo(signature)},"signer_key":${quoteGo(signerKey)}`
  return ext === undefined ? `${head}}` : `${head},"ext":${ext}}`
}

export function receiptJson(receipt: Receipt): string {
  return encodeReceipt(recordJson(receipt.action_record), receipt.signature, receipt.signer_key, receipt.ext)
}

/** @returns hex SHA-256 of the whole receipt: the next one's `chain_prev_hash`. Takes the text where it was built already. */
export function receiptHash(receipt: Receipt | string): string {
  return hash('sha256', typeof receipt === 'string' ? receipt : receiptJson(receipt), 'hex')
}

const GENESIS_LABEL = 'pipelock.receipt.session_open.v1'

/** @returns `g1:` and the hash that binds a new chain to the facts of its session_open; every field is length-framed */
export function genesisHash(open: SessionOpen): string {
  const digest = createHash('sha256')
  const frame = (bytes: Buffer) => {
    digest.update(uint64Bytes(BigInt(bytes.length)))
    digest.update(bytes)
  }
  for (const text of [GENESIS_LABEL, open.run_nonce, open.open_nonce, open.recorder_session, open.policy_hash, open.signer_key_epoch]) frame(Buffer.from(text))
  const heartbeatSeconds = BigInt(open.heartbeat_seconds)
  frame(uint64Bytes(heartbeatSeconds < 0n ? 0n : heartbeatSeconds))
  for (const text of [open.genesis_anchor_head, open.genesis_anchor_log, open.posture_capsule_sha256, open.containment_nonce, open.contained_uid]) {
    frame(Buffer.from(text ?? ''))
  }
  return BOUND_GENESIS_PREFIX + digest.digest('hex')
}

function uint64Bytes(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value))
  return bytes
}

/** Classes of an HTTP method. `read` covers CONNECT: what is done inside the tunnel has receipts of its own. */
export function classifyMethod(method: string): { action_type: ActionType; side_effect_class: SideEffectClass; reversibility: Reversibility } {
  switch (method) {
    case 'GET': case 'HEAD': case 'OPTIONS': case 'TRACE': case 'CONNECT':
      return { action_type: 'read', side_effect_class: 'external_read', reversibility: 'full' }
    case 'POST': case 'PUT': case 'PATCH':
      return { action_type: 'write', side_effect_class: 'external_write', reversibility: 'compensatable' }
    case 'DELETE':
      return { action_type: 'write', side_effect_class: 'external_write', reversibility: 'irreversible' }
    default:
      return { action_type: 'unclassified', side_effect_class: 'none', reversibility: 'unknown' }
  }
}

/** @returns RFC 3339 in UTC with the zeros at the end of the fraction dropped, as Go writes it; never `.000Z` */
export function formatTimestamp(ms: number): string {
  const iso = new Date(ms).toISOString()
  let end = iso.length - 1
  while (iso.charCodeAt(end - 1) === ZERO) end--
  if (iso.charCodeAt(end - 1) === DOT) end--
  // A time without fraction must keep the zeros of its seconds: only cut behind the dot.
  return end < SECONDS_END ? `${iso.slice(0, SECONDS_END)}Z` : `${iso.slice(0, end)}Z`
}

const ZERO = 0x30
const DOT = 0x2e
/** Length of `2026-01-01T00:00:00`. */
const SECONDS_END = 19

/** The closed set of entries that our `precedent_refs` may have. */
export type ReferencePrefix =
  | 'identity' | 'claimed' | 'digest' | 'resp-digest' | 'keyid' | 'nonce' | 'audience' | 'addr' | 'block-reason' | 'peer-head'
  | 'claimed-rid' | 'agent-prev' | 'prior-chain' | 'durability' | 'cause' | 'successor-key' | 'suppressed'

const REFERENCE_MAX_BYTES = 512
const REFERENCE_PLAIN = /^[A-Za-z0-9._~:/=+;,@-]*$/
/** With the longest prefix and the colon still inside the limit. */
const REFERENCE_PLAIN_LENGTH = REFERENCE_MAX_BYTES - 32
const REFERENCE_UNSAFE = /[^A-Za-z0-9._~:/=+;,@-]/gu

/** @returns one entry of `precedent_refs`; what is outside the safe set is percent-encoded, the whole at most 512 bytes */
export function reference(prefix: ReferencePrefix, value: string): string {
  // Nearly every value is of the safe set and short: one pass tells.
  if (value.length <= REFERENCE_PLAIN_LENGTH && REFERENCE_PLAIN.test(value)) return `${prefix}:${value}`
  return cutEncoded(`${prefix}:${value.replace(REFERENCE_UNSAFE, percentEncoded)}`, REFERENCE_MAX_BYTES)
}
