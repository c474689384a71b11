/** The scanner as tests ask it: one message of which only the part under test is stated. */

import { isConfigErrors, parseConfig } from '../../src/config/index.ts'
import { DEFAULT_PROFILE } from '../../src/model/agent.ts'
import type { Finding } from '../../src/model/finding.ts'
import type { DlpPolicy, Profile } from '../../src/model/policy.ts'
import { checkContent } from '../../src/pipeline/index.ts'
import { scanWhole, type ScanContext, type WholeMessage } from '../../src/scan/index.ts'

export const BUILT_IN_RULES: DlpPolicy = { includeDefaults: true, patterns: [], responseAction: 'block' }
/** No provider's, and on no list. */
export const ELSEWHERE = 'elsewhere.test'

const NO_BODY = Buffer.alloc(0)

export function aMessage(parts: Partial<WholeMessage>): WholeMessage {
  return { url: `http://${ELSEWHERE}/`, headers: [], body: NO_BODY, ...parts }
}

export function aContext(changes: Partial<ScanContext> = {}): ScanContext {
  return { direction: 'request', dlp: BUILT_IN_RULES, host: ELSEWHERE, scheme: 'http', ...changes }
}

/** @returns what refuses the request at the default preset */
export function findingsIn(parts: Partial<WholeMessage>, changes: Partial<ScanContext> = {}): readonly Finding[] {
  return scanWhole(aContext(changes), aMessage(parts))
}

/** @returns the rules that refuse the request, each once */
export function rulesIn(parts: Partial<WholeMessage>, changes: Partial<ScanContext> = {}): readonly string[] {
  return [...new Set(findingsIn(parts, changes).map(({ rule }) => rule))]
}

export function bodyOf(text: string): Partial<WholeMessage> {
  return { body: Buffer.from(text) }
}

/** @returns the profile `_default` of a configuration */
export function aProfile(yaml = ''): Profile {
  const config = parseConfig(yaml, 'profile.yaml', {})
  const profile = isConfigErrors(config) ? undefined : config.policy.profiles.get(DEFAULT_PROFILE)
  if (profile === undefined) throw new TypeError('the configuration of a test does not load')
  return profile
}

/** @returns the rules for which the profile refuses an answer, each once */
export function refusedInResponse(body: Buffer, contentType: string, profile: Profile): readonly string[] {
  const { findings } = checkContent({ direction: 'response', url: '', host: ELSEWHERE, scheme: 'http', contentType, body }, profile)
  return [...new Set(findings.filter(({ action }) => action === 'block').map(({ rule }) => rule))]
}

/** @returns the rules that fire on a response of that type */
export function rulesInResponse(body: string | Buffer, type = 'text/plain; charset=utf-8', host = ELSEWHERE): readonly string[] {
  return rulesIn({ headers: ['Content-Type', type], body: typeof body === 'string' ? Buffer.from(body) : body }, { direction: 'response', host })
}
