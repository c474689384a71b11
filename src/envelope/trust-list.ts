/** Who may call: keys of other companions, and what each is allowed to say, do and reach. Checks of one key; the list is parsed elsewhere. */

import type { KeyObject } from 'node:crypto'

import type { Dialect } from './coverage.ts'
import type { EnvelopeFault } from './envelope-reason.ts'
import type { SpiffeId } from './spiffe-id.ts'

export interface TrustedKey {
  readonly keyId: string
  /** Ed25519. */
  readonly publicKey: KeyObject
  readonly publicKeyHex: string
  /** Keys that sign the peer's receipts, as hex; for reconciliation. */
  readonly receiptKeys: readonly string[]
  /** Never empty: a key speaks for the actors of these domains alone. */
  readonly trustDomains: ReadonlySet<string>
  /** SPIFFE ids, or prefixes that end in `/*`; absent: every actor of the domains. */
  readonly actors?: readonly string[]
  /** Absent: every method. */
  readonly methods?: ReadonlySet<string>
  /** Paths, or prefixes that end in `/*`; absent: every path. */
  readonly paths?: readonly string[]
  /** From this time on, in milliseconds since 1970. */
  readonly notBeforeMs?: number
  /** Up to this time, itself excluded. */
  readonly notAfterMs?: number
  readonly revoked: boolean
  readonly dialect: Dialect
}

/** By key id. Two keys of one actor at the same time are how a key is rotated. */
export type TrustList = ReadonlyMap<string, TrustedKey>

/** @returns why the key may not be used now, or `undefined` */
export function checkKey({ revoked, notBeforeMs, notAfterMs }: TrustedKey, nowMs: number): EnvelopeFault | undefined {
  if (revoked) return { reason: 'revoked', detail: 'the key is revoked' }
  if (notBeforeMs !== undefined && nowMs < notBeforeMs) return { reason: 'key_expired', detail: 'the key is not valid yet' }
  if (notAfterMs !== undefined && nowMs >= notAfterMs) return { reason: 'key_expired', detail: 'the key is not valid any more' }
  return undefined
}

/** @returns why the key may not speak for the actor, or `undefined` */
export function checkActor({ trustDomains, actors }: TrustedKey, actor: SpiffeId | undefined): EnvelopeFault | undefined {
  if (actor === undefined) return { reason: 'actor_not_allowed', detail: 'the actor is not a SPIFFE id' }
  if (!trustDomains.has(actor.trustDomain)) return { reason: 'actor_not_allowed', detail: 'the trust domain of the actor is not one of the key' }
  if (actors?.some((allowed) => matchesPrefix(allowed, actor.text)) === false) return { reason: 'actor_not_allowed', detail: 'the actor is not one of the key' }
  return undefined
}

/** Spellings under which a server may find another path than the one that was compared. */
const AMBIGUOUS_PATH = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)|%2f|%5c|%00|\\|\/\/|;/i

/** @returns why the key may not reach the target, or `undefined` */
export function checkTarget({ methods, paths }: TrustedKey, method: string, requestTarget: string): EnvelopeFault | undefined {
  if (methods?.has(method) === false) return { reason: 'path_not_allowed', detail: 'the method is not one of the key' }
  if (paths === undefined) return undefined
  const [path = ''] = requestTarget.split('?', 1)
  if (AMBIGUOUS_PATH.test(path)) return { reason: 'path_not_allowed', detail: 'the path can be read in two ways, and the key has paths' }
  if (!paths.some((allowed) => matchesPrefix(allowed, path))) return { reason: 'path_not_allowed', detail: 'the path is not one of the key' }
  return undefined
}

function matchesPrefix(allowed: string, text: string): boolean {
  return allowed.endsWith('/*') ? text.startsWith(allowed.slice(0, -1)) : text === allowed
}
