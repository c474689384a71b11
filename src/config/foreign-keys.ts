/**
 * Keys that other products, other versions or an operator's habit put into the file and that nothing here enforces, each
 * with what it belongs to or what to write instead. A table by nature.
 */

import { ANY_AGENT } from './keys.ts'

const LACKING = ', which this version does not have'
const lacking = (feature: string): string => `belongs to ${feature}${LACKING}`
const NO_LICENCE = 'no licence is needed here'

const MCP = lacking('MCP mediation')
const RESPONSES = lacking('injection scanning of responses')
const ENTROPY = lacking('entropy scanning')
const SESSIONS = lacking('session profiling')
const ENVELOPES = lacking('mediation envelopes')
const KILL_API = 'the kill switch is controlled on the admin listener: set admin.listen and admin.token'
const TLS = lacking('TLS interception')

/** Limits on tool calls: they load with the first surface that sees one. */
const MCP_BUDGET = [
  ...['max_tool_calls_per_session', 'max_concurrent_tool_calls', 'max_wall_clock_minutes', 'max_retries_per_tool', 'loop_detection_window'],
  ...['tool_calls', 'concurrent_tool_calls', 'retries_per_tool', 'identical_tool_calls', 'tool_failures', 'loops'],
]

const FOREIGN: ReadonlyMap<string, string> = new Map([
  ['listen', 'the listener of the agents is fetch_proxy.listen'],
  ['budgets', 'the section is called budget'],
  ...MCP_BUDGET.map((name): [string, string] => [`budget.${name}`, MCP]),
  ['budget.max_retries_per_endpoint', 'write budget.retries_per_endpoint: {limit, window}, which counts attempts after a failure'],
  ['budget.fan_out_limit', 'write budget.fan_out: {limit, window, granularity}'],
  ['budget.fan_out_window_seconds', 'write budget.fan_out: {limit, window, granularity}'],
  ['budget.cost_multipliers', 'costs in money are not counted; requests and bytes are'],
  ['explain_blocks', 'every refusal already carries a hint'],
  ['internal', 'the table of addresses that are not public is built in and cannot be replaced; open single networks with ssrf.ip_allowlist'],
  ['metrics_listen', 'metrics are served on admin.listen'],
  ['bind_default_agent_identity', 'a name that a caller claims never selects a profile, so the default is always bound'],
  ['websocket_proxy', lacking('WebSocket mediation')],
  ['reverse_proxy', lacking('inbound listeners')],
  ['inbound', lacking('inbound listeners')],
  ['tls_interception', TLS],
  ['response_scanning', RESPONSES],
  ['request_body_scanning', 'request bodies are always scanned; their limit is limits.max_body_bytes'],
  ['request_body_scanning.enabled', 'request bodies are always scanned'],
  ['git_protection', lacking('git protection')],
  ['session_profiling', SESSIONS],
  ['adaptive_enforcement', lacking('adaptive enforcement')],
  ['tool_chain_detection', MCP],
  ['cross_request_detection', lacking('cross-request detection')],
  ['address_protection', lacking('crypto-address protection')],
  ['seed_phrase_detection', 'seed phrases are always looked for, with their checksum'],
  ['file_sentry', lacking('file watching of agents')],
  ['sandbox', lacking('sandboxing')],
  ['sentry', lacking('crash reporting')],
  ['emit', lacking('event sinks')],
  ['suppress[].comment', 'the reason of an entry of suppress is its reason'],
  ['redaction.allowlist_unparseable', 'a body in which nothing is found passes in every form; one with a finding that cannot be replaced is refused'],
  ['redaction.allowlist_unparseable_routes', 'a body in which nothing is found passes in every form; one with a finding that cannot be replaced is refused'],
  ['redaction.providers', 'bodies are read by their content type'],
  ['redaction.limits.max_body_bytes', 'the limit of bodies is limits.max_body_bytes'],
  ['redaction.limits.max_depth', 'JSON is read to any depth'],
  ['scan_api', 'the scan API is part of the admin listener: POST /api/v1/scan on admin.listen'],
  ['rules', lacking('rule bundles')],
  ['airlock', lacking('airlock')],
  ['browser_shield', lacking('browser shield')],
  ['media_policy', lacking('media policy')],
  ['a2a_scanning', lacking('A2A scanning')],
  ['taint', lacking('taint tracking')],
  ['behavioral_baseline', lacking('behavioural baselines')],
  ['learn', lacking('behavioural baselines')],
  ['conductor', lacking('remote control of a fleet')],
  ['request_policy', lacking('request policies')],
  ['health_watchdog', lacking('the health watchdog')],
  ['mediation_envelope', ENVELOPES],
  ['license_key', NO_LICENCE],
  ['license_file', NO_LICENCE],
  ['license_public_key', NO_LICENCE],
  ['license_crl_file', NO_LICENCE],
  ['fetch_proxy.max_response_mb', 'responses are streamed, not cut: see limits.max_held_response_bytes'],
  ['fetch_proxy.max_redirects', 'the number of redirects is fetch_proxy.redirect_limit'],
  ['fetch_proxy.user_agent', 'the User-Agent of the caller is forwarded as it is'],
  ['fetch_proxy.monitoring.entropy_threshold', ENTROPY],
  ['fetch_proxy.monitoring.subdomain_entropy_threshold', ENTROPY],
  ['fetch_proxy.monitoring.subdomain_entropy_exclusions', ENTROPY],
  ['fetch_proxy.monitoring.query_entropy_exclusions', ENTROPY],
  ['fetch_proxy.monitoring.path_entropy_exclusions', ENTROPY],
  ['fetch_proxy.monitoring.query_entropy_param_exclusions', ENTROPY],
  ['fetch_proxy.monitoring.scan_nested_urls', lacking('nested URL scanning')],
  ['fetch_proxy.monitoring.max_requests_per_minute', `${lacking('limits per destination domain')}; rate_limit.max_requests_per_minute limits a profile`],
  ['fetch_proxy.monitoring.max_data_per_minute', `${lacking('limits per destination domain')}; rate_limit.max_data_per_minute limits a profile`],
  ['forward_proxy.sni_verification', lacking('SNI verification')],
  ['forward_proxy.redirect_websocket_hosts', lacking('WebSocket mediation')],
  ['dlp.patterns[].validator', lacking('check digits of own patterns')],
  ['dlp.patterns[].exempt_domains', 'write an entry of suppress with rule custom.<name> and host'],
  ['dlp.patterns[].action', 'the mode decides what a finding does; see dlp.response_action for responses'],
  ['dlp.action', 'the mode decides what a finding does; see dlp.response_action for responses'],
  ['kill_switch.api_token', KILL_API],
  ['kill_switch.api_listen', KILL_API],
  ['kill_switch.message', 'the answer of the kill switch is fixed'],
  ['kill_switch.health_exempt', 'health and metrics are on the admin listener, which the kill switch does not touch'],
  ['kill_switch.metrics_exempt', 'health and metrics are on the admin listener, which the kill switch does not touch'],
  ['kill_switch.api_exempt', 'health and metrics are on the admin listener, which the kill switch does not touch'],
  ['kill_switch.allowlist_ips', 'the kill switch has no exemptions'],
  ['flight_recorder.enabled', 'receipts are always written'],
  ['flight_recorder.sign_checkpoints', 'checkpoints are always signed'],
  ['flight_recorder.require_receipts', 'receipts are always required; flight_recorder.require says how firmly'],
  ['flight_recorder.redact', 'receipts never hold matched text'],
  ['flight_recorder.raw_escrow', lacking('raw escrow')],
  ['flight_recorder.escrow_public_key', lacking('raw escrow')],
  ['logging.format', 'log lines are always JSON'],
  ['identity.header_selects_profile', 'a header never selects a profile'],
  [`agents.${ANY_AGENT}.session_profiling`, SESSIONS],
  [`agents.${ANY_AGENT}.mcp_tool_policy`, MCP],
  [`agents.${ANY_AGENT}.sandbox`, lacking('sandboxing')],
  [`agents.${ANY_AGENT}.allowed_addresses`, lacking('crypto-address protection')],
])

/** @returns what to tell about a key that the schema does not have, or `undefined` where nothing is known of it */
export function foreignKey(path: readonly (string | number)[]): string | undefined {
  const dotted = generic(path)
  const known = FOREIGN.get(dotted) ?? FOREIGN.get(dotted.replace(`agents.${ANY_AGENT}.`, ''))
  return known ?? (/^(?:agents\.<name>\.)?mcp_/.test(dotted) ? MCP : undefined)
}

/** @returns whether the key switches on what nothing here does: an unknown key counts as one, a feature that is off does not */
export function isMissed(path: readonly (string | number)[], value: unknown): boolean {
  const isOff = value === false || value === null || (typeof value === 'object' && 'enabled' in value && value.enabled === false)
  return !isOff && (foreignKey(path) ?? LACKING).includes(LACKING)
}

/** @returns the dotted path with `<name>` for a profile's name and `[]` for a position */
export function generic(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, segment, at) => {
    if (typeof segment === 'number') return `${text}[]`
    const name = at === 1 && path[0] === 'agents' ? ANY_AGENT : segment
    return text === '' ? name : `${text}.${name}`
  }, '')
}
