/** Impossible combinations inside the policy, and settings that weaken the protection. */

import { SYSTEM_CLOCK } from '../base/clock.ts'
import { isCoreRule } from '../model/core-rules.ts'
import { fail, warn, type Findings } from './check-agents.ts'
import type { CustomPattern } from '../model/policy.ts'
import { checkEnabled, checkRedaction } from './check-redaction.ts'
import { shownText, type KeyPath } from './config-problem.ts'
import { DEFAULTS } from './defaults.ts'
import { fillIn } from './fill-in.ts'
import { checkPattern } from './pattern-syntax.ts'
import { mergeProfile, type ProfileFields } from './merge-profile.ts'
import { agentEntries, profileFields, topLevelFields } from './profile-fields.ts'
import type { FileConfig, FileProfile } from './schema.ts'

const DAY_MS = 86_400_000
const STRICTNESS = { audit: 0, balanced: 1, strict: 2 } as const

export function checkPolicy(file: FileConfig, findings: Findings): void {
  const base = topLevelFields(file)
  checkLevel([], file, findings)
  checkStrict(['mode'], base, findings)
  checkEnabled(['redaction'], redactionIn(base), file, findings)
  for (const [name, written] of agentEntries(file)) {
    const path = ['agents', name]
    checkLevel(path, written, findings)
    if (written.mode !== undefined || written.api_allowlist !== undefined) {
      checkStrict([...path, written.mode === undefined ? 'api_allowlist' : 'mode'], mergeProfile(base, profileFields(written)), findings)
    }
    if (written.redaction !== undefined) checkEnabled([...path, 'redaction'], redactionIn(mergeProfile(base, profileFields(written))), file, findings)
    warnOfWeakerProfile(path, written, base, findings)
  }
  checkRedaction(file, findings)
  checkLimits(file, findings)
  checkLogging(file, findings)
  if (file.flight_recorder?.require === 'buffered') warn(findings, ['flight_recorder', 'require'], 'buffered: a crash can lose the receipts of exchanges that were forwarded')
}

function redactionIn({ redactionEnabled = false, redactionProfile }: ProfileFields): { isEnabled: boolean; name: string | undefined } {
  return { isEnabled: redactionEnabled, name: redactionProfile }
}

function checkStrict(path: KeyPath, { mode, apiAllowlist = [] }: ProfileFields, findings: Findings): void {
  if (mode === 'strict' && apiAllowlist.length === 0) fail(findings, path, 'expected hosts on api_allowlist, got strict mode with an empty list: nothing could pass')
}

/** What is judged alike at the top level and in a profile. */
function checkLevel(path: KeyPath, level: FileConfig | FileProfile, findings: Findings): void {
  checkPatterns([...path, 'dlp', 'patterns'], level.dlp?.patterns ?? [], findings)
  checkSuppressions([...path, 'suppress'], level.suppress ?? [], findings)
  const weakenings: readonly (readonly [KeyPath, boolean, string])[] = [
    [['enforce'], level.enforce === false, 'findings of scanners and host lists only warn'],
    [['mode'], level.mode === 'audit', 'audit: credentials are found and let through'],
    [['dlp', 'include_defaults'], level.dlp?.include_defaults === false, 'the built-in credential rules are left out'],
    [['trusted_domains'], hasAny(level.trusted_domains), 'these names may resolve to internal addresses'],
    [['ssrf', 'ip_allowlist'], hasAny(level.ssrf?.ip_allowlist), 'these networks may be dialled although they are not public'],
  ]
  for (const [key, weakens, words] of weakenings) if (weakens) warn(findings, [...path, ...key], words)
}

function hasAny(list: readonly unknown[] | undefined): boolean {
  return list !== undefined && list.length > 0
}

function checkPatterns(path: KeyPath, patterns: readonly { name: string; regex: string }[], findings: Findings): void {
  const seen = new Set<string>()
  for (const [at, { name, regex }] of patterns.entries()) {
    if (seen.has(name)) fail(findings, [...path, at, 'name'], `expected a name once in the list, got ${shownText(name)} again`)
    seen.add(name)
    // The pattern itself is not shown: it may spell the secret it looks for.
    const expected = checkPattern(regex)
    if (expected !== undefined) fail(findings, [...path, at, 'regex'], `expected ${expected}`)
  }
}

