/**
 * Envelopes per second: signing and verifying a call in both dialects, its answer, and the burn of a nonce. Prints; asserts nothing.
 *
 *   node bin/node24.js bench/envelope.ts [--node] [--redis redis://HOST:PORT]
 *
 * --node signs with node:crypto instead of libsodium; --redis burns in a store as well, 64 at a time.
 */

import { createHash, randomBytes, verify } from 'node:crypto'

import { SYSTEM_CLOCK } from '../src/base/clock.ts'
import { createMemoryReplayWindow, createRedisReplayWindow, parseTrustList, signRequest, signResponse, verifyRequest, verifyResponse } from '../src/envelope/index.ts'
import { createSigner, keyPairFromSeed } from '../src/keys/index.ts'
import type { Cleared } from '../src/model/cleared.ts'
import type { OutgoingRequest } from '../src/model/exchange.ts'

const ROUNDS = 5
const CALLS = 4000
const BODY = Buffer.from(JSON.stringify({ task: 'x'.repeat(400) }))
const NOW_S = 1_800_000_000
const NOW_MS = NOW_S * 1000
const [ACTOR, SELF] = ['spiffe://a.example/agent/a', 'spiffe://b.example/agent/b']

const signer = createSigner(keyPairFromSeed(createHash('sha256').update('bench').digest()), process.argv.includes('--node') ? 'node' : 'auto')
const HEADERS = ['Host', 'b.example', 'Accept', 'application/json', 'Content-Type', 'application/json', 'User-Agent', 'agent/1.0', 'X-Request-Id', 'f3b1', 'Authorization', 'Bearer abc', 'Accept-Language', 'en']

type Dialect = 'pipelock' | 'chaperone'

function sign(dialect: Dialect) {
  const outgoing: OutgoingRequest = { method: 'POST', headers: HEADERS, body: BODY, target: { scheme: 'https', host: 'b.example', port: 443, path: '/a2a/run?x=1', raw: '' } }
  return signRequest(outgoing as Cleared<OutgoingRequest>, {
    dialect, keyId: `${ACTOR}#00000000`, signer, createdS: NOW_S, lifetimeS: 60,
    mediation: { actionType: 'write', verdict: 'allow', sideEffect: 'external_write', actor: ACTOR, authority: 'bound', policyHash: randomBytes(16), requestId: '01961f3a-7b2c-7000-8000-000000000001', timestamp: NOW_S, audience: SELF },
  })
}

function rules(dialect: Dialect) {
  const trust = parseTrustList([{ key_id: `${ACTOR}#00000000`, public_key: signer.publicKeyHex, trust_domains: ['a.example'], dialect }])
  if ('problems' in trust) throw new TypeError('trust list')
  return { publicOrigins: [{ scheme: 'https', authority: 'b.example' } as const], self: SELF, trust, maxBodyBytes: 1 << 20, maxLifetimeS: 60, pastSkewS: 30, futureSkewS: 5, maxDepth: 4 }
}

/** Median of the rounds, each over the same number of calls. */
async function report(name: string, act: (n: number) => unknown): Promise<void> {
  const rates: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const startedMs = performance.now()
    for (let n = 0; n < CALLS; n++) await act(round * CALLS + n)
    rates.push((CALLS * 1000) / (performance.now() - startedMs))
  }
  const rate = rates.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0
  process.stdout.write(`${name.padEnd(44)} ${Math.round(rate).toLocaleString('en-US').padStart(9)} /s ${(1e6 / rate).toFixed(1).padStart(8)} us\n`)
}

const message = Buffer.alloc(600, 'a')
await report('the Ed25519 signature alone', () => signer.sign(message))
const [trusted] = rules('pipelock').trust.values()
const signature = signer.sign(message)
if (trusted !== undefined) await report('the Ed25519 verification alone', () => verify(null, message, trusted.publicKey, signature))

for (const dialect of ['pipelock', 'chaperone'] as const) {
  await report(`sign a request, ${dialect}`, () => sign(dialect))
  const demand = rules(dialect)
  const calls = Array.from({ length: ROUNDS * CALLS }, () => sign(dialect).message)
  const window = createMemoryReplayWindow({ clock: { ...SYSTEM_CLOCK, nowMs: () => NOW_MS }, capacityPerKey: 1_000_000, futureSkewMs: 5000 })
  await report(`verify a request and burn its nonce, ${dialect}`, async (n) => {
    const { method, requestTarget, headers } = calls[n] ?? sign(dialect).message
    const result = await verifyRequest({ method, requestTarget, headers }, demand, { nowMs: NOW_MS, window, readBody: () => Promise.resolve(BODY) })
    if ('reason' in result) throw new TypeError(result.reason)
  })
}

const { message: request } = sign('chaperone')
const answer = { status: 200, headers: ['Content-Type', 'application/json'], body: BODY }
const signing = { keyId: `${ACTOR}#00000000`, signer, createdS: NOW_S, head: { session: 'chaperone.run.0', seq: 1, hash: 'ab'.repeat(32) } }
await report('sign an answer', () => signResponse(answer, request, signing))
const signed = signResponse(answer, request, signing)
const { trust } = rules('chaperone')
await report('verify an answer', () => {
  const result = verifyResponse({ ...answer, headers: signed }, request, { trust, nowMs: NOW_MS, pastSkewS: 30, futureSkewS: 5 })
  if ('reason' in result) throw new TypeError(result.detail)
})

const memory = createMemoryReplayWindow({ clock: { ...SYSTEM_CLOCK, nowMs: () => NOW_MS }, capacityPerKey: 1_000_000, futureSkewMs: 5000 })
await report('burn a nonce in memory', (n) => memory.burn({ keyId: 'k', nonce: `nonce-${n}`, createdMs: NOW_MS, keepUntilMs: NOW_MS + 90_000 }))

const redisUrl = process.argv[process.argv.indexOf('--redis') + 1]
if (process.argv.includes('--redis') && redisUrl !== undefined) {
  const shared = createRedisReplayWindow({ url: redisUrl, namespace: `bench-${randomBytes(4).toString('hex')}`, capacityPerKey: 1_000_000, futureSkewMs: 0 })
  if ((await shared.ready()) !== 'joined') throw new TypeError('the store cannot be joined')
  const AT_ONCE = 64
  const startedMs = performance.now()
  let fresh = 0
  for (let n = 0; n < CALLS * ROUNDS; n += AT_ONCE) {
    const burns = Array.from({ length: AT_ONCE }, () => shared.burn({ keyId: 'k', nonce: randomBytes(16).toString('hex'), createdMs: Date.now(), keepUntilMs: Date.now() + 90_000 }))
    fresh += (await Promise.all(burns)).filter((result) => result === 'fresh').length
  }
  const rate = (fresh * 1000) / (performance.now() - startedMs)
  process.stdout.write(`burn a nonce in Redis, ${AT_ONCE} at once, ${fresh} fresh`.padEnd(44) + ` ${Math.round(rate).toLocaleString('en-US').padStart(9)} /s\n`)
  shared.close()
}
