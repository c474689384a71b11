/** Checks of an inbound envelope against the rules of the listener: times, floor, audience, loops and depth. */

import type { Dialect } from './coverage.ts'
import type { EnvelopeFault } from './envelope-reason.ts'
import type { Mediation } from './mediation.ts'
import type { MediationSignature, PublicOrigin } from './read-envelope.ts'
import { parseSpiffeId } from './spiffe-id.ts'
import type { TrustList } from './trust-list.ts'

/** What an inbound listener demands. */
export interface InboundRules {
  readonly publicOrigins: readonly PublicOrigin[]
  /** SPIFFE id of the receiving agent. */
  readonly self: string
  readonly trust: TrustList
  readonly maxBodyBytes: number
  /** Longest time between `created` and `expires`. */
  readonly maxLifetimeS: number
  /** How long after `expires` a request is taken, for clocks that differ. */
  readonly pastSkewS: number
  /** How far in the future `created` may lie. */
  readonly futureSkewS: number
  /** Most companions that a call may have come through, the sender included. */
  readonly maxDepth: number
}

const SECOND_MS = 1000

export function checkTimes({ created, expires }: Pick<MediationSignature, 'created' | 'expires'>, rules: Pick<InboundRules, 'maxLifetimeS' | 'pastSkewS' | 'futureSkewS'>, nowMs: number): EnvelopeFault | undefined {
  if (created * SECOND_MS > nowMs + rules.futureSkewS * SECOND_MS) return { reason: 'not_yet_valid', detail: 'created lies in the future' }
  if (nowMs >= (expires + rules.pastSkewS) * SECOND_MS) return { reason: 'expired', detail: 'expires has passed' }
  if (expires <= created || expires - created > rules.maxLifetimeS) return { reason: 'lifetime', detail: `expected to expire within ${rules.maxLifetimeS} s of created` }
  return undefined
}

export function checkFloor(created: number, floorMs: number): EnvelopeFault | undefined {
  if (created * SECOND_MS > floorMs) return undefined
  return { reason: 'replay_floor', detail: 'the request was created when the replay window may not have been watching' }
}

/** In the dialect `chaperone` the audience has to be named; the published header has no member for it. */
export function checkAudience({ audience }: Mediation, dialect: Dialect, self: string): EnvelopeFault | undefined {
  if (audience === undefined) return dialect === 'pipelock' ? undefined : { reason: 'audience', detail: 'no audience is named' }
  return audience === self ? undefined : { reason: 'audience', detail: 'the audience is another one' }
}

/** `hops` are those before the actor; only the actor is proven here. */
export function checkHops({ actor, hops = [] }: Mediation, { self, maxDepth }: Pick<InboundRules, 'self' | 'maxDepth'>): EnvelopeFault | undefined {
  const chain = [...hops, actor]
  if (chain.some((hop) => parseSpiffeId(hop) === undefined)) return { reason: 'parse', detail: 'expected SPIFFE ids as hops' }
  if (chain.includes(self)) return { reason: 'loop', detail: 'the call came through this agent before' }
  return chain.length <= maxDepth ? undefined : { reason: 'depth', detail: `the call came through more than ${maxDepth} agents` }
}
