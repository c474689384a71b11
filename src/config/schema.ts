/**
 * The file as a schema: the single source of its types, its JSON Schema and the table of keys. A table by nature: longer
 * than other files, and nothing but rows.
 */

import * as z from 'zod'
import { AGENT_NAME } from './agent-name.ts'
import { budgetSchema } from './budget-schema.ts'
import { budgetStore, cluster, sharedState } from './state-schema.ts'
import { DEFAULTS as D } from './defaults.ts'
import {
  absolutePath, duration, flag, hiddenText, hostPattern, key, leaf, listenAddress, listOf, nameServer, network, oneOf, size, trustDomain, wholeNumber,
  type KeyFacts,
} from './leaves.ts'
import { MAX_PATTERN_CHARACTERS } from './pattern-syntax.ts'
import { fileRedaction, profileRedaction } from './redaction-schema.ts'

/** Shorter texts load as far as the schema goes: a reference to the environment may be one. */
export const MIN_TOKEN = 16
const MAX_TOKEN = 512
export const TOKEN_FORM = `a token of ${MIN_TOKEN} to ${MAX_TOKEN} characters, best written \${env:NAME}`

/** Without controls, invisible and direction marks. Ranges, because a JSON Schema validator may not know `\p{C}`. */
const PATTERN_NAME = /^[\x20-\x7e\u00a1-\u200a\u2010-\u2027\u202f-\u205f\u2070-\ud7ff\uf900-\ufdff\ufe10-\ufefe]{1,64}$/

const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/
const KIB = 1_024
const GIB = 1_073_741_824

const reload = (description: string, effect: string, rest: Partial<KeyFacts> = {}): KeyFacts => ({ description, effect, applies: 'reload', ...rest })
const restart = (description: string, effect: string, rest: Partial<KeyFacts> = {}): KeyFacts => ({ description, effect, applies: 'restart', ...rest })

const patternSchema = z.strictObject({
  name: leaf(z.string().regex(PATTERN_NAME), { expected: 'a name of 1 to 64 printable characters' }),
  regex: hiddenText(`a regular expression of 1 to ${MAX_PATTERN_CHARACTERS} characters`, { min: 1, max: MAX_PATTERN_CHARACTERS }),
  severity: oneOf('low', 'medium', 'high', 'critical'),
})

const mode = key(oneOf('strict', 'balanced', 'audit'), reload(
  'strict: only hosts on api_allowlist. balanced: credentials going out and addresses that are not public are blocked. audit: findings of scanners warn.',
  'strict refuses a host off the allow list (host_not_allowed); audit forwards a request that carries a credential', { default: D.mode }))
const enforce = key(flag(), reload(
  'false turns findings of scanners and host lists into warnings. Addresses that are not public, the kill switch and own addresses still refuse.',
  'false forwards a request to a host on the block list', { default: D.enforce }))
