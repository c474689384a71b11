/** Translation of another product's file: the result loads, and every key is accounted for. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatProblem } from './config-problem.ts'
import { importPipelock } from './import-pipelock.ts'
import { isConfigErrors, parseConfig } from './load-config.ts'

const FOREIGN = [
  'version: 1',
  'mode: strict',
  'enforce: true',
  'explain_blocks: true',
  'api_allowlist: ["*.example.org", example.com]',
  'internal: [10.0.0.0/8]',
  'fetch_proxy:',
  '  listen: ":8888"',
  '  timeout_seconds: 30',
  '  max_response_mb: 10',
  '  monitoring: {max_url_length: 500, entropy_threshold: 3.5, max_requests_per_minute: 30, blocklist: ["*.paste.example"]}',
  'forward_proxy: {enabled: true, max_tunnel_seconds: 300, idle_timeout_seconds: 120, sni_verification: true}',
  'request_body_scanning: {enabled: true, max_body_bytes: 5242880}',
  'response_scanning: {enabled: true}',
  'mcp_tool_policy: {enabled: true}',
  'dlp:',
  '  scan_env: true',
  '  patterns:',
  "    - {name: Own Token, regex: 'tok_[a-z0-9]{20,}', severity: critical}",
  "    - {name: Card, regex: '\\b\\d{4}(?:[- ]?\\d){11,15}\\b', severity: medium, validator: luhn}",
  "    - {name: Bad, regex: 'a(?=b)', severity: low}",
  'kill_switch: {enabled: false, sentinel_file: stop, api_token: a-secret-token}',
  'metrics_listen: 127.0.0.1:9090',
  'logging: {format: json, output: stdout, include_allowed: true}',
  'license_key: another-secret',
  'agents:',
  '  ci:',
  '    source_cidrs: [10.42.3.7/24, 10.43.0.0/16]',
  '    rate_limit: {max_requests_per_minute: 30}',
  '    budget: {max_requests_per_session: 5, max_bytes_per_session: 1000, window_minutes: 60, dow_action: warn, fan_out_limit: 9, max_tool_calls_per_session: 7}',
].join('\n')

test('a whole file is translated, and the result loads', () => {
  const { text, changes, losses, problems } = importPipelock(FOREIGN)
  assert.deepEqual(problems, [])
  assert.deepEqual(changes, [
    'kept: version',
    'kept: mode',
    'kept: enforce',
    'dropped: explain_blocks: every refusal already carries a hint',
    'changed: api_allowlist: adds example.org: *.example.org does not hold it here',
    'dropped: internal: the table of addresses that are not public is built in and cannot be replaced; open single networks with ssrf.ip_allowlist',
    'changed: fetch_proxy.listen: :8888 becomes [::]:8888',
    'kept: fetch_proxy.timeout_seconds',
    'dropped: fetch_proxy.max_response_mb: responses are streamed, not cut: see limits.max_held_response_bytes',
    'kept: fetch_proxy.monitoring.max_url_length',
    'dropped: fetch_proxy.monitoring.entropy_threshold: belongs to entropy scanning, which this version does not have',
    'dropped: fetch_proxy.monitoring.max_requests_per_minute: belongs to limits per destination domain, which this version does not have; rate_limit.max_requests_per_minute limits a profile',
    'changed: fetch_proxy.monitoring.blocklist: adds paste.example: *.paste.example does not hold it here',
    'kept: forward_proxy.enabled',
    'kept: forward_proxy.max_tunnel_seconds',
    'kept: forward_proxy.idle_timeout_seconds',
    'dropped: forward_proxy.sni_verification: belongs to SNI verification, which this version does not have',
    'dropped: request_body_scanning.enabled: request bodies are always scanned',
    'renamed: request_body_scanning.max_body_bytes is limits.max_body_bytes',
    'dropped: response_scanning: belongs to injection scanning of responses, which this version does not have',
    'dropped: mcp_tool_policy: belongs to MCP mediation, which this version does not have',
    'kept: dlp.scan_env',
    'changed: dlp.patterns: "Card": leaves out validator; leaves out "Bad": expected a regular expression in RE2 syntax (no look-around, no back-references, repeats of at most 1000)',
    'kept: kill_switch.enabled',
    'dropped: kill_switch.sentinel_file: left out: an absolute path is needed',
    'dropped: kill_switch.api_token: the kill switch is controlled on the admin listener: set admin.listen and admin.token',
    'renamed: metrics_listen is admin.listen',
    'dropped: logging.format: log lines are always JSON',
    'kept: logging.output',
    'kept: logging.include_allowed',
    'dropped: license_key: no licence is needed here',
    'changed: agents.ci.source_cidrs: 10.42.3.7/24 becomes 10.42.3.0/24',
    'changed: agents.ci.rate_limit: writes max_data_per_minute: 0, as it was without being written',
    'changed: agents.ci.budget: leaves out dow_action: there it holds for tool calls alone, here it would hold for every limit; leaves out fan_out_limit: it never had an effect there; leaves out max_tool_calls_per_session: it limits tool calls, which no surface here sees; window_minutes: the window slides here, it does not empty all at once',
  ])
  const lost = losses.map((line) => /^\w+: ([\w.]+):/.exec(line)?.[1])
  assert.deepEqual(lost, [
    ...['fetch_proxy.monitoring.entropy_threshold', 'fetch_proxy.monitoring.max_requests_per_minute', 'forward_proxy.sni_verification'],
    ...['response_scanning', 'mcp_tool_policy', 'dlp.patterns', 'kill_switch.sentinel_file', 'agents.ci.budget'],
  ])
  const config = parseConfig(text, 'c.yaml', {})
  assert.ok(!isConfigErrors(config))
  assert.deepEqual(config.policy.profiles.get('ci')?.apiAllowlist, ['*.example.org', 'example.org', 'example.com'])
  assert.deepEqual(config.identity.networks.map(({ network }) => network.text), ['10.42.3.0/24', '10.43.0.0/16'])
  assert.equal(config.policy.limits.maxBodyBytes, 5_242_880)
  const { action, requests, bytes } = config.policy.profiles.get('ci')?.budget ?? {}
  assert.deepEqual({ action, requests, bytes }, { action: 'block', requests: { limit: 5, windowMs: 3_600_000 }, bytes: { limit: 1000, windowMs: 3_600_000, count: 'response' } })
  for (const secret of ['a-secret-token', 'another-secret']) assert.ok(!text.includes(secret) && !changes.join().includes(secret))
})

test('a silent file keeps the meaning that the other defaults gave it', () => {
  const { text, changes } = importPipelock('mode: balanced\n')
  assert.deepEqual(changes.filter((line) => line.startsWith('added')), [
    "added: forward_proxy.enabled: false, the other product's default",
    "added: forward_proxy.max_tunnel_seconds: 300, the other product's default",
    "added: forward_proxy.idle_timeout_seconds: 120, the other product's default",
    "added: fetch_proxy.monitoring.max_url_length: 2048, the other product's default",
  ])
  const config = parseConfig(text, 'c.yaml', {})
  assert.ok(!isConfigErrors(config))
  assert.deepEqual(config.policy.surfaces, { forward: false, connect: false, fetch: true })
})

test('a feature of the other product that is switched off is no loss', () => {
  const off = importPipelock('response_scanning: {enabled: false}\nlicense_key: x\nexplain_blocks: true\nforward_proxy: {sni_verification: false}\n')
  assert.deepEqual([off.losses, off.problems], [[], []])
  assert.equal(importPipelock('response_scanning: {enabled: true}\n').losses.length, 1)
})

test('what has to be put right by hand is told', () => {
  const { problems } = importPipelock('default_agent_identity: deployment/my-agent\nagents: {"team a": {mode: audit}, __proto__: {}}\n')
  assert.ok(problems.length >= 2)
  assert.ok(problems.map(formatProblem).every((line) => line.startsWith('imported.yaml:')))
})

test('a file that is not plain YAML is not translated', () => {
  const { text, changes, problems } = importPipelock('a: &x 1\nb: *x\n', 'p.yaml')
  assert.equal(text, '')
  assert.deepEqual(problems.map(formatProblem), ['p.yaml:1:7: a: expected a value without an anchor', 'p.yaml:2:4: b: expected a value, got an alias'])
  assert.deepEqual(changes, problems.map(formatProblem))
})
