/** What a loaded configuration holds, and what it never shows. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import type { Config } from './config.ts'
import { formatProblem } from './config-problem.ts'
import { isConfigErrors, loadConfig, parseConfig } from './load-config.ts'

const SECRET = 'a-token-nobody-may-read'

function load(text: string, env: Record<string, string> = {}): Config {
  const loaded = parseConfig(text, 'c.yaml', env)
  assert.ok(!isConfigErrors(loaded), isConfigErrors(loaded) ? loaded.problems.map(formatProblem).join('\n') : '')
  return loaded
}

function refuse(text: string, env: Record<string, string> = {}): string[] {
  const loaded = parseConfig(text, 'c.yaml', env)
  assert.ok(isConfigErrors(loaded))
  return loaded.problems.map(formatProblem)
}

test('without a file the defaults hold', () => {
  const config = loadConfig(undefined, {})
  assert.ok(!isConfigErrors(config))
  assert.equal(config.policy.hash, 'defaults')
  assert.deepEqual(config.listeners, [{ address: '127.0.0.1:8888', host: '127.0.0.1', port: 8888 }])
  assert.equal(config.admin.listen.text, '127.0.0.1:8889')
  assert.equal(config.admin.token, undefined)
  assert.deepEqual(config.policy.limits, { maxBodyBytes: 10 * 1024 ** 2, maxHeldBytes: 256 * 1024 ** 2, maxHeldResponseBytes: 1024 ** 2, maxRedirects: 5 })
  assert.deepEqual(config.policy.surfaces, { forward: true, connect: true, fetch: true })
  assert.deepEqual([...config.policy.profiles.keys()], ['_default'])
  const profile = config.policy.profiles.get('_default')
  assert.equal(profile?.mode, 'balanced')
  assert.equal(profile.enforce, true)
  assert.equal(profile.dlp.includeDefaults, true)
  assert.equal(config.recorder.require, 'durable')
  assert.deepEqual(config.warnings, [])
})

test('an empty file and a file of comments are the defaults with a hash of their own', () => {
  for (const text of ['', '# nothing yet\n', '---\n', '{}\n', '~\n']) {
    const config = load(text)
    assert.match(config.hash, /^[0-9a-f]{64}$/)
    assert.deepEqual(config.listeners.map(({ address }) => address), ['127.0.0.1:8888'])
  }
})

test('the hash is that of the bytes of the file, in the policy too', () => {
  assert.notEqual(load('mode: audit\n').hash, load('mode: audit \n').hash)
  const digest = createHash('sha256').update('mode: audit\n').digest('hex')
  assert.deepEqual([load('mode: audit\n').hash, load('mode: audit\n').policy.hash], [digest, digest])
})

test('a configuration is frozen all the way down, maps included', () => {
  const config = load('agents: {ci: {source_cidrs: [10.0.0.0/8], api_allowlist: [a.example]}}\n')
  const profile = config.policy.profiles.get('ci')
  assert.throws(() => { (config.policy as { hash: string }).hash = 'x' }, TypeError)
  assert.throws(() => { (profile?.apiAllowlist as string[]).push('b.example') }, TypeError)
  assert.throws(() => { (config.policy.profiles as Map<string, unknown>).set('x', profile) }, TypeError)
  assert.throws(() => { (config.identity.networks as unknown[]).pop() }, TypeError)
  assert.throws(() => { (config.identity.networks[0]?.network as { prefix: number }).prefix = 0 }, TypeError)
})

test('a profile inherits field by field; an empty list and 0 are values', () => {
  const config = load([
    'api_allowlist: [a.example]',
    'rate_limit: {max_requests_per_minute: 60, max_data_per_minute: 1MiB}',
    'fetch_proxy: {monitoring: {blocklist: [bad.example]}}',
    'limits: {max_connections_per_profile: 7}',
    'agents:',
    '  inherits: {}',
    '  own: {api_allowlist: [], blocklist: [], rate_limit: {max_requests_per_minute: 0}, max_connections: 3}',
  ].join('\n'))
  const { inherits, own } = Object.fromEntries(config.policy.profiles)
  assert.ok(inherits !== undefined && own !== undefined)
  assert.deepEqual([inherits.apiAllowlist, inherits.blocklist, inherits.maxRequestsPerMinute, inherits.maxDataPerMinuteBytes, inherits.maxConnections], [['a.example'], ['bad.example'], 60, 1_048_576, 7])
  assert.deepEqual([own.apiAllowlist, own.blocklist, own.maxRequestsPerMinute, own.maxDataPerMinuteBytes, own.maxConnections], [[], [], 0, 1_048_576, 3])
})

test('_default under agents overrides the top level for unmatched callers alone', () => {
  const config = load('rate_limit: {max_requests_per_minute: 60}\nagents: {_default: {rate_limit: {max_requests_per_minute: 5}}, ci: {}}\n')
  assert.equal(config.policy.profiles.get('_default')?.maxRequestsPerMinute, 5)
  assert.equal(config.policy.profiles.get('ci')?.maxRequestsPerMinute, 60)
})

test('names of object properties are names of profiles like any other', () => {
  const config = load('agents: {constructor: {mode: audit}, toString: {source_cidrs: [10.0.0.0/8]}, hasOwnProperty: {}}\n')
  assert.deepEqual([...config.policy.profiles.keys()], ['_default', 'constructor', 'toString', 'hasOwnProperty'])
  assert.equal(config.policy.profiles.get('constructor')?.mode, 'audit')
  assert.equal(config.policy.profiles.get('_default')?.mode, 'balanced')
})

test('networks are ordered longest prefix first, host bits cleared where they are allowed', () => {
  const config = load('identity: {overlap: most_specific, allow_host_bits: true}\nagents:\n  a: {source_cidrs: [10.0.0.0/8, "2001:db8::/32"]}\n  b: {source_cidrs: [10.42.3.7/24, 10.9.9.9]}\n')
  assert.deepEqual(config.identity.networks.map(({ network, profile }) => `${network.text} ${profile}`), ['2001:db8::/32 a', '10.9.9.9/32 b', '10.42.3.0/24 b', '10.0.0.0/8 a'])
})

test('a listener of a profile is known to identity by its canonical address', () => {
  const config = load('agents: {ci: {listeners: ["localhost:9001", "[0:0:0:0:0:0:0:1]:9002"]}}\n')
  assert.deepEqual([...config.identity.listeners], [['127.0.0.1:9001', 'ci'], ['[::1]:9002', 'ci']])
  assert.deepEqual(config.listeners.slice(1).map(({ address, host, profile }) => [address, host, profile]), [['127.0.0.1:9001', '127.0.0.1', 'ci'], ['[::1]:9002', '::1', 'ci']])
})

test('a listener that is not loopback loads once there are profiles', () => {
  assert.equal(load('fetch_proxy: {listen: 0.0.0.0:8888}\nagents: {ci: {source_cidrs: [10.0.0.0/8]}}\nidentity: {unmatched: deny}\n').listeners[0]?.host, '0.0.0.0')
})

test('wildcard listeners collide in their family, :: in both', () => {
  const collides = (main: string, own: string): boolean => isConfigErrors(parseConfig(`fetch_proxy: {listen: "${main}"}\nagents: {ci: {listeners: ["${own}"]}}\n`, 'c', {}))
  assert.deepEqual(
    [['0.0.0.0:9', '127.0.0.1:9'], ['[::]:9', '127.0.0.1:9'], ['[::]:9', '[::1]:9'], ['0.0.0.0:9', '[::1]:9'], ['127.0.0.1:9', '127.0.0.1:10'], ['127.0.0.1:0', '127.0.0.1:0'], ['0.0.0.0:0', '127.0.0.1:0']].map(([a = '', b = '']) => collides(a, b)),
    [true, true, true, false, false, true, false],
  )
})

test('overlaps are found in both families, adjacency is none', () => {
  const overlaps = (a: string, b: string): boolean => isConfigErrors(parseConfig(`agents: {a: {source_cidrs: ["${a}"]}, b: {source_cidrs: ["${b}"]}}\n`, 'c', {}))
  assert.deepEqual(
    [['10.0.0.0/8', '10.0.0.0/8'], ['10.1.0.0/16', '10.0.0.0/8'], ['10.0.0.0/9', '10.128.0.0/9'], ['2001:db8::/32', '2001:db8:1::/48'], ['::/1', '10.0.0.0/8'], ['10.0.0.1', '10.0.0.1/32']].map(([a = '', b = '']) => overlaps(a, b)),
    [true, true, false, true, false, true],
  )
})

test('many disjoint networks load quickly', () => {
  const lines = Array.from({ length: 4_000 }, (_, at) => `  a${at}: {source_cidrs: [10.${at >> 8}.${at & 255}.0/24]}`)
  const begun = performance.now()
  assert.equal(load(`agents:\n${lines.join('\n')}\n`).identity.networks.length, 4_000)
  assert.ok(performance.now() - begun < 10_000)
})

test('what weakens the protection is a warning with its place', () => {
  const config = load([
    'enforce: false',
    'trusted_domains: [inside.example]',
    'rate_limit: {max_requests_per_minute: 60}',
    'fetch_proxy: {monitoring: {blocklist: [bad.example]}}',
    'mode: strict',
    'api_allowlist: [a.example]',
    "dlp: {patterns: [{name: own, regex: 'abc', severity: high}]}",
    'flight_recorder: {require: buffered}',
    'admin: {listen: 0.0.0.0:8889, token: 0123456789abcdef}',
    'agents:',
    '  ci:',
    '    mode: balanced',
    '    source_cidrs: [10.0.0.0/8, 10.1.0.0/16]',
    '    ssrf: {ip_allowlist: [10.0.0.0/8]}',
    '    blocklist: []',
    '    rate_limit: {max_requests_per_minute: 0}',
    "    dlp: {include_defaults: false, patterns: [{name: own, regex: 'abd', severity: low}]}",
    '  lax: {mode: audit}',
  ].join('\n'))
  assert.deepEqual(config.warnings.map((warning) => `${warning.line} ${warning.path}: ${warning.message}`), [
    '1 enforce: findings of scanners and host lists only warn',
    '2 trusted_domains: these names may resolve to internal addresses',
    '8 flight_recorder.require: buffered: a crash can lose the receipts of exchanges that were forwarded',
    '9 admin.listen: the admin API can be reached from other machines; only its token protects it',
    '9 admin.token: a secret stands in the file: write ${env:NAME} instead',
    '12 agents.ci.mode: balanced is weaker than the strict of the top level',
    '13 agents.ci.source_cidrs[1]: 10.1.0.0/16 adds nothing or is contained: it overlaps 10.0.0.0/8 of ci on line 13',
    '14 agents.ci.ssrf.ip_allowlist: these networks may be dialled although they are not public',
    '15 agents.ci.blocklist: replaces the block list of the top level and leaves out hosts of it',
    '16 agents.ci.rate_limit.max_requests_per_minute: 0 lifts the limit of 60 of the top level',
    '17 agents.ci.dlp.include_defaults: the built-in credential rules are left out',
    '17 agents.ci.dlp.include_defaults: the patterns of the top level are left out too',
    '17 agents.ci.dlp.patterns[0].name: replaces the pattern "own" of the top level',
    '18 agents.lax.mode: audit: credentials are found and let through',
  ])
})

test('a secret comes from the environment and is shown by nothing but reveal', () => {
  const config = load('admin: {token: "${env:ADMIN_TOKEN}"}\n', { ADMIN_TOKEN: SECRET })
  assert.equal(config.admin.token?.reveal(), SECRET)
  const shown = [inspect(config, { depth: null, showHidden: true }), JSON.stringify(config), JSON.stringify([...config.written]), String(config.admin.token)]
  assert.ok(shown.every((text) => !text.includes(SECRET)))
})

test('no error repeats a secret, wherever it stands', () => {
  const misplaced = [
    `admin: {token: [${SECRET}]}\n`,
    `admin: ${SECRET}\n`,
    `admin: {token: "x \${env:T} ${SECRET}"}\n`,
    `kill_switch: {api_token: ${SECRET}}\n`,
    `license_key: ${SECRET}\n`,
    `dlp: {patterns: [{name: x, regex: '${SECRET}(?=)', severity: high}]}\n`,
    `admin: {token: "${SECRET}\n`,
    `admin: {token: &a ${SECRET}}\n`,
  ]
  for (const text of misplaced) assert.ok(!refuse(text, { T: SECRET }).join().includes(SECRET), text)
  assert.ok(!refuse('trust_domain: "${env:T}"\nadmin: {token: "${env:T}"}\n', { T: SECRET }).join().includes(SECRET))
})

test('an error shows control characters of a value as escapes', () => {
  assert.deepEqual(refuse('trust_domain: "a\\u001b[2Jb\\u0085\\u2028"\n'), ['c.yaml:1:15: trust_domain: expected a trust domain of lower-case letters, digits, dots, hyphens and underscores, got "a\\u001b[2Jb\\u0085\\u2028"'])
})

test('all faults of a file are told, in its order', () => {
  assert.deepEqual(refuse('mode: strikt\nagents:\n  ci: {mode: 1, foo: 2}\nenforce: 3\n').map((line) => line.split(': ', 2).join(' ')), ['c.yaml:1:7 mode', 'c.yaml:3:14 agents.ci.mode', 'c.yaml:3:17 agents.ci.foo', 'c.yaml:4:10 enforce'])
})

test('a file that cannot be read, is too large or not UTF-8 is refused by name', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'chaperone-config-'))
  context.after(() => { rmSync(folder, { recursive: true }) })
  const written = (name: string, content: string | Buffer): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const told = (path: string): string[] => {
    const loaded = loadConfig(path, {})
    return isConfigErrors(loaded) ? loaded.problems.map(formatProblem) : ['loaded']
  }
  assert.deepEqual(told(join(folder, 'missing.yaml')), [`${folder}/missing.yaml: expected a file that can be read, got ENOENT`])
  assert.deepEqual(told(folder), [`${folder}: expected a file that can be read, got EISDIR`])
  assert.deepEqual(told(written('latin.yaml', Buffer.from([0x61, 0xe4]))), [`${folder}/latin.yaml: expected UTF-8 text`])
  assert.deepEqual(told(written('large.yaml', `#${'x'.repeat(1_048_576)}`)), [`${folder}/large.yaml: expected a file of at most 1048576 bytes`])
  assert.deepEqual(told(written('mark.yaml', '\ufeffmode: audit\n')), ['loaded'])
})

test('no text makes the parser throw or hang', () => {
  const word = fc.constantFrom('mode', 'agents', ': ', '\n', '  ', '- ', '[', ']', '{', '}', '"', "'", '&a', '*a', '!!x', '? ', '|', '>', '#', '---', '<<', '0', '\t', '%YAML', '\u2028', '\ud800')
  fc.assert(fc.property(fc.array(fc.oneof(word, fc.string({ maxLength: 4 })), { maxLength: 60 }), (parts) => {
    const loaded = parseConfig(parts.join(''), 'c', {})
    return !isConfigErrors(loaded) || loaded.problems.length > 0
  }), { numRuns: 500 })
  for (const text of ['['.repeat(500_000), '{a: '.repeat(100_000), '- '.repeat(200_000), 'a: 1\n'.repeat(150_000)]) assert.ok(isConfigErrors(parseConfig(text, 'c', {})))
})
