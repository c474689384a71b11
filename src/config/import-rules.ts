/** How each key of a Pipelock configuration is translated: kept, renamed, converted. What is not in the table is dropped. */

import { isAbsolute } from 'node:path'
import { isHostPatternFault, parseHostPattern } from '../base/host-pattern.ts'
import { parseListenAddress } from './host-text.ts'
import { ANY_AGENT } from './keys.ts'
import { checkPattern } from './pattern-syntax.ts'
import { readNetwork } from './read-network.ts'

/** The value to write, `undefined` to write none; `notes` say what changed, without repeating values that may be secret. */
export interface Translation {
  readonly value: unknown
  readonly notes?: readonly string[]
  /** Whether something of the value has no counterpart: somebody has to decide how to go on without it. */
  readonly isLossy?: boolean
}

export interface ImportRule {
  /** Dotted key in our file, with `<name>` for a profile's name. */
  readonly to: string
  convert(value: unknown): Translation
}

const SEVERITIES = new Set(['low', 'medium', 'high', 'critical'])

const asIs = (value: unknown): Translation => ({ value })
const lost = (note: string): Translation => ({ value: undefined, notes: [note], isLossy: true })

function mapTexts(value: unknown, each: (text: string) => Translation): Translation {
  if (!Array.isArray(value)) return { value }
  return collected(value.map((item: unknown): Translation => (typeof item === 'string' ? each(item) : { value: item })))
}

/** One list of many: an item became none, one or several. */
function collected(items: readonly Translation[]): Translation {
  return { value: items.flatMap(({ value }) => (value === undefined ? [] : value)), notes: items.flatMap(({ notes = [] }) => notes), isLossy: items.some(({ isLossy }) => isLossy) }
}

/** There a `*.example.com` holds example.com too; here it does not, so both are written. */
function hosts(value: unknown): Translation {
  const translated = mapTexts(value, (text) => {
    const apex = text.startsWith('*.') ? text.slice(2) : undefined
    if (isHostPatternFault(parseHostPattern(text))) return lost(`leaves out ${JSON.stringify(text)}: not a host pattern here`)
    return apex === undefined ? { value: text } : { value: [text, apex], notes: [`adds ${apex}: ${text} does not hold it here`] }
  })
  return Array.isArray(translated.value) ? { ...translated, value: [...new Set(translated.value as unknown[])] } : translated
}

function networks(value: unknown): Translation {
  return mapTexts(value, (text) => {
    const network = readNetwork(text)
    if (network === undefined) return lost(`leaves out ${JSON.stringify(text)}: not a network here (write IPv4 in dotted form)`)
    const isSame = network.text === text || network.text.startsWith(`${text}/`)
    return isSame ? { value: text } : { value: network.text, notes: [`${text} becomes ${network.text}`] }
  })
}

function listen(value: unknown): Translation {
  if (typeof value !== 'string' || !value.startsWith(':')) return { value }
  const everywhere = `[::]${value}`
  return parseListenAddress(everywhere) === undefined ? { value } : { value: everywhere, notes: [`${value} becomes ${everywhere}`] }
}

function listeners(value: unknown): Translation {
  return mapTexts(value, listen)
}

function absolutePath(value: unknown): Translation {
  const isUsable = typeof value === 'string' && isAbsolute(value)
  return isUsable ? { value } : lost('left out: an absolute path is needed')
}

function logOutput(value: unknown): Translation {
  return value === 'both' ? { value: 'file', notes: ['both becomes file'] } : { value }
}

function patterns(value: unknown): Translation {
  if (!Array.isArray(value)) return { value }
  return collected(value.map(pattern))
}

function pattern(value: unknown): Translation {
  if (typeof value !== 'object' || value === null) return { value }
  const { name, regex, severity, ...rest } = { ...value } as Record<string, unknown>
  const label = typeof name === 'string' ? JSON.stringify(name) : 'a pattern without name'
  const objection = typeof regex === 'string' ? checkPattern(regex) : 'a regular expression'
  if (objection !== undefined) return lost(`leaves out ${label}: expected ${objection}`)
  const known = SEVERITIES.has(String(severity))
  return {
    value: { name, regex, severity: known ? severity : 'high' },
    notes: [
      ...(known ? [] : [`${label}: severity becomes high`]),
      ...Object.keys(rest).map((key) => `${label}: leaves out ${key}`),
    ],
    isLossy: Object.keys(rest).length > 0,
  }
}

/** There a profile that names one of the two limits has the other one unlimited, whatever the top level says. */
function rateLimit(value: unknown): Translation {
  if (typeof value !== 'object' || value === null) return { value }
  const whole = { max_requests_per_minute: 0, max_data_per_minute: 0, ...value }
  return { value: whole, notes: Object.keys(whole).filter((key) => !(key in value)).map((key) => `writes ${key}: 0, as it was without being written`) }
}

