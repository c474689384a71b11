/** What a profile may do: the configuration as the data path reads it. Plain frozen data; `config/` makes it. */

import type { OwnSecret } from './own-secret.ts'
import type { Network } from '../base/network.ts'
import type { BudgetPolicy } from './budget-policy.ts'

/** `strict`: allow-listed hosts only. `balanced`: block secrets going out and SSRF. `audit`: findings warn, nothing is blocked by a scanner. */
export type Mode = 'strict' | 'balanced' | 'audit'

export interface CustomPattern {
  readonly name: string
  /** RE2 syntax as written; compiled once at load. */
  readonly regex: string
  readonly severity: 'low' | 'medium' | 'high' | 'critical'
}

export interface DlpPolicy {
  /** Whether the built-in rules apply. */
  readonly includeDefaults: boolean
  readonly patterns: readonly CustomPattern[]
  /** What a credential in a response does: it may well be read by default. */
  readonly responseAction: 'allow' | 'warn' | 'redact' | 'block'
  /** What the agent holds and must not give away, in any part and form. */
  readonly ownSecrets?: readonly OwnSecret[]
}

/** A finding that is none, by decision of the operator. */
export interface Suppression {
  /** Id of the rule. */
  readonly rule: string
  /** Host pattern; absent: every host. */
  readonly host?: string
  /** Path of the target; one that ends with `*` holds every path that begins with it. Absent: every path. */
  readonly path?: string
  /** Milliseconds since 1970: from then on it is a finding again. Absent: never. */
  readonly expiresAtMs?: number
}

/** What is replaced by placeholders in a request body before it leaves. */
export interface RedactionPolicy {
  /** Name of the redaction profile, for the receipt. */
  readonly profile: string
  /** Classes of findings and of personal data; `credentials` stands for every credential. */
  readonly classes: readonly string[]
  readonly dictionaries: readonly RedactionDictionary[]
  /** Replacements in one body; one more refuses it. */
  readonly maxRedactions: number
}

export interface RedactionDictionary {
  /** The class of its placeholders. */
  readonly className: string
  /** Not empty, each at least one character. */
  readonly entries: readonly string[]
  readonly isCaseSensitive: boolean
  /** Whether letters, digits and `_` may not stand directly beside a word. */
  readonly isWholeWord: boolean
  /** Where two matches overlap, the higher one names the class; credentials have 100. */
  readonly priority: number
}

export interface Profile {
  readonly name: string
  readonly mode: Mode
  /** `false` turns findings of scanners and host lists into warnings; SSRF, kill switch and own addresses still refuse. */
  readonly enforce: boolean
  /** Host patterns (`host-pattern.ts`). In strict mode nothing else passes. */
  readonly apiAllowlist: readonly string[]
  readonly blocklist: readonly string[]
  /** Names whose addresses may be internal. */
  readonly trustedDomains: readonly string[]
  /** Networks that may be dialled although they are not public. */
  readonly ssrfIpAllowlist: readonly Network[]
  readonly dlp: DlpPolicy
  readonly suppress: readonly Suppression[]
  /** Absent: nothing is replaced. */
  readonly redaction?: RedactionPolicy
  /** Per minute; 0 = unlimited. */
  readonly maxRequestsPerMinute: number
  readonly maxDataPerMinuteBytes: number
  readonly budget: BudgetPolicy
  readonly maxUrlLength: number
  /** Open exchanges and tunnels of the profile together; 0 = unlimited. */
  readonly maxConnections: number
}

/** Everything the data path reads per exchange, swapped whole by a reload. */
export interface Policy {
  /** Hex SHA-256 of the configuration file's bytes, or `defaults`. */
  readonly hash: string
  readonly profiles: ReadonlyMap<string, Profile>
  readonly limits: Limits
  readonly timeouts: Timeouts
  readonly surfaces: { readonly forward: boolean; readonly connect: boolean; readonly fetch: boolean }
  /** Kill switch as the configuration sets it; the other sources are the kill switch's own. */
  readonly killSwitch: { readonly enabled: boolean; readonly agents: readonly string[] }
}

export interface Limits {
  readonly maxBodyBytes: number
  /** All held bodies of all exchanges together. */
  readonly maxHeldBytes: number
  /** A response up to this size is held and scanned whole before it is released. */
  readonly maxHeldResponseBytes: number
  /** Redirects that /fetch follows, each as an exchange of its own. */
  readonly maxRedirects: number
}

/** Every wait of the data path, in milliseconds. */
export interface Timeouts {
  readonly dnsMs: number
  readonly connectMs: number
  readonly responseHeadMs: number
  /** The same wait for /fetch, where it is shorter. */
  readonly fetchHeadMs: number
  /** Between two chunks of a response. */
  readonly responseIdleMs: number
  /** Between two chunks of a request body. */
  readonly requestIdleMs: number
  readonly tunnelIdleMs: number
  /** Longest life of a tunnel; 0 = unlimited. */
  readonly tunnelMaxMs: number
}
