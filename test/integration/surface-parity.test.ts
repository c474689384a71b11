/**
 * One table of rules, asked through every surface: the same reason, status and receipt everywhere, and nothing sent. A rule
 * that a surface has no way to break says why.
 */

import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { BLOCK_REASONS, type BlockReason } from '../../src/model/block-reason.ts'
import type { Surface } from '../../src/model/exchange.ts'
import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { startOrigin, type Origin } from '../support/origin.ts'
import { askRaw, lastMessage, type Told } from '../support/raw-message.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

interface Place {
  readonly host: string
  /** The origin's where absent. */
  readonly port?: number
  readonly path?: string
  readonly method?: string
  /** Header lines, each with its CRLF. */
  readonly fields?: string
}

interface Scene {
  readonly companion: TestCompanion
  readonly origin: Origin
  /** The companion's own name in Via. */
  readonly name: string
}

interface Rule {
  readonly rule: string
  readonly reason: BlockReason
  readonly config?: string
  /** What a request beside the rule is, which passes before. */
  readonly passing?: Place
  /** Brings the rule about, where the configuration alone does not. */
  readonly arm?: (scene: Scene) => Promise<void>
  /** Each is asked, and refused. */
  readonly refused: (scene: Scene) => readonly Place[]
  /** Surfaces that cannot express what the rule refuses, and why. */
  readonly inexpressible?: Partial<Record<Surface, string>>
}

const SURFACES: readonly Surface[] = ['forward', 'fetch', 'connect']

/** In the hosts file, so that no query leaves this machine. */
const GOOD = 'good.test'
const OTHER = 'other.test'
const INSIDE = 'inside.test'
const HOSTS = `127.0.0.1 ${GOOD} ${OTHER}\n10.0.0.1 ${INSIDE}\n`

/** Made anew for every run: the text of an AWS access key id, which no file holds. */
const A_KEY = `AKIA${Array.from({ length: 16 }, () => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(randomInt(32))).join('')}`

/** A caller that is known has more refusals receipted one by one than a stranger. */
const CALLER = 'agents: {tester: {source_cidrs: [127.0.0.1/32]}}\n'

const at = (...hosts: readonly string[]) => (): readonly Place[] => hosts.map((host) => ({ host }))

