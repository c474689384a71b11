/**
 * The record of an exchange as text, without the record: the same bytes as `recordJson(recordFromFacts(...))`, which its test
 * shows, for a fraction of the time. What we make ourselves (hashes, times, closed words) is not looked at character by character.
 */

import { sanitizeText } from '../base/printable-text.ts'
import { classifyMethod, formatTimestamp, recordJson } from './format.ts'
import { quoteGo } from './go-json.ts'
import { boundedHops, boundedReferences, type ChainPosition, type ReceiptFacts, recordFromFacts } from './receipt-facts.ts'

/** ASCII that stands in JSON as it is: no control, quote, backslash, `<`, `>`, `&`. */
const PLAIN = /^[ !#-%'-;=?-[\]-~]*$/
const MAX_PLAIN_LENGTH = 512

/** @returns the canonical text of the record */
export function recordText(facts: ReceiptFacts, position: ChainPosition): string {
  // Rare, and a struct of its own.
  if (facts.redaction !== undefined) return recordJson(recordFromFacts(facts, position))
  const action = classifyMethod(facts.method ?? '')
  return `{"version":1,"action_id":${quote(facts.actionId)}${member('parent_action_id', facts.parentActionId)},"action_type":"${action.action_type}"`
    + `,"timestamp":"${formatTimestamp(facts.timestampMs)}","principal":${quote(facts.principal ?? position.principal)},"actor":${quote(facts.actor)}`
    + `,"delegation_chain":${hopsText(facts.delegationChain)},"target":${quote(facts.target)},"side_effect_class":"${action.side_effect_class}"`
    + `,"reversibility":"${action.reversibility}","policy_hash":${quote(facts.policyHash ?? position.policyHash)},"verdict":"${facts.verdict}"`
    + `${phaseMember(facts, position)},"transport":${quote(facts.transport)}${member('method', facts.method)}${member('layer', facts.layer)}`
    + `${member('pattern', facts.pattern)}${member('severity', facts.severity)}${member('request_id', facts.requestId)}`
    + `,"chain_prev_hash":"${position.prevHash}","chain_seq":${position.seq},"run_nonce":"${position.runNonce}"${member('venue', facts.venue)}`
    + `${referencesMember(facts.precedentRefs, position.agentPrev)}}`
}

/** @returns the JSON string of the text made printable and bounded, quotes included */
function quote(text: string): string {
  return text.length <= MAX_PLAIN_LENGTH && PLAIN.test(text) ? `"${text}"` : quoteGo(sanitizeText(text))
}

function member(name: string, text: string | undefined): string {
  return text === undefined || text === '' ? '' : `,"${name}":${quote(text)}`
}

function phaseMember({ decisionPhase }: ReceiptFacts, { isPaired }: ChainPosition): string {
  return isPaired && decisionPhase !== undefined ? `,"decision_phase":"${decisionPhase}"` : ''
}

function hopsText(hops: readonly string[] | null): string {
  return hops === null || hops.length === 0 ? 'null' : `[${boundedHops(hops).map(quoteGo).join(',')}]`
}

/** @param agentPrev of our own making */
function referencesMember(refs: readonly string[], agentPrev: string | undefined): string {
  let text = ''
  for (const ref of boundedReferences(refs)) text += text === '' ? quote(ref) : `,${quote(ref)}`
  if (agentPrev !== undefined) text += text === '' ? `"${agentPrev}"` : `,"${agentPrev}"`
  return text === '' ? '' : `,"precedent_refs":[${text}]`
}