const apiAllowlist = key(listOf(hostPattern()), reload('Hosts that strict mode lets pass. An empty list differs from an absent one.', 'in strict mode a host on it passes, any other is refused', { default: D.api_allowlist }))
const blocklist = key(listOf(hostPattern()), reload('Hosts that are refused in every mode.', 'a host on it is refused (host_blocked)', { default: D.fetch_proxy.monitoring.blocklist }))
const trustedDomains = key(listOf(hostPattern()), reload('Hosts whose addresses may be internal.', 'a name on it may resolve to a private address', { default: D.trusted_domains }))
const ssrf = z.strictObject({
  ip_allowlist: key(listOf(network()), reload('Networks that may be dialled although they are not public.', 'an address inside is dialled, its neighbour outside is refused (ssrf_address)', { default: D.ssrf.ip_allowlist })),
}).optional()
const dlp = z.strictObject({
  include_defaults: key(flag(), reload('Whether the built-in credential rules apply. false in a profile also leaves out the patterns of the top level.', 'false lets a built-in credential pass', { default: D.dlp.include_defaults })),
  patterns: key(listOf(patternSchema), reload('Own rules: {name, regex, severity}. Those of a profile are added; one of the same name replaces.', 'a request that matches is refused (dlp_secret) and the finding carries name and severity', { default: D.dlp.patterns })),
  scan_env: key(flag(), reload("Whether every variable of the companion's own environment that looks like a secret is one of the agent's.", 'true refuses a request that carries the value of one (dlp_secret)', { default: D.dlp.scan_env })),
  env_secrets: key(listOf(leaf(z.string().regex(ENVIRONMENT_NAME), { expected: 'the name of an environment variable' })), reload("Environment variables whose values are secrets of the agent. Those of a profile are added.", 'a request that carries the value in any form is refused (dlp_secret)', { default: D.dlp.env_secrets })),
  secrets_file: key(absolutePath(), reload('File of secrets of the agent: one a line, # begins a comment; readable by its owner alone.', 'a request that carries one in any form is refused (dlp_secret)')),
  min_env_secret_length: key(wholeNumber(8, 4096), reload('Shortest value that scan_env takes for a secret.', 'a longer minimum lets a shorter value pass', { default: D.dlp.min_env_secret_length, unit: 'characters' })),
  response_action: key(oneOf('allow', 'warn', 'redact', 'block'), reload('What a credential in a response does.', 'block refuses the response (response_secret), redact replaces it by <pl:CLASS:N>, warn records it', { default: D.dlp.response_action })),
}).optional()
const canarySchema = z.strictObject({
  name: leaf(z.string().regex(PATTERN_NAME), { expected: 'a name of 1 to 64 printable characters' }),
  value: hiddenText('a text of 8 to 4096 characters', { min: 8, max: 4096 }).optional(),
  env_var: leaf(z.string().regex(ENVIRONMENT_NAME), { expected: 'the name of an environment variable' }).optional(),
})
const canaryTokens = z.strictObject({
  enabled: key(flag(), reload('Whether the canary tokens are looked for.', 'false lets a canary token pass', { default: D.canary_tokens.enabled })),
  tokens: key(listOf(canarySchema), reload('Texts planted where only an attacker looks: {name, value} or {name, env_var}. Those of a profile are added.', 'a request that carries one in any form is refused (dlp_secret)', { default: D.canary_tokens.tokens })),
}).optional()
const suppressionSchema = z.strictObject({
  rule: leaf(z.string().regex(/^[a-z]+(?:\.[\x21-\x7e]{1,80})+$/), { expected: 'the id of a rule, like dlp.iban' }),
  host: hostPattern().optional(),
  path: leaf(z.string().startsWith('/').max(1024), { expected: 'a path; one that ends with * holds what begins with it' }).optional(),
  expires: leaf(z.iso.date(), { expected: 'a date like 2026-12-31' }).optional(),
  reason: leaf(z.string().min(1).max(512), { expected: 'why the finding is no finding' }),
})
const suppress = key(listOf(suppressionSchema), reload('Findings that are none: {rule, reason}, only at host, at path, until expires. Rules of the core cannot be named. Those of a profile are added.', 'a request with such a finding passes, up to the date', { default: D.suppress }))
const rateLimit = z.strictObject({
  max_requests_per_minute: key(wholeNumber(0), reload('Requests of the profile per minute; 0 = unlimited.', 'the request over the limit gets 429 (rate_limited)', { default: D.rate_limit.max_requests_per_minute, unit: 'per minute' })),
  max_data_per_minute: key(size(0), reload('Bytes of the profile per minute, both directions; 0 = unlimited.', 'a request after the limit was used up gets 429 (data_rate_limited)', { default: D.rate_limit.max_data_per_minute, unit: 'bytes per minute' })),
}).optional()

export const profileSchema = z.strictObject({
  listeners: key(listOf(listenAddress()), restart('Addresses that belong to this profile alone.', 'a caller at the address gets the profile')),
  source_cidrs: key(listOf(network()), reload('Networks whose callers get this profile.', 'a caller from the network gets the profile')),
  mode,
  enforce,
  api_allowlist: apiAllowlist,
  blocklist,
  trusted_domains: trustedDomains,
  ssrf,
  dlp,
  canary_tokens: canaryTokens,
  suppress,
  redaction: profileRedaction,
  rate_limit: rateLimit,
  budget: budgetSchema.optional(),
  max_connections: key(wholeNumber(0), reload('TCP connections of the profile, and as many open exchanges and tunnels; 0 = unlimited.', 'one more gets 503 (connection_limit)', { unit: 'count' })),
})

