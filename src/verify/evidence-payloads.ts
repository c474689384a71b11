/** Kinds of evidence receipts: members of their payloads, and which purpose of key may sign them. A table. */

import { ShapeError } from './fault.ts'
import { refuseUnknown } from './read-struct.ts'
import type { JsonObject } from './strict-json.ts'

const RECEIPT_SIGNING = 'receipt-signing'
const ACTIVATION_SIGNING = 'contract-activation-signing'

interface Kind {
  readonly purpose: string
  /** Names, `?` behind those that may be absent; absent where the list is not published: then nothing is refused. */
  readonly members?: string
}

const KINDS: Readonly<Record<string, Kind>> = {
  proxy_decision: { purpose: RECEIPT_SIGNING, members: 'action_type target verdict transport policy_sources winning_source rule_id?' },
  proxy_decision_with_spans: { purpose: RECEIPT_SIGNING },
  defer_opened: { purpose: RECEIPT_SIGNING },
  defer_resolved: { purpose: RECEIPT_SIGNING },
  secret_egress_decision_v1: { purpose: RECEIPT_SIGNING },
  contract_ratified: { purpose: RECEIPT_SIGNING, members: 'contract_hash ratifier_key_id ratified_rule_ids ratification_decision_per_rule' },
  contract_promote_intent: { purpose: ACTIVATION_SIGNING, members: 'target_manifest_hash target_generation prior_manifest_hash intent_id' },
  contract_promote_committed: { purpose: RECEIPT_SIGNING, members: 'target_manifest_hash prior_manifest_hash intent_id validation_outcome reject_reason?' },
  contract_rollback_authorized: {
    purpose: ACTIVATION_SIGNING,
    members: 'rollback_target_hash current_generation authorizer_signatures authorization_id',
  },
  contract_rollback_committed: {
    purpose: RECEIPT_SIGNING,
    members: 'rollback_target_hash prior_manifest_hash authorization_id validation_outcome reject_reason?',
  },
  contract_demoted: { purpose: RECEIPT_SIGNING, members: 'contract_hash rule_id demotion_reason prior_state new_state aggregation_window' },
  contract_expired: { purpose: RECEIPT_SIGNING, members: 'contract_hash rule_id expiration_reason' },
  contract_drift: {
    purpose: RECEIPT_SIGNING,
    members: 'contract_hash rule_id drift_kind observation_summary? missed_windows? opportunity_status?',
  },
  shadow_delta: { purpose: RECEIPT_SIGNING, members: 'contract_hash rule_id original_verdict candidate_verdict aggregation' },
  opportunity_missing: {
    purpose: RECEIPT_SIGNING,
    members: 'contract_hash rule_id parent_context historical_opportunity_rate current_opportunity_rate window',
  },
  key_rotation: { purpose: ACTIVATION_SIGNING, members: 'key_id key_purpose old_status new_status roster_hash authorization_id' },
  contract_redaction_request: {
    purpose: ACTIVATION_SIGNING,
    members: 'target_contract_hash request_kind reason_class authorization_id tombstone_hash',
  },
}

/** Purpose of the signing key by kind; the keys are all known kinds. */
export const EVIDENCE_PURPOSES: ReadonlyMap<string, string> = new Map(Object.entries(KINDS).map(([name, { purpose }]) => [name, purpose]))

const MEMBERS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(KINDS).flatMap(([name, { members }]) => (members === undefined ? [] : [[name, members.split(' ')]])),
)

/** @throws {ShapeError} when the kind is unknown, or the payload has not the members of its kind */
export function requirePayload(kind: string, payload: JsonObject): void {
  if (!EVIDENCE_PURPOSES.has(kind)) throw new ShapeError('evidence_invalid', 'payload_kind is not a known one')
  const members = MEMBERS.get(kind)
  if (members === undefined) return
  refuseUnknown(payload, members.map((member) => member.replace('?', '')), 'payload')
  for (const member of members) {
    if (!member.endsWith('?') && !payload.members.has(member)) throw new ShapeError('member_missing', `payload.${member} is absent`)
  }
}
