/** What the data path knows of one decision, and how it becomes an action record. The chain adds position and predecessor. */

import { type ActionRecord, classifyMethod, formatTimestamp, type RedactionSummary, reference, sanitizeText } from './format.ts'

/** An intent and its outcome share one `actionId`; a receipt that says all by itself has no phase. */
export type DecisionPhase = 'intent' | 'outcome'

export type Verdict = 'allow' | 'warn' | 'block' | 'strip' | 'redirect'

export interface ReceiptFacts {
  /** UUID version 7. */
  readonly actionId: string
  readonly parentActionId?: string | undefined
  /** Milliseconds since 1970: when it was decided. */
  readonly timestampMs: number
  /** Own trust domain; the recorder's where absent. */
  readonly principal?: string | undefined
  readonly actor: string
  /** Never empty. */
  readonly target: string
  readonly verdict: Verdict
  readonly decisionPhase?: DecisionPhase | undefined
  readonly transport: string
  /** HTTP method: action type, side effect and reversibility follow from it. */
  readonly method?: string | undefined
  readonly layer?: string | undefined
  readonly pattern?: string | undefined
  readonly severity?: string | undefined
  readonly redaction?: RedactionSummary | undefined
  readonly requestId?: string | undefined
  /** Oldest hop first; `null` where there is none. The newest 32 are kept. */
  readonly delegationChain: readonly string[] | null
  readonly venue?: string | undefined
  /** Built with `reference()`; the identity's first. At most 64. */
  readonly precedentRefs: readonly string[]
  /** Profile whose own sub-chain the receipt continues (`agent-prev:`). */
  readonly agentKey?: string | undefined
  /** Hash of the policy that decided; the recorder's current one where absent. */
  readonly policyHash?: string | undefined
}

/** What only the chain knows. */
export interface ChainPosition {
  readonly prevHash: string
  readonly seq: number
  readonly runNonce: string
  readonly principal: string
  readonly policyHash: string
  /** Whether the outcome's intent stands in this session; without it no phase is written. */
  readonly isPaired: boolean
  /** `agent-prev:` of the profile's receipt before, where the sub-chain is kept. */
  readonly agentPrev?: string | undefined
}

const MAX_REFERENCES = 64
const MAX_REFERENCE_BYTES = 512
/** With every character escaped the line is still under the 1 MiB that readers take. */
const MAX_HOPS = 32

/** @returns the record with every string printable and bounded, whatever the facts quote from the wire */
export function recordFromFacts(facts: ReceiptFacts, position: ChainPosition): ActionRecord {
  const action = classifyMethod(facts.method ?? '')
  return {
    version: 1,
    action_id: sanitizeText(facts.actionId),
    parent_action_id: printable(facts.parentActionId),
    action_type: action.action_type,
    timestamp: formatTimestamp(facts.timestampMs),
    principal: sanitizeText(facts.principal ?? position.principal),
    actor: sanitizeText(facts.actor),
    delegation_chain: hopsOf(facts.delegationChain),
    target: sanitizeText(facts.target),
    side_effect_class: action.side_effect_class,
    reversibility: action.reversibility,
    policy_hash: sanitizeText(facts.policyHash ?? position.policyHash),
    verdict: facts.verdict,
    decision_phase: position.isPaired ? facts.decisionPhase : undefined,
    transport: sanitizeText(facts.transport),
    method: printable(facts.method),
    layer: printable(facts.layer),
    pattern: printable(facts.pattern),
    severity: printable(facts.severity),
    redaction: facts.redaction,
    request_id: printable(facts.requestId),
    chain_prev_hash: position.prevHash,
    chain_seq: position.seq,
    run_nonce: position.runNonce,
    venue: printable(facts.venue),
    precedent_refs: refsOf(facts.precedentRefs, position.agentPrev),
  }
}

/** @returns the reference to the profile's receipt before; `none` for its first in the session */
export function agentPrevReference(previous: { readonly seq: number; readonly hash: string } | undefined): string {
  return previous === undefined ? reference('agent-prev', 'none') : reference('agent-prev', `${previous.seq}:${previous.hash}`)
}

function printable(text: string | undefined): string | undefined {
  return text === undefined ? undefined : sanitizeText(text)
}

/** An empty list and `null` are different bytes; the rule is `null` or non-empty. */
function hopsOf(hops: readonly string[] | null): readonly string[] | null {
  return hops === null || hops.length === 0 ? null : boundedHops(hops)
}

/** @returns the newest 32 hops, printable */
export function boundedHops(hops: readonly string[]): string[] {
  return hops.slice(-MAX_HOPS).map((hop) => sanitizeText(hop))
}

/** @returns the first 64 references, each printable and at most 512 bytes */
export function boundedReferences(refs: readonly string[]): string[] {
  const kept: string[] = []
  for (const ref of refs) {
    if (kept.length < MAX_REFERENCES) kept.push(sanitizeText(ref, MAX_REFERENCE_BYTES))
  }
  return kept
}

function refsOf(refs: readonly string[], agentPrev: string | undefined): readonly string[] {
  const kept = boundedReferences(refs)
  if (agentPrev !== undefined) kept.push(agentPrev)
  return kept
}