function warnOfWeakerProfile(path: KeyPath, written: FileProfile, base: ProfileFields, findings: Findings): void {
  const { mode: inherited = DEFAULTS.mode } = base
  if (written.mode === 'balanced' && STRICTNESS[inherited] > STRICTNESS.balanced) {
    warn(findings, [...path, 'mode'], `balanced is weaker than the ${inherited} of the top level`)
  }
  warnOfPatterns([...path, 'dlp'], written.dlp ?? {}, base.patterns ?? [], findings)
  warnOfLiftedRates([...path, 'rate_limit'], written.rate_limit ?? {}, base, findings)
  const own = written.blocklist
  if (own !== undefined && (base.blocklist ?? []).some((host) => !own.includes(host))) {
    warn(findings, [...path, 'blocklist'], 'replaces the block list of the top level and leaves out hosts of it')
  }
}

function warnOfPatterns(path: KeyPath, dlp: NonNullable<FileProfile['dlp']>, inherited: readonly CustomPattern[], findings: Findings): void {
  const names = new Set(inherited.map(({ name }) => name))
  if (dlp.include_defaults === false && names.size > 0) warn(findings, [...path, 'include_defaults'], 'the patterns of the top level are left out too')
  for (const [at, { name }] of (dlp.patterns ?? []).entries()) {
    if (names.has(name)) warn(findings, [...path, 'patterns', at, 'name'], `replaces the pattern ${shownText(name)} of the top level`)
  }
}

function warnOfLiftedRates(path: KeyPath, own: NonNullable<FileProfile['rate_limit']>, base: ProfileFields, findings: Findings): void {
  const lifted = (name: keyof typeof own, top = 0): void => {
    if (own[name] === 0 && top > 0) warn(findings, [...path, name], `0 lifts the limit of ${top} of the top level`)
  }
  lifted('max_requests_per_minute', base.maxRequestsPerMinute)
  lifted('max_data_per_minute', base.maxDataPerMinuteBytes)
}

function checkLimits(file: FileConfig, findings: Findings): void {
  const limits = fillIn(DEFAULTS.limits, file.limits)
  const atMost = (small: keyof typeof limits, large: keyof typeof limits): void => {
    if (limits[small] <= limits[large]) return
    const [path, other] = file.limits?.[small] === undefined ? [large, small] : [small, large]
    const relation = path === small ? 'at most' : 'at least'
    fail(findings, ['limits', path], `expected ${relation} limits.${other} (${limits[other]}), got ${limits[path]}`)
  }
  atMost('max_body_bytes', 'max_held_bytes')
  atMost('max_held_response_bytes', 'max_held_bytes')
  // The default of one profile may be more than a small total: the total then decides.
  if (file.limits?.max_connections_per_profile !== undefined) atMost('max_connections_per_profile', 'max_connections')
  for (const [name, { max_connections: own = 0 }] of agentEntries(file)) {
    if (own > limits.max_connections) {
      fail(findings, ['agents', name, 'max_connections'], `expected at most limits.max_connections (${limits.max_connections}), got ${own}`)
    }
  }
}

function checkLogging(file: FileConfig, findings: Findings): void {
  const path = file.logging?.file
  const output = file.logging?.output ?? DEFAULTS.logging.output
  if (output === 'file' && path === undefined) fail(findings, ['logging', 'output'], 'expected logging.file beside it, got file and no path')
  if (output !== 'file' && path !== undefined) fail(findings, ['logging', 'file'], `expected logging.output: file beside it, got ${output}`)
}

function checkSuppressions(path: KeyPath, entries: NonNullable<FileConfig['suppress']>, findings: Findings): void {
  for (const [at, { rule, expires, host, path: ofPath }] of entries.entries()) {
    if (isCoreRule(rule)) fail(findings, [...path, at, 'rule'], `expected a rule that is not of the core, got ${shownText(rule)}`)
    else if (expires !== undefined && Date.parse(expires) + DAY_MS <= SYSTEM_CLOCK.nowMs()) warn(findings, [...path, at, 'expires'], `${expires} is over: this entry has no effect`)
    else if (host === undefined && ofPath === undefined) warn(findings, [...path, at, 'rule'], `findings of ${shownText(rule)} pass everywhere`)
  }
}
