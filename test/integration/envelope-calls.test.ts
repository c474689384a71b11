/** Signed calls over real HTTP between two parties that share nothing but public keys: what leaves one is what the other verifies. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'

import { SYSTEM_CLOCK } from '../../src/base/clock.ts'
import {
  agentIdentity, createMemoryReplayWindow, encodeKeyDocuments, ENVELOPE_REASONS, isEnvelopeFault, parseTrustList, signRequest, signResponse, stripMediation, verifyRequest, verifyResponse,
} from '../../src/envelope/index.ts'
import { createSigner, keyPairFromSeed } from '../../src/keys/index.ts'
import type { Cleared } from '../../src/model/cleared.ts'
import type { OutgoingRequest } from '../../src/model/exchange.ts'
import { headerValue } from '../../src/model/raw-headers.ts'
import { parseTrustedKey } from '../../src/verify/index.ts'

type Dialect = 'pipelock' | 'chaperone'

const seed = (name: string): Buffer => createHash('sha256').update(name).digest()
const signerA = createSigner(keyPairFromSeed(seed('organisation a')))
const signerB = createSigner(keyPairFromSeed(seed('organisation b')), 'node')
const a = agentIdentity('a.example', 'caller', signerA.fingerprint)
const b = agentIdentity('b.example', 'receiver', signerB.fingerprint)
const nowS = (): number => Math.floor(Date.now() / 1000)

/** What A and B exchange beforehand: the published directory, and nothing else. */
function trustIn(directory: string, domain: string, dialect: Dialect) {
  const { keys } = JSON.parse(directory) as { keys: readonly { keyid: string; public_key: string }[] }
  const list = parseTrustList(keys.map(({ keyid, public_key: key }) => ({ key_id: keyid, public_key: parseTrustedKey(key), trust_domains: [domain], dialect })))
  assert.ok(!('problems' in list))
  return list
}

interface Receiver {
  readonly port: number
  /** What B's application was given. */
  readonly received: { readonly headers: readonly string[]; readonly body: string; readonly actor: string }[]
}

async function startReceiver(t: TestContext, dialect: Dialect): Promise<Receiver> {
  const received: Receiver['received'][number][] = []
  const trust = trustIn(encodeKeyDocuments([{ keyId: a.keyId, publicKeyHex: signerA.publicKeyHex }]).directory, 'a.example', dialect)
  const window = createMemoryReplayWindow({ clock: SYSTEM_CLOCK, capacityPerKey: 1000, futureSkewMs: 5000 })
  const server = http.createServer((request, response) => {
    void answer(request, response)
  })
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const { port } = server.address() as AddressInfo
    const rules = { publicOrigins: [{ scheme: 'http', authority: `127.0.0.1:${port}` } as const], self: b.actor, trust, maxBodyBytes: 1000, maxLifetimeS: 60, pastSkewS: 30, futureSkewS: 5, maxDepth: 3 }
    const head = { method: request.method ?? '', requestTarget: request.url ?? '', headers: request.rawHeaders }
    const result = await verifyRequest<never>(head, rules, { nowMs: Date.now(), window, readBody: () => buffer(request) })
    if (isEnvelopeFault(result)) {
      response.writeHead(ENVELOPE_REASONS[result.reason].httpStatus, { 'Content-Type': 'text/plain' }).end(result.reason)
      return
    }
    received.push({ headers: result.headers, body: result.body.toString(), actor: result.actor.text })
    const body = Buffer.from(`done for ${result.actor.text}`)
    const headers = signResponse({ status: 200, headers: ['Content-Type', 'text/plain'], body }, result.message, { keyId: b.keyId, signer: signerB, createdS: nowS(), head: { session: 'chaperone.run.b', seq: 7, hash: 'cd'.repeat(32) } })
    response.writeHead(200, [...headers]).end(body)
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, received }
}

function signedCall(port: number, dialect: Dialect, path = '/a2a/run?x=%41&y') {
  const outgoing: OutgoingRequest = {
    method: 'POST', body: Buffer.from('{"task":"summarise"}'),
    headers: ['Host', `127.0.0.1:${port}`, 'Content-Type', 'application/json', 'X-Two', 'one', 'X-Two', 'two', 'Pipelock-Mediation', 'v=1, forged', 'Signature', 'app=:AQ==:', 'Signature-Input', 'app=("@method")'],
    target: { scheme: 'http', host: '127.0.0.1', port, path, raw: '' },
  }
  const signed = signRequest(outgoing as Cleared<OutgoingRequest>, {
    dialect, keyId: a.keyId, signer: signerA, createdS: nowS(), lifetimeS: 60,
    mediation: { actionType: 'write', verdict: 'allow', sideEffect: 'external_write', actor: a.actor, authority: 'bound', policyHash: Buffer.alloc(16), requestId: '01961f3a-7b2c-7000-8000-000000000001', timestamp: nowS(), audience: b.actor },
  })
  return { outgoing, signed }
}

