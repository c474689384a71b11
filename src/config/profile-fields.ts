/** The parts of the file that make profiles, and the profiles they make. */

import { DEFAULT_PROFILE } from '../model/agent.ts'
import type { OwnSecret } from '../model/own-secret.ts'
import type { Profile, Suppression } from '../model/policy.ts'
import { buildBudget } from './build-budget.ts'
import { DEFAULTS } from './defaults.ts'
import { mergeProfile, type ProfileFields } from './merge-profile.ts'
import { readNetworks } from './read-network.ts'
import { buildRedaction } from './redaction-fields.ts'
import { REDACTION_DEFAULTS } from './redaction-schema.ts'
import type { FileConfig, FileProfile } from './schema.ts'

/** By name of the profile; `TOP_LEVEL` for what every profile inherits. */
export type SecretsByProfile = ReadonlyMap<string, readonly OwnSecret[]>

/** No profile can have this name. */
export const TOP_LEVEL = ''

const DAY_MS = 86_400_000

const BUILT_IN: ProfileFields = {
  mode: DEFAULTS.mode,
  enforce: DEFAULTS.enforce,
  apiAllowlist: DEFAULTS.api_allowlist,
  blocklist: DEFAULTS.fetch_proxy.monitoring.blocklist,
  trustedDomains: DEFAULTS.trusted_domains,
  ssrfIpAllowlist: DEFAULTS.ssrf.ip_allowlist,
  includeDefaults: DEFAULTS.dlp.include_defaults,
  patterns: DEFAULTS.dlp.patterns,
  responseAction: DEFAULTS.dlp.response_action,
  ownSecrets: [],
  suppress: [],
  redactionEnabled: REDACTION_DEFAULTS.enabled,
  maxRequestsPerMinute: DEFAULTS.rate_limit.max_requests_per_minute,
  maxDataPerMinuteBytes: DEFAULTS.rate_limit.max_data_per_minute,
  maxConnections: DEFAULTS.limits.max_connections_per_profile,
}

/** @returns the entries of `agents`, in the order of the file */
export function agentEntries(file: FileConfig): readonly (readonly [name: string, written: FileProfile])[] {
  return Object.entries(file.agents ?? {})
}

/** What every profile inherits: the top level of the file over the built-in defaults. */
export function topLevelFields(file: FileConfig): ProfileFields {
  const { blocklist } = file.fetch_proxy?.monitoring ?? {}
  return mergeProfile(BUILT_IN, { ...commonFields(file), blocklist, maxConnections: file.limits?.max_connections_per_profile })
}

export function profileFields(written: FileProfile): ProfileFields {
  return { ...commonFields(written), blocklist: written.blocklist, maxConnections: written.max_connections }
}

function commonFields(level: FileConfig | FileProfile): ProfileFields {
  return {
    mode: level.mode,
    enforce: level.enforce,
    apiAllowlist: level.api_allowlist,
    trustedDomains: level.trusted_domains,
    ssrfIpAllowlist: level.ssrf?.ip_allowlist,
    includeDefaults: level.dlp?.include_defaults,
    patterns: level.dlp?.patterns,
    responseAction: level.dlp?.response_action,
    suppress: level.suppress?.map(toSuppression),
    redactionEnabled: level.redaction?.enabled,
    redactionProfile: level.redaction?.default_profile,
    maxRequestsPerMinute: level.rate_limit?.max_requests_per_minute,
    maxDataPerMinuteBytes: level.rate_limit?.max_data_per_minute,
  }
}

function toSuppression({ rule, host, path, expires }: NonNullable<FileConfig['suppress']>[number]): Suppression {
  return {
    rule,
    ...(host !== undefined && { host }),
    ...(path !== undefined && { path }),
    // The date itself still counts.
    ...(expires !== undefined && { expiresAtMs: Date.parse(expires) + DAY_MS }),
  }
}

/** @returns every profile by name; `_default` always among them */
export function buildProfiles(file: FileConfig, secrets: SecretsByProfile): Map<string, Profile> {
  const base = { ...topLevelFields(file), ownSecrets: secrets.get(TOP_LEVEL) }
  const maxUrlLength = file.fetch_proxy?.monitoring?.max_url_length ?? DEFAULTS.fetch_proxy.monitoring.max_url_length
  const written = new Map<string, FileProfile>([[DEFAULT_PROFILE, {}], ...agentEntries(file)])
  return new Map([...written].map(([name, own]) => {
    const fields = mergeProfile(base, { ...profileFields(own), ownSecrets: secrets.get(name) })
    return [name, { ...toProfile(name, fields, maxUrlLength), ...redactionOf(file, fields), budget: buildBudget([file.budget, own.budget]) }]
  }))
}

function redactionOf({ redaction }: FileConfig, { redactionEnabled, redactionProfile }: ProfileFields): Pick<Profile, 'redaction'> {
  const built = redactionEnabled === true && redactionProfile !== undefined ? buildRedaction(redaction, redactionProfile) : undefined
  return built === undefined ? {} : { redaction: built }
}

/** @param fields complete: merged over the built-in defaults */
function toProfile(name: string, merged: ProfileFields, maxUrlLength: number): Omit<Profile, 'budget'> {
  const fields = merged as { readonly [K in keyof ProfileFields]-?: NonNullable<ProfileFields[K]> }
  return {
    name,
    mode: fields.mode,
    enforce: fields.enforce,
    apiAllowlist: fields.apiAllowlist,
    blocklist: fields.blocklist,
    trustedDomains: fields.trustedDomains,
    ssrfIpAllowlist: readNetworks(fields.ssrfIpAllowlist),
    dlp: { includeDefaults: fields.includeDefaults, patterns: fields.patterns, responseAction: fields.responseAction, ownSecrets: fields.ownSecrets },
    suppress: fields.suppress,
    maxRequestsPerMinute: fields.maxRequestsPerMinute,
    maxDataPerMinuteBytes: fields.maxDataPerMinuteBytes,
    maxUrlLength,
    maxConnections: fields.maxConnections,
  }
}