const RULES: readonly Rule[] = [
  { rule: 'a host on the block list', reason: 'host_blocked', config: `fetch_proxy: {listen: "127.0.0.1:0", monitoring: {blocklist: [${OTHER}]}}\n`, refused: at(OTHER, OTHER.toUpperCase(), `${OTHER}.`) },
  { rule: 'a host off the allow list in strict mode', reason: 'host_not_allowed', config: `mode: strict\napi_allowlist: [${GOOD}]\n`, refused: at(OTHER, '127.0.0.1', '10.0.0.1') },
  { rule: 'an address that is not public', reason: 'ssrf_address', refused: at('10.0.0.1', '169.254.169.254', '192.168.0.1', '[fd00::1]', '[fe80::1]', '0.0.0.0') },
  { rule: 'another spelling of such an address', reason: 'ssrf_address', refused: at('0x0a000001', '167772161', '012.0.0.1', '10.1', '[::ffff:10.0.0.1]', '[::ffff:a00:1]', '[64:ff9b::10.0.0.1]', '[2002:a00:1::]') },
  { rule: 'a name that has such an address', reason: 'ssrf_address', refused: at(INSIDE, `${INSIDE}.`) },
  {
    rule: "the companion's own listeners",
    reason: 'protected_target',
    refused: ({ companion: { port, adminPort } }) =>
      [port, adminPort].flatMap((own) => ['127.0.0.1', 'localhost', GOOD, '[::ffff:127.0.0.1]', '0x7f000001'].map((host) => ({ host, port: own, path: '/metrics' }))),
  },
  {
    rule: 'anything while the kill switch is on',
    reason: 'kill_switch',
    arm: async ({ companion }) => {
      await companion.admin('/api/v1/killswitch', { method: 'POST', body: '{"active": true}' })
    },
    refused: at(GOOD, OTHER),
  },
  { rule: 'a request over the rate', reason: 'rate_limited', config: 'rate_limit: {max_requests_per_minute: 1}\n', refused: at(GOOD, OTHER) },
  { rule: 'a URL over the longest', reason: 'url_too_long', config: 'fetch_proxy: {listen: "127.0.0.1:0", monitoring: {max_url_length: 60}}\n', refused: at(`${'a'.repeat(60)}.test`) },
  {
    rule: 'a request that passed here before',
    reason: 'loop',
    passing: { host: GOOD, fields: 'Via: 1.1 somebody-else\r\n' },
    refused: ({ name }) => [`1.1 ${name}`, `1.0 first, 1.1 ${name.toUpperCase()}`, `1.1 ${name} (a comment)`].map((via) => ({ host: GOOD, fields: `Via: ${via}\r\n` })),
  },
  {
    rule: 'a caller whom nothing names, where that is denied',
    reason: 'identity_unresolved',
    arm: ({ companion }) => {
      const { result } = companion.reload('identity: {unmatched: deny}\nagents: {one: {source_cidrs: [127.0.0.9/32]}}\n')
      assert.equal(result, 'applied')
      return Promise.resolve()
    },
    refused: () => [{ host: GOOD }, { host: GOOD, fields: 'X-Pipelock-Agent: one\r\nX-Forwarded-For: 127.0.0.9\r\n' }],
  },
  {
    rule: 'a method that is not forwarded',
    reason: 'method_not_allowed',
    refused: () => ['TRACE', 'PROPFIND', 'COPY', 'PURGE'].map((method) => ({ host: GOOD, method })),
    inexpressible: { connect: 'a tunnel has no method but CONNECT' },
  },
  {
    rule: 'a surface that is switched off',
    reason: 'surface_disabled',
    arm: ({ companion }) => {
      assert.equal(companion.reload(`${CALLER}fetch_proxy: {listen: "127.0.0.1:0", enabled: false}\nforward_proxy: {enabled: false}\n`).result, 'applied')
      return Promise.resolve()
    },
    refused: at(GOOD),
  },
  { rule: 'a name that nobody has', reason: 'dns_failed', refused: at('nobody.invalid', 'nobody.local') },
  {
    rule: 'a credential in a header field',
    reason: 'dlp_secret',
    passing: { host: GOOD, fields: `X-Note: ${A_KEY.slice(0, -1)}\r\n` },
    refused: () => [{ host: GOOD, fields: `X-Note: ${A_KEY}\r\n` }],
  },
]

async function stage(t: TestContext, config = '', caller = CALLER): Promise<Scene> {
  const hosts = join(temporaryFolder(t), 'hosts')
  writeFileSync(hosts, HOSTS)
  const origin = await startOrigin(t)
  const companion = await startTestCompanion(t, { allowLoopback: true, config: `${caller}dns: {hosts_file: ${JSON.stringify(hosts)}}\n${config}` })
  const { headers } = lastMessage(await askRaw(companion.port, '/'))
  return { companion, origin, name: (headers['chaperone-refused-by'] ?? '').replaceAll('"', '') }
}

async function ask(surface: Surface, { companion, origin }: Scene, { host, port = origin.port, path = '/', method = 'GET', fields = '' }: Place): Promise<Told> {
  const url = `http://${host}:${port}${path}`
  if (surface === 'forward') return lastMessage(await askRaw(companion.port, url, { method, fields }))
  if (surface === 'fetch') return lastMessage(await askRaw(companion.port, `/fetch?url=${encodeURIComponent(url)}`, { method, fields }))
  return askTunnel(companion.port, `CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n${fields}\r\n`)
}

/** A tunnel that opens does not end by itself: its head is the answer. */
function askTunnel(port: number, bytes: string): Promise<Told> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes))
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (text.startsWith('HTTP/1.1 200 ') && text.includes('\r\n\r\n')) socket.destroy()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      resolve(lastMessage(text))
    })
  })
}

