/** How one exchange is told in receipts: architecture.md §5 in code. Wire names are receipt/'s matter. */

import type { Denial } from '../model/denial.ts'
import { BLOCK_REASONS } from '../model/block-reason.ts'
import { reference, type ReceiptFacts } from '../receipt/index.ts'
import type { Ending, Passage, PassageRedaction } from './passage.ts'

/** @param trustDomain of this companion, the domain of every actor it names */
export function intentFacts(passage: Passage, trustDomain: string, nowMs: number): ReceiptFacts {
  const isWarned = passage.warnings.length > 0
  return {
    ...commonFacts(passage, trustDomain, nowMs),
    verdict: isWarned ? 'warn' : 'allow',
    decisionPhase: 'intent',
    layer: isWarned ? warnedLayer(passage.warnings) : 'policy',
    ...(isWarned && { pattern: passage.warnings.join(' ') }),
  }
}

/** A receipt names one layer: the budget where it alone has warned. */
function warnedLayer(warnings: readonly string[]): string {
  return warnings.every((warning) => warning.startsWith('budget_')) ? 'budget' : 'scan_request'
}

export function outcomeFacts(passage: Passage, ending: Ending, trustDomain: string, nowMs: number): ReceiptFacts {
  const facts = commonFacts(passage, trustDomain, nowMs)
  const digest = passage.responseDigest === undefined ? [] : [reference('resp-digest', passage.responseDigest)]
  return {
    ...facts,
    precedentRefs: [...facts.precedentRefs, ...digest],
    ...(passage.responseRedaction !== undefined && { redaction: redactionSummary(passage.responseRedaction) }),
    verdict: ending.verdict,
    decisionPhase: 'outcome',
    layer: 'outcome',
    pattern: `status=${ending.status} bytes_up=${passage.bytesUp} bytes_down=${passage.bytesDown} reason=${ending.reason}`,
  }
}

/** @param suppressed refusals of the same subject that had no receipt of their own */
export function refusalFacts(passage: Passage, denial: Denial, suppressed: number, { trustDomain, nowMs }: { trustDomain: string; nowMs: number }): ReceiptFacts {
  const facts = commonFacts(passage, trustDomain, nowMs)
  const told = suppressed === 0 ? [] : [reference('suppressed', String(suppressed))]
  return {
    ...facts,
    precedentRefs: [...facts.precedentRefs, reference('block-reason', denial.reason), ...told],
    verdict: 'block',
    layer: BLOCK_REASONS[denial.reason].stage,
    pattern: denial.reason,
    severity: (denial.reason === 'dlp_secret' ? passage.severity : undefined) ?? BLOCK_REASONS[denial.reason].severity,
  }
}

/** The SPIFFE id of a profile; a caller that nothing vouched for has no name, whatever it claims. */
export function actorOf({ agent, profile }: Pick<Passage, 'agent' | 'profile'>, trustDomain: string): string {
  return agent.grade === 'unknown' ? 'anonymous' : `spiffe://${trustDomain}/agent/${profile.name}`
}

function commonFacts(passage: Passage, trustDomain: string, nowMs: number): Omit<ReceiptFacts, 'verdict'> & { precedentRefs: readonly string[] } {
  const { exchange, agent, policy } = passage
  return {
    actionId: exchange.id,
    agentKey: passage.profile.name,
    method: exchange.head.method,
    principal: trustDomain,
    actor: actorOf(passage, trustDomain),
    target: passage.shownTarget,
    transport: exchange.surface,
    policyHash: policy.hash,
    timestampMs: nowMs,
    delegationChain: null,
    precedentRefs: referencesOf(passage, agent),
    ...(passage.severity !== undefined && { severity: passage.severity }),
    ...(passage.redaction !== undefined && { redaction: redactionSummary(passage.redaction) }),
  }
}

function redactionSummary({ profile, total, byClass }: PassageRedaction): NonNullable<ReceiptFacts['redaction']> {
  return { profile, total_redactions: total, by_class: byClass }
}

function referencesOf({ exchange, claimed, digest, address }: Passage, { grade, source, rule }: Passage['agent']): string[] {
  const references = [reference('identity', `${grade}:${source}:${rule}`)]
  for (const name of claimed) references.push(reference('claimed', name))
  if (digest !== undefined) references.push(reference('digest', digest))
  if (address !== undefined) references.push(reference('addr', address))
  if (exchange.causedBy !== undefined) references.push(reference('cause', exchange.causedBy))
  return references
}