const fetchProxy = z.strictObject({
  enabled: key(flag(), reload('Whether /fetch answers.', 'false refuses /fetch (surface_disabled)', { default: D.fetch_proxy.enabled })),
  listen: key(listenAddress(), restart("The agents' listener: forward proxy, CONNECT and /fetch.", 'the companion listens there', { default: D.fetch_proxy.listen })),
  timeout_seconds: key(duration(1, 'seconds'), reload('Longest time from a /fetch to the head of its answer, redirects included.', 'a slower origin gives 504 (upstream_timeout)', { default: D.fetch_proxy.timeout_seconds, unit: 'ms' })),
  redirect_limit: key(wholeNumber(0, 20), reload('Redirects that /fetch follows; 0 = none. Each is a new exchange.', 'the redirect beyond is not followed', { default: D.fetch_proxy.redirect_limit, unit: 'count' })),
  monitoring: z.strictObject({
    max_url_length: key(wholeNumber(1, 65_536), reload('Longest URL that is forwarded.', 'a longer URL gets 414 (url_too_long)', { default: D.fetch_proxy.monitoring.max_url_length, unit: 'characters' })),
    blocklist,
  }).optional(),
})

const forwardProxy = z.strictObject({
  enabled: key(flag(), reload('Whether absolute-form requests and CONNECT are served.', 'false refuses both (surface_disabled)', { default: D.forward_proxy.enabled })),
  connect: key(flag(), reload('Whether CONNECT is served. Requests inside a tunnel cannot be seen.', 'false refuses CONNECT (surface_disabled), absolute-form requests pass', { default: D.forward_proxy.connect })),
  max_tunnel_seconds: key(duration(0, 'seconds'), reload('Longest life of a CONNECT tunnel; 0 = unlimited.', 'an older tunnel is cut', { default: D.forward_proxy.max_tunnel_seconds, unit: 'ms' })),
  idle_timeout_seconds: key(duration(1, 'seconds'), reload('Longest silence of a CONNECT tunnel.', 'a silent tunnel is cut', { default: D.forward_proxy.idle_timeout_seconds, unit: 'ms' })),
})

const killSwitch = z.strictObject({
  enabled: key(flag(), reload('true refuses every exchange and cuts open tunnels.', 'true answers 503 (kill_switch)', { default: D.kill_switch.enabled })),
  sentinel_file: key(absolutePath(), restart('While this file exists the kill switch is on.', 'creating the file answers 503 (kill_switch)')),
  agents: key(listOf(leaf(z.string(), { expected: 'the name of a profile' })), reload('Profiles for which the kill switch is on.', 'the profile gets 503 (kill_switch), others pass', { default: D.kill_switch.agents })),
})

const flightRecorder = z.strictObject({
  dir: key(absolutePath(), restart('Folder of the receipts; without it, receipts/ in the state folder.', 'receipts are written there')),
  require: key(oneOf('durable', 'buffered'), restart('durable: a decision is on disk before a byte leaves. buffered: the system is trusted to write it.', 'buffered forwards without waiting for the disk', { default: D.flight_recorder.require })),
  checkpoint_interval: key(wholeNumber(1), restart('Entries between two signed checkpoints.', 'a checkpoint follows that many entries', { default: D.flight_recorder.checkpoint_interval, unit: 'count' })),
  max_entries_per_file: key(wholeNumber(1), restart('Entries before a new file begins.', 'the entry beyond starts a new file', { default: D.flight_recorder.max_entries_per_file, unit: 'count' })),
  retention_days: key(wholeNumber(0, 36_500), restart('Age at which closed files are deleted; 0 = never.', 'an older closed file is gone after start', { default: D.flight_recorder.retention_days, unit: 'days' })),
  signing_key_path: key(absolutePath(), restart('Private key that signs the receipts, made with chaperone keygen; without it, one is made in the state folder.', 'receipts verify under this key')),
  min_free_bytes: key(size(0), restart('Free space below which nothing is forwarded; 0 = not looked at.', 'a fuller disk answers 503 (receipt_unwritable)', { default: D.flight_recorder.min_free_bytes, unit: 'bytes' })),
  signer: key(oneOf('auto', 'node', 'sodium'), restart('Library that signs; auto takes sodium where it is installed.', 'sodium without the library does not start', { default: D.flight_recorder.signer })),
})

