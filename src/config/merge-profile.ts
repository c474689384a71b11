/**
 * How a profile inherits: field by field from the top level of the file. Absent inherits; an empty list and 0 are values.
 * Pure: the result shares nothing mutable with its inputs.
 */

import type { OwnSecret } from '../model/own-secret.ts'
import type { CustomPattern, Mode, Suppression } from '../model/policy.ts'

/** What a level of the file says; every field may be absent. */
export interface ProfileFields {
  readonly mode?: Mode | undefined
  readonly enforce?: boolean | undefined
  readonly apiAllowlist?: readonly string[] | undefined
  readonly blocklist?: readonly string[] | undefined
  readonly trustedDomains?: readonly string[] | undefined
  readonly ssrfIpAllowlist?: readonly string[] | undefined
  readonly includeDefaults?: boolean | undefined
  readonly patterns?: readonly CustomPattern[] | undefined
  /** Added up. */
  readonly ownSecrets?: readonly OwnSecret[] | undefined
  /** Added up. */
  readonly suppress?: readonly Suppression[] | undefined
  readonly responseAction?: 'allow' | 'warn' | 'redact' | 'block' | undefined
  readonly redactionEnabled?: boolean | undefined
  readonly redactionProfile?: string | undefined
  readonly maxRequestsPerMinute?: number | undefined
  readonly maxDataPerMinuteBytes?: number | undefined
  readonly maxConnections?: number | undefined
}

/**
 * @returns `over` laid upon `base`. Patterns add up, one of the same name replaces the other in its place; where `over`
 *   leaves the built-in rules out, it leaves the patterns of `base` out with them.
 */
export function mergeProfile(base: ProfileFields, over: ProfileFields): ProfileFields {
  const inherited = over.includeDefaults === false ? [] : base.patterns
  return structuredClone({
    ...base,
    ...written(over),
    patterns: mergePatterns(inherited, over.patterns),
    ...(over.ownSecrets !== undefined && { ownSecrets: mergeSecrets(base.ownSecrets, over.ownSecrets) }),
    ...(over.suppress !== undefined && { suppress: [...(base.suppress ?? []), ...over.suppress] }),
  })
}

/** Without the fields that say nothing: spread, an undefined would hide what is inherited. */
function written(fields: ProfileFields): ProfileFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function mergePatterns(base: readonly CustomPattern[] = [], over: readonly CustomPattern[] = []): CustomPattern[] {
  const byName = new Map(base.map((pattern) => [pattern.name, pattern]))
  for (const pattern of over) byName.set(pattern.name, pattern)
  return [...byName.values()]
}

/** One of the same name replaces: a profile may have another value under it. */
function mergeSecrets(base: readonly OwnSecret[] = [], over: readonly OwnSecret[] = []): OwnSecret[] {
  const byRule = new Map(base.map((secret) => [secret.rule, secret]))
  for (const secret of over) byRule.set(secret.rule, secret)
  return [...byRule.values()]
}