/** There the limits below were read and never applied; limits on tool calls wait for a surface that sees them. */
const NEVER_ENFORCED = new Set(['max_retries_per_endpoint', 'fan_out_limit', 'fan_out_window_seconds', 'cost_multipliers'])
const BUDGET_KEYS = new Set(['max_requests_per_session', 'max_bytes_per_session', 'max_unique_domains_per_session', 'window_minutes'])

function budget(value: unknown): Translation {
  if (typeof value !== 'object' || value === null) return { value }
  const entries = Object.entries(value) as [string, unknown][]
  const kept = entries.filter(([name]) => BUDGET_KEYS.has(name))
  const notes = entries.filter(([name]) => !BUDGET_KEYS.has(name)).map(([name]) => `leaves out ${name}: ${whyLeftOut(name)}`)
  const slides = kept.some(([name, minutes]) => name === 'window_minutes' && minutes !== 0) ? ['window_minutes: the window slides here, it does not empty all at once'] : []
  const isLossy = entries.some(([name]) => !BUDGET_KEYS.has(name) && !NEVER_ENFORCED.has(name))
  return { value: Object.fromEntries(kept), notes: [...notes, ...slides], isLossy }
}

function whyLeftOut(name: string): string {
  if (name === 'dow_action') return 'there it holds for tool calls alone, here it would hold for every limit'
  return NEVER_ENFORCED.has(name) ? 'it never had an effect there' : 'it limits tool calls, which no surface here sees'
}

const SHARED: readonly (readonly [string, ImportRule['convert']])[] = [
  ['mode', asIs],
  ['enforce', asIs],
  ['api_allowlist', hosts],
  ['trusted_domains', hosts],
  ['ssrf.ip_allowlist', networks],
  ['dlp.include_defaults', asIs],
  ['dlp.patterns', patterns],
  ['dlp.scan_env', asIs],
  ['dlp.secrets_file', absolutePath],
  ['dlp.min_env_secret_length', asIs],
  ['canary_tokens.enabled', asIs],
  ['canary_tokens.tokens', asIs],
  ['suppress', () => lost('left out: the rules have other ids here')],
]

const TOP: readonly (readonly [string, ImportRule['convert'], string?])[] = [
  ...SHARED,
  ['version', asIs],
  ['fetch_proxy.listen', listen],
  ['fetch_proxy.timeout_seconds', asIs],
  ['fetch_proxy.monitoring.max_url_length', asIs],
  ['fetch_proxy.monitoring.blocklist', hosts],
  ['forward_proxy.enabled', asIs],
  ['forward_proxy.max_tunnel_seconds', asIs],
  ['forward_proxy.idle_timeout_seconds', asIs],
  ['request_body_scanning.max_body_bytes', asIs, 'limits.max_body_bytes'],
  ['kill_switch.enabled', asIs],
  ['kill_switch.sentinel_file', absolutePath],
  ['flight_recorder.dir', absolutePath],
  ['flight_recorder.checkpoint_interval', asIs],
  ['flight_recorder.max_entries_per_file', asIs],
  ['flight_recorder.retention_days', asIs],
  ['flight_recorder.signing_key_path', absolutePath],
  ['metrics_listen', listen, 'admin.listen'],
  ['mediation_envelope.trust_domain', asIs, 'trust_domain'],
  ['logging.output', logOutput],
  ['logging.file', absolutePath],
  ['logging.include_allowed', asIs],
  ['logging.include_blocked', asIs],
  ['default_agent_identity', asIs],
]

const PROFILE: readonly (readonly [string, ImportRule['convert']])[] = [...SHARED, ['listeners', listeners], ['source_cidrs', networks], ['rate_limit', rateLimit], ['budget', budget]]

/** By dotted key of the foreign file, with `<name>` for a profile's name. */
export const IMPORT_RULES: ReadonlyMap<string, ImportRule> = new Map([
  ...TOP.map(([from, convert, to = from]): [string, ImportRule] => [from, { to, convert }]),
  ...PROFILE.map(([name, convert]): [string, ImportRule] => [`agents.${ANY_AGENT}.${name}`, { to: `agents.${ANY_AGENT}.${name}`, convert }]),
])

/** Defaults of the other product that differ from ours: written out where the file is silent, so that it means the same. */
export const FOREIGN_DEFAULTS: readonly (readonly [key: string, value: unknown])[] = [
  ['forward_proxy.enabled', false],
  ['forward_proxy.max_tunnel_seconds', 300],
  ['forward_proxy.idle_timeout_seconds', 120],
  ['fetch_proxy.monitoring.max_url_length', 2_048],
]
