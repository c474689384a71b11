/** The stage that clears a request: scan, replace what the profile says must not leave, and scan again what will leave. */

import type { Cleared } from '../model/cleared.ts'
import type { OutgoingRequest } from '../model/exchange.ts'
import type { Finding } from '../model/finding.ts'
import { hideTarget } from '../scan/index.ts'
import { Block } from './block.ts'
import { digestOf } from './body-digest.ts'
import { isEnforcing } from './enforcing.ts'
import { noteSeverity, type Passage } from './passage.ts'
import { redactRequest } from './redact-request.ts'
import type { Services } from './services.ts'
import { withoutSuppressed } from './suppress-findings.ts'

/** @throws {Block} `dlp_secret` where the profile enforces, else the finding is a warning; `redaction_unsafe` */
export async function scanAgentRequest(held: OutgoingRequest, passage: Passage, services: Services): Promise<Cleared<OutgoingRequest>> {
  const found = await findIn(held, passage, services)
  // What is no finding is still not shown.
  showTarget(passage, found)
  const counted = withoutSuppressed(found, passage.profile.suppress, { target: held.target, nowMs: services.clock.nowMs() })
  const request = redactRequest(held, counted, passage)
  if (request === held) requireClear(counted, passage)
  else {
    passage.digest = digestOf(request.body)
    const left = await findIn(request, passage, services)
    requireClear(withoutSuppressed(left, passage.profile.suppress, { target: held.target, nowMs: services.clock.nowMs() }), passage)
  }
  return request as Cleared<OutgoingRequest>
}

/** What receipt and log may show of the target: of a request that was refused before its scan, too. */
export function showTarget(passage: Passage, found: readonly Finding[] = []): void {
  passage.shownTarget = hideTarget(passage.exchange.head.target.raw, passage.profile.dlp, found)
  passage.isTargetHidden = true
}

/** Large bodies are scanned elsewhere; what is found at once is not waited for. */
function findIn({ target, headers, body }: OutgoingRequest, { profile }: Passage, { hosts, scans }: Services): readonly Finding[] | Promise<readonly Finding[]> {
  const { host, port, scheme, raw } = target
  const standing = hosts.standingOf(profile, host, port)
  return scans.scan({ direction: 'request', dlp: profile.dlp, host, scheme, standing }, { url: raw, headers, body })
}

function requireClear(findings: readonly Finding[], passage: Passage): void {
  if (findings.length === 0) return
  noteSeverity(passage, findings)
  const rules = [...new Set(findings.map(({ rule }) => rule))]
  if (isEnforcing(passage.profile)) throw new Block({ reason: 'dlp_secret', detail: rules.join(' ') })
  passage.warnings.push(...rules)
}