const admin = z.strictObject({
  listen: key(listenAddress(), restart('Address of health, metrics, kill switch and console API.', 'the admin API answers there', { default: D.admin.listen })),
  token: key(hiddenText(TOKEN_FORM, { min: 1, max: MAX_TOKEN }), restart('Bearer token of the admin API; without it, one is made in the state folder.', 'the token is accepted, any other is refused', { secret: true })),
})

const logging = z.strictObject({
  output: key(oneOf('stdout', 'stderr', 'file'), restart('Where log lines go.', 'lines appear there', { default: D.logging.output })),
  file: key(absolutePath(), restart('The file, with output: file.', 'lines appear in it')),
  include_allowed: key(flag(), reload('Whether allowed exchanges are logged.', 'false leaves them out', { default: D.logging.include_allowed })),
  include_blocked: key(flag(), reload('Whether refused exchanges are logged.', 'false leaves them out', { default: D.logging.include_blocked })),
})

const identity = z.strictObject({
  unmatched: key(oneOf('default', 'deny'), reload('What callers get whom nothing matches: the profile _default, or 403.', 'deny answers 403 (identity_unresolved)', { default: D.identity.unmatched })),
  overlap: key(oneOf('refuse', 'most_specific'), reload('Networks of two profiles that overlap: an error, or the longest prefix wins.', 'most_specific loads them, and the narrower network decides', { default: D.identity.overlap })),
  trusted_proxies: key(listOf(network()), reload('Hops that may say whom they speak for.', 'a client named by such a hop gets its profile, named by another it does not', { default: D.identity.trusted_proxies })),
  forwarded: key(oneOf('none', 'x-forwarded-for', 'forwarded', 'proxy_v2'), reload('How a trusted hop names its client.', 'only the named form is read', { default: D.identity.forwarded })),
  allow_host_bits: key(flag(), reload('Accepts 10.42.3.7/24 for 10.42.3.0/24.', 'true loads a network with host bits', { default: D.identity.allow_host_bits })),
  allow_any: key(flag(), reload('Accepts 0.0.0.0/0 and ::/0 in a profile other than _default.', 'true loads such a network', { default: D.identity.allow_any })),
})

const limits = z.strictObject({
  max_body_bytes: key(size(1, GIB), reload('Longest request body.', 'a longer one gets 413 (body_too_large)', { default: D.limits.max_body_bytes, unit: 'bytes' })),
  max_held_bytes: key(size(1), reload('All held bodies together.', 'the body beyond gets 503 (held_bytes_exhausted)', { default: D.limits.max_held_bytes, unit: 'bytes' })),
  max_held_response_bytes: key(size(0, GIB), reload('Longest response that is scanned whole before it is released; longer ones are streamed.', 'a longer response arrives before it is complete', { default: D.limits.max_held_response_bytes, unit: 'bytes' })),
  max_header_bytes: key(size(KIB, KIB * KIB), restart('Longest header section of a request.', 'a longer one gets 431 (headers_too_large)', { default: D.limits.max_header_bytes, unit: 'bytes' })),
  max_headers: key(wholeNumber(8, 10_000), restart('Most header fields of a request.', 'one more gets 431 (headers_too_large)', { default: D.limits.max_headers, unit: 'count' })),
  max_connections: key(wholeNumber(1), restart("Most connections of the agents' listeners together.", 'one more is closed', { default: D.limits.max_connections, unit: 'count' })),
  max_connections_per_profile: key(wholeNumber(0), reload('TCP connections of one profile, and as many open exchanges and tunnels; 0 = unlimited. Connections of a trusted hop belong to no profile.', 'one more gets 503 (connection_limit)', { default: D.limits.max_connections_per_profile, unit: 'count' })),
})

