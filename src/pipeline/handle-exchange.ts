/**
 * The data path. Every surface builds an Exchange and calls handleExchange; no other file decides whether traffic passes.
 *
 * The order is a security property: identity before anything, cheap refusals before content work, the scan before the
 * name is resolved, the budget reserved before anything is recorded as going to happen, the intent durable before the first byte leaves, and what may have changed meanwhile looked at again.
 */

import type { Denial } from '../model/denial.ts'
import type { Exchange, Reply } from '../model/exchange.ts'
import { blockOn, denialOf } from './block.ts'
import { refusedEnding, type Passage } from './passage.ts'
import { reserveBudget } from './reserve-budget.ts'
import { scanAgentRequest, showTarget } from './scan-request.ts'
import type { Services } from './services.ts'
import {
  closePassage,
  forward,
  holdRequest,
  identify,
  openPassage,
  recheck,
  recordIntent,
  recordOutcome,
  recordRefusal,
  requireShape,
  resolveTarget,
  type Admitted,
} from './stages.ts'

/** Carries one exchange from accept to receipt and reply. Never rejects: a failure of ours is a block. */
export async function handleExchange(exchange: Exchange, reply: Reply, services: Services): Promise<void> {
  const passage = openPassage(exchange, services)
  try {
    const admitted = await admit(passage, services)
    await forward(admitted, passage, reply, services)
  } catch (thrown) {
    await refuse(denialOf(thrown), passage, reply, services)
  } finally {
    closePassage(passage, services)
  }
}

/** @throws {Block} where a stage refuses */
async function admit(passage: Passage, services: Services): Promise<Admitted> {
  identify(passage, services)
  requireShape(passage, services)
  const held = await holdRequest(passage, services)
  const request = await scanAgentRequest(held, passage, services)
  const addresses = await resolveTarget(passage, services)
  await reserveBudget(passage, request.body.length, services)
  await recordIntent(passage, services)
  blockOn(recheck(passage, services))
  return { request, addresses }
}

/** A refusal before the intent has one receipt; after it, the outcome tells. */
async function refuse(denial: Denial, passage: Passage, reply: Reply, services: Services): Promise<void> {
  hideUnscanned(passage)
  const refusal = { denial, actionId: passage.exchange.id, url: passage.shownTarget, agent: passage.profile.name }
  if (passage.intentRecorded) {
    recordOutcome(passage, refusedEnding(denial, passage), services)
  } else {
    await recordRefusal(passage, denial, services)
  }
  reply.refuse(refusal)
}

/** A refusal before the scan must not show what the scan would have hidden. */
function hideUnscanned(passage: Passage): void {
  if (passage.isTargetHidden) return
  try {
    showTarget(passage)
  } catch {
    // The placeholder stays: a scanner that fails leaves nothing that could be shown.
  }
}
