/** What is in force, what a reload changes, and the table behind both. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import type { Config } from './config.ts'
import { diffConfig, formatRestart } from './diff-config.ts'
import { explainConfig } from './explain-config.ts'
import { FOREIGN_DEFAULTS, IMPORT_RULES } from './import-rules.ts'
import { initialConfigText } from './initial-config.ts'
import { jsonSchema } from './json-schema.ts'
import { findKey, listKeys } from './keys.ts'
import { isConfigErrors, parseConfig } from './load-config.ts'
import { isSourceErrors, parseYamlSource } from './yaml-source.ts'

function load(text: string, env: Record<string, string> = {}): Config {
  const loaded = parseConfig(text, 'c.yaml', env)
  assert.ok(!isConfigErrors(loaded), isConfigErrors(loaded) ? JSON.stringify(loaded.problems) : '')
  return loaded
}

function explained(config: Config, key: string): string {
  const setting = explainConfig(config).find((row) => row.key === key)
  return setting === undefined ? 'no such key' : `${setting.value} ${setting.origin.from} ${setting.origin.line ?? '-'}`
}

const EXAMPLE = [
  'mode: audit',
  'timeouts: {dns: 90000ms}',
  'limits: {max_body_bytes: 2048}',
  'fetch_proxy: {monitoring: {blocklist: [bad.example]}}',
  "dlp: {patterns: [{name: top, regex: 'abc', severity: low}]}",
  'admin: {token: "${env:TOKEN}"}',
  'agents:',
  '  ci:',
  '    mode: balanced',
  "    dlp: {patterns: [{name: own, regex: 'abd', severity: low}]}",
  '  a.b: {rate_limit: {max_data_per_minute: 1MiB}}',
].join('\n')

test('every value is explained with its unit and its origin', () => {
  const config = load(EXAMPLE, { TOKEN: 'x'.repeat(20) })
  const rows = [
    ['mode', 'audit file 1'],
    ['timeouts.dns', '90s file 2'],
    ['timeouts.connect', '10s default -'],
    ['limits.max_body_bytes', '2KiB file 3'],
    ['admin.token', '[redacted] file 6'],
    ['kill_switch.sentinel_file', 'not set default -'],
    ['agents.ci.mode', 'balanced file 9'],
    ['agents._default.mode', 'audit inherited 1'],
    ['agents.ci.enforce', 'true inherited -'],
    ['agents.ci.blocklist', '[bad.example] inherited 4'],
    ['agents.ci.max_connections', '4096 inherited -'],
    ['agents.ci.dlp.patterns', '[top, own] file 10'],
    ['agents._default.dlp.patterns', '[top] inherited 5'],
    ['agents.ci.source_cidrs', 'not set default -'],
    ['agents["a.b"].rate_limit.max_data_per_minute', '1MiB file 11'],
  ]
  assert.deepEqual(rows.map(([key = '']) => [key, explained(config, key)]), rows)
})

test('a reload applies the policy and keeps what needs a restart, and says so each time', () => {
  const old = load('mode: audit\nadmin: {listen: 127.0.0.1:8889}\nagents: {ci: {listeners: ["127.0.0.1:9001"]}}\n')
  const next = load('mode: balanced\nadmin: {listen: 127.0.0.1:9000}\ntimeouts: {connect: 1s, dns: 1s}\ntrust_domain: other.example\nagents: {ci: {mode: audit}}\n')
  const { applied, needRestart, effective } = diffConfig(old, next)
  assert.deepEqual(applied.map(({ key, from, to }) => `${key} ${from} ${to}`).sort(), ['agents.ci.mode not set audit', 'mode audit balanced', 'timeouts.connect 10s 1s'])
  assert.deepEqual(needRestart.map(formatRestart).sort(), [
    'admin.listen: 127.0.0.1:8889 stays until a restart (the file says 127.0.0.1:9000)',
    'agents.ci.listeners: [127.0.0.1:9001] stays until a restart (the file says not set)',
    'timeouts.dns: 5s stays until a restart (the file says 1s)',
    'trust_domain: chaperone.local stays until a restart (the file says other.example)',
  ])
  assert.deepEqual([effective.policy.profiles, effective.policy.hash, effective.policy.timeouts.connectMs], [next.policy.profiles, next.hash, 1_000])
  assert.deepEqual([effective.admin, effective.trustDomain, effective.listeners, effective.policy.timeouts.dnsMs, effective.identity.listeners], [old.admin, old.trustDomain, old.listeners, 5_000, old.identity.listeners])
  assert.equal(diffConfig(effective, next).needRestart.length, 4)
  assert.deepEqual(diffConfig(effective, next).applied, [])
})

test('two spellings of one value are no change, two tokens are one that is not shown', () => {
  const diff = diffConfig(load('timeouts: {connect: 60s}\n'), load('timeouts: {connect: 1m}\n'))
  assert.deepEqual([diff.applied, diff.needRestart], [[], []])
  const tokens = diffConfig(load('admin: {token: "${env:T}"}\n', { T: 'a'.repeat(20) }), load('admin: {token: "${env:T}"}\n', { T: 'b'.repeat(20) }))
  assert.deepEqual(tokens.needRestart, [{ key: 'admin.token', from: '[redacted]', to: '[redacted]' }])
})

test('the first file loads without a warning, and so does it with every setting switched on', () => {
  assert.deepEqual(load(initialConfigText()).warnings, [])
  const on = initialConfigText().replace(/^#(?! \S)/gm, '')
  const config = load(on, { CHAPERONE_ADMIN_TOKEN: 't'.repeat(20) })
  assert.deepEqual([...config.policy.profiles.keys()].sort(), ['_default', 'ci', 'research'])
  assert.equal(config.identity.unmatched, 'deny')
})

test('every live line of the first file states a default', () => {
  const config = load(initialConfigText())
  for (const [key, { value }] of config.written) assert.deepEqual(value, findKey(key)?.default, key)
})

test('every key says what it is, what can be seen of it, and when it applies', () => {
  assert.ok(listKeys().length > 60)
  for (const { key, description, effect, applies, expected } of listKeys()) {
    assert.ok(description.endsWith('.') && effect.length > 5 && expected !== '' && ['reload', 'restart'].includes(applies), key)
  }
  assert.equal(new Set(listKeys().map(({ key }) => key)).size, listKeys().length)
})

test('every default loads when it is written out', () => {
  const unit = (value: unknown, name: string | undefined): unknown => (name === 'ms' ? `${String(value)}ms` : value)
  const lines = listKeys().filter((row) => row.default !== undefined).map((row) => [row.key.split('.'), unit(row.default, row.unit)] as const)
  const tree: Record<string, unknown> = {}
  for (const [path, value] of lines) path.reduce<Record<string, unknown>>((level, name, at) => (level[name] = at === path.length - 1 ? value : (level[name] ?? {})) as Record<string, unknown>, tree)
  const { policy, identity, recorder, connections, dns } = load(JSON.stringify(tree))
  const { hash, ...rest } = policy
  const { hash: none, ...defaults } = load('').policy
  assert.notEqual(hash, none)
  assert.deepEqual(rest, defaults)
  assert.deepEqual([identity, recorder, connections, dns], [load('').identity, load('').recorder, load('').connections, load('').dns])
})

test('the JSON Schema takes what loads and refuses an unknown key and a wrong type', () => {
  const schema = z.fromJSONSchema(jsonSchema())
  const accepts = (text: string): boolean => {
    const source = parseYamlSource(text, 'c')
    assert.ok(!isSourceErrors(source))
    return schema.safeParse(JSON.parse(JSON.stringify(source.root))).success
  }
  assert.deepEqual([initialConfigText(), EXAMPLE, 'agents: {ci: {mode: strict}}'].map(accepts), [true, true, true])
  assert.deepEqual(['mod: audit', 'mode: strikt', 'timeouts: {dns: 5}', 'limits: {max_body_bytes: 10XB}', 'agents: {ci: {budget: 1}}', 'agents: {"a b": {}}'].map(accepts), Array.from({ length: 6 }, () => false))
})

test('the JSON Schema describes every key', () => {
  const text = JSON.stringify(jsonSchema())
  for (const { description } of listKeys()) assert.ok(text.includes(JSON.stringify(description).slice(1, -1)), description)
  assert.ok(!text.includes('"expected"'))
})

test('every target of an import is a key', () => {
  for (const { to } of IMPORT_RULES.values()) assert.ok(findKey(to) !== undefined || to.endsWith('.rate_limit') || to.endsWith('.budget'), to)
  for (const [key] of FOREIGN_DEFAULTS) assert.ok(findKey(key) !== undefined, key)
})

test('a limit that tunnels hide in part is marked, and of two keys of one axis the nearer one is in force', () => {
  const config = load('budget: {max_requests_per_session: 9, retries_per_endpoint: {limit: 1}}\nagents: {ci: {budget: {requests: {limit: 5, window: 10m}}}}\n')
  const of = (key: string): unknown => {
    const { value, origin, note } = explainConfig(config).find((setting) => setting.key === key) ?? {}
    return [value, origin, note]
  }
  const [tunnels, retries] = ['in part: a CONNECT tunnel counts as one request, whatever passes in it', 'in part: of a CONNECT tunnel only a connection that fails is seen, no retry inside it']
  assert.deepEqual(of('agents.ci.budget.requests'), ['{limit: 5, window: 10m}', { from: 'file', line: 2 }, tunnels])
  assert.deepEqual(of('agents.ci.budget.max_requests_per_session'), ['not set', { from: 'default' }, 'budget.requests is in force'])
  assert.deepEqual(of('agents._default.budget.max_requests_per_session'), ['9', { from: 'inherited', line: 1 }, tunnels])
  assert.deepEqual(of('agents.ci.budget.retries_per_endpoint'), ['{limit: 1}', { from: 'inherited', line: 1 }, retries])
  assert.deepEqual(config.warnings.map(({ path }) => path), ['budget.max_requests_per_session', 'budget.retries_per_endpoint', 'agents.ci.budget.requests'])
})

test('a profile inherits axis by axis, and lifts one with 0 or unlimited', () => {
  const { profiles } = load('budget: {max_requests_per_session: 9, max_bytes_per_session: 7, window_minutes: 2, fan_out: {limit: 3}}\nagents: {a: {budget: {max_requests_per_session: 0, window_minutes: 1}}, b: {budget: {fan_out: {limit: unlimited}, bytes: {limit: 1KiB}}}}\n').policy
  const axes = (name: string): unknown => {
    const { requests, bytes, fanOut } = profiles.get(name)?.budget ?? {}
    return { requests, bytes, fanOut }
  }
  const fanOut = { limit: 3, windowMs: 60_000, granularity: 'origin' }
  assert.deepEqual(axes('_default'), { requests: { limit: 9, windowMs: 120_000 }, bytes: { limit: 7, windowMs: 120_000, count: 'response' }, fanOut })
  assert.deepEqual(axes('a'), { requests: undefined, bytes: { limit: 7, windowMs: 60_000, count: 'response' }, fanOut })
  assert.deepEqual(axes('b'), { requests: { limit: 9, windowMs: 120_000 }, bytes: { limit: 1024, windowMs: 120_000, count: 'both' }, fanOut: undefined })
})