const wait = (description: string, effect: string, value: number) => key(duration(1), reload(description, effect, { default: value, unit: 'ms' }))
/** Read once, when sockets and clients are made. */
const serverWait = (description: string, effect: string, value: number) => key(duration(1), restart(description, effect, { default: value, unit: 'ms' }))

const timeouts = z.strictObject({
  dns: serverWait('Longest wait for a name.', 'a silent name server gives 502 (dns_failed)', D.timeouts.dns),
  connect: wait('Longest wait for a connection to the destination, TLS included.', 'a silent address gives 504 (upstream_timeout)', D.timeouts.connect),
  response_head: wait('Longest wait for the head of a response.', 'a slower origin gives 504 (upstream_timeout)', D.timeouts.response_head),
  response_idle: wait('Longest silence inside a response.', 'the response is aborted (upstream_timeout)', D.timeouts.response_idle),
  request_head: serverWait('Longest wait for the head of a request.', 'a slower client gets 408 (request_timeout)', D.timeouts.request_head),
  request_idle: wait('Longest silence inside a request body.', 'a slower client gets 408 (request_timeout)', D.timeouts.request_idle),
  keep_alive: serverWait('How long an idle connection of an agent stays open.', 'it is closed after that', D.timeouts.keep_alive),
  drain: serverWait('How long open exchanges may go on after the companion was told to stop.', 'they are cut after that', D.timeouts.drain),
})

const dns = z.strictObject({
  servers: key(listOf(nameServer()), restart("Name servers; an empty list takes the system's.", 'queries go there', { default: D.dns.servers })),
  hosts_file: key(absolutePath(), restart('File of names that are not asked for.', 'a name in it gets its address', { default: D.dns.hosts_file })),
  cache_seconds: key(duration(0, 'seconds'), restart('Longest time an answer is kept, whatever its own time to live; 0 = not kept.', 'a second lookup inside it sends no query', { default: D.dns.cache_seconds, unit: 'ms' })),
})

export const fileSchema = z.strictObject({
  version: key(leaf(z.literal(1), { expected: '1' }), reload('Version of the file format.', 'any other version does not load', { default: 1 })),
  mode,
  enforce,
  fetch_proxy: fetchProxy.optional(),
  forward_proxy: forwardProxy.optional(),
  api_allowlist: apiAllowlist,
  trusted_domains: trustedDomains,
  ssrf,
  dlp,
  canary_tokens: canaryTokens,
  suppress,
  redaction: fileRedaction,
  rate_limit: rateLimit,
  budget: budgetSchema.optional(),
  kill_switch: killSwitch.optional(),
  flight_recorder: flightRecorder.optional(),
  admin: admin.optional(),
  logging: logging.optional(),
  default_agent_identity: key(leaf(z.string(), { expected: 'the name of a profile' }), reload('Profile of every caller that neither listener nor network names.', 'such a caller gets the profile, graded config-default')),
  trust_domain: key(trustDomain(), restart('Domain in the names of agents: spiffe://<trust_domain>/agent/<profile>.', "the receipt's actor carries it", { default: D.trust_domain })),
  identity: identity.optional(),
  limits: limits.optional(),
  timeouts: timeouts.optional(),
  dns: dns.optional(),
  state: sharedState,
  cluster: cluster.optional(),
  budget_store: budgetStore.optional(),
  agents: z.record(z.string().regex(AGENT_NAME), profileSchema).optional(),
})

/** The file as parsed: names as written, durations in milliseconds, sizes in bytes, hosts canonical. */
export type FileConfig = z.output<typeof fileSchema>
/** One entry under `agents`. */
export type FileProfile = z.output<typeof profileSchema>