function spelled({ host, port, method, fields }: Place): string {
  return [method, port === undefined ? host : `${host}:own`, fields?.trim()].filter((part) => part !== undefined).join(' ').replaceAll(A_KEY, 'KEY').replace(/chaperone-[0-9a-f]{8}/i, 'OWN')
}

async function checkRule(t: TestContext, rule: Rule, surface: Surface): Promise<void> {
  const scene = await stage(t, rule.config)
  const { companion, origin } = scene
  const { httpStatus, stage: layer } = BLOCK_REASONS[rule.reason]
  assert.equal((await ask(surface, scene, rule.passing ?? { host: GOOD })).status, 200, `${surface}: a request beside the rule passes`)
  await waitFor(async () => (await companion.exchangeReceipts()).length === 2)
  await rule.arm?.(scene)
  const [requests, connections] = [origin.seen.length, origin.connections()]
  const places = rule.refused(scene)
  for (const place of places) {
    const { status, headers } = await ask(surface, scene, place)
    assert.deepEqual([status, headers['x-pipelock-block-reason']], [httpStatus, rule.reason], `${surface}: ${spelled(place)}`)
  }
  assert.deepEqual([origin.seen.length, origin.connections()], [requests, connections], `${surface}: nothing is sent`)

  const receipts = (await companion.exchangeReceipts()).slice(2)
  const told = receipts.map(({ transport, layer: by, pattern, decision_phase }) => [transport, by, pattern, decision_phase])
  assert.deepEqual(told, places.map(() => [surface, layer, rule.reason, undefined]), `${surface}: one receipt each`)
}

for (const rule of RULES) {
  test(`${rule.rule}: ${rule.reason} on every surface`, async (t) => {
    for (const [surface, why] of Object.entries(rule.inexpressible ?? {})) t.diagnostic(`${surface}: ${why}`)
    const able = SURFACES.filter((surface) => rule.inexpressible?.[surface] === undefined)
    assert.ok(able.length > 1, 'a rule of one surface belongs to the tests of that surface')
    for (const surface of able) await checkRule(t, rule, surface)
  })
}

test('CONNECT with another target than host and port opens nothing', async (t) => {
  const scene = await stage(t)
  for (const surface of ['forward', 'fetch'] as const) {
    const { status } = await ask(surface, scene, { host: GOOD, method: 'CONNECT' })
    assert.equal(status, 400, surface)
  }
  assert.equal(scene.origin.connections(), 0)
})

/** What every configured rule says to a few requests, and the labels of the series that were counted for them. */
async function verdictsOf(t: TestContext, caller: string): Promise<{ verdicts: unknown[]; agents: string[] }> {
  const verdicts: unknown[] = []
  const agents = new Set<string>()
  for (const { config, refused } of RULES.filter(({ arm }) => arm === undefined)) {
    const scene = await stage(t, config, caller)
    // A stranger has five refusals a second receipted one by one.
    for (const place of [{ host: GOOD }, ...refused(scene).slice(0, 4)]) {
      const { status, headers } = await ask('forward', scene, place)
      verdicts.push([spelled(place), status, headers['x-pipelock-block-reason'], headers['x-pipelock-block-reason-severity']])
    }
    const receipts = await scene.companion.exchangeReceipts()
    verdicts.push(receipts.map(({ verdict, decision_phase, layer, pattern, severity, transport }) => [verdict, decision_phase, layer, pattern, severity, transport]))
    for (const [, agent = ''] of (await scene.companion.metrics()).matchAll(/agent="([^"]*)"/g)) agents.add(agent)
  }
  return { verdicts, agents: [...agents].sort() }
}

test('with and without agents the verdicts are the same but for who asked, and without them _default is the only name', async (t) => {
  const [alone, named] = [await verdictsOf(t, ''), await verdictsOf(t, CALLER)]
  assert.ok(alone.verdicts.length > 30)
  assert.deepEqual(alone.verdicts, named.verdicts)
  assert.deepEqual([alone.agents, named.agents], [['_default'], ['tester']])
})