interface Answer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Buffer
}

async function send(port: number, path: string, headers: readonly string[], body: Buffer): Promise<Answer> {
  const request = http.request({ host: '127.0.0.1', port, method: 'POST', path, headers: [...headers, 'Content-Length', String(body.length)] as unknown as http.OutgoingHttpHeaders, agent: false })
  request.end(body)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  return { status: response.statusCode ?? 0, headers: response.rawHeaders, body: await buffer(response) }
}

for (const dialect of ['chaperone', 'pipelock'] as const) {
  test(`a call in the dialect ${dialect} is verified by the receiver, and its answer by the caller`, async (t) => {
    const receiver = await startReceiver(t, dialect)
    const { outgoing, signed } = signedCall(receiver.port, dialect)
    const answer = await send(receiver.port, outgoing.target.path, signed.headers, outgoing.body)
    assert.equal(answer.status, 200, answer.body.toString())
    const trust = trustIn(encodeKeyDocuments([{ keyId: b.keyId, publicKeyHex: signerB.publicKeyHex }]).directory, 'b.example', dialect)
    const verified = verifyResponse(answer, signed.message, { trust, nowMs: Date.now(), pastSkewS: 30, futureSkewS: 5 })
    assert.deepEqual('reason' in verified ? verified : [verified.key.keyId, verified.head?.seq, verified.isStreamed], [b.keyId, 7, false])
    const [{ headers, actor, body } = { headers: [], actor: '', body: '' }] = receiver.received
    assert.deepEqual([actor, body, headers.filter((_t, at) => headers[at - 1] === 'X-Two')], [a.actor, '{"task":"summarise"}', ['one', 'two']])
    assert.equal(headerValue(headers, 'pipelock-mediation'), undefined)
    // A foreign signature is for the application where everything is passed on, and not covered in our own dialect.
    assert.equal(headerValue(headers, 'signature'), dialect === 'pipelock' ? 'app=:AQ==:' : undefined)
  })
}

test('what is changed between the two never reaches the application, and the control does', async (t) => {
  const receiver = await startReceiver(t, 'chaperone')
  const attempts: readonly (readonly [string, number, (call: ReturnType<typeof signedCall>) => Promise<Answer>])[] = [
    ['signature', 403, ({ outgoing, signed }) => send(receiver.port, '/admin', signed.headers, outgoing.body)],
    ['digest', 403, ({ outgoing, signed }) => send(receiver.port, outgoing.target.path, signed.headers, Buffer.from('{"task":"transfer"} '))],
    ['missing', 403, ({ outgoing, signed }) => send(receiver.port, outgoing.target.path, stripMediation(signed.headers), outgoing.body)],
    ['parse', 403, ({ outgoing, signed }) => send(receiver.port, outgoing.target.path, [...signed.headers, 'Content-Type', 'text/plain'], outgoing.body)],
  ]
  for (const [reason, status, attempt] of attempts) {
    const answer = await attempt(signedCall(receiver.port, 'chaperone'))
    assert.deepEqual([answer.status, answer.body.toString()], [status, reason])
  }
  assert.equal(receiver.received.length, 0)
  const { outgoing, signed } = signedCall(receiver.port, 'chaperone')
  const copies = await Promise.all(Array.from({ length: 20 }, () => send(receiver.port, outgoing.target.path, signed.headers, outgoing.body)))
  assert.deepEqual([copies.filter(({ status }) => status === 200).length, copies.filter(({ body }) => body.toString() === 'replay').length, receiver.received.length], [1, 19, 1])
})

test('an answer that was given to one call is refused as the answer to another', async (t) => {
  const receiver = await startReceiver(t, 'chaperone')
  const [one, two] = [signedCall(receiver.port, 'chaperone'), signedCall(receiver.port, 'chaperone')]
  const answer = await send(receiver.port, one.outgoing.target.path, one.signed.headers, one.outgoing.body)
  const trust = trustIn(encodeKeyDocuments([{ keyId: b.keyId, publicKeyHex: signerB.publicKeyHex }]).directory, 'b.example', 'chaperone')
  const rules = { trust, nowMs: Date.now(), pastSkewS: 30, futureSkewS: 5 }
  assert.ok(!('reason' in verifyResponse(answer, one.signed.message, rules)))
  const other = verifyResponse(answer, two.signed.message, rules)
  assert.equal('reason' in other && other.reason, 'peer_response_invalid')
})
