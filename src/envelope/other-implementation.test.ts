/** An independent implementation of RFC 9421 reads what we sign, and we read what it signs: requests and responses. */

import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto'
import { test } from 'node:test'

import { createSignatureSync, verifySignature as verifyByOther, type MessageDescriptor, type SignatureComponent } from 'http-message-sig'

import type { OutgoingRequest } from '../model/exchange.ts'
import type { Cleared } from '../model/cleared.ts'
import { componentOf, type Component } from './component.ts'
import { targetParts, type HttpMessage, type RequestMessage, type ResponseMessage } from './http-message.ts'
import { signMessage, verifySignature } from './message-signature.ts'
import { parseSignatureFields, signatureOf } from './signature-fields.ts'
import { signRequest } from './sign-request.ts'
import { signResponse } from './sign-response.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const CREATED_S = 1_712_345_678
const signBytes = (base: Uint8Array): Buffer => sign(null, base, privateKey)
const signer = { publicKeyHex: '', fingerprint: '', sign: signBytes }

function pairs(headers: readonly string[]): { name: string; value: string }[] {
  return headers.flatMap((name, at) => (at % 2 === 0 ? [{ name, value: headers[at + 1] ?? '' }] : []))
}

function descriptorOf(message: HttpMessage): MessageDescriptor {
  if (message.kind === 'request') {
    return { kind: 'request', method: message.method, targetUri: targetParts(message).uri, requestTarget: message.requestTarget, fields: pairs(message.headers) }
  }
  const { status, headers, request } = message
  return { kind: 'response', status, fields: pairs(headers), ...(request === undefined ? {} : { request: descriptorOf(request) as Extract<MessageDescriptor, { kind: 'request' }> }) }
}

async function readByOther(message: HttpMessage, label: string, requiredComponents: readonly string[]): Promise<string> {
  const verified = await verifyByOther(descriptorOf(message), {
    label,
    policy: { algorithms: ['ed25519'], requiredComponents, requiredParameters: ['created', 'keyid'], maxAge: 60, now: CREATED_S + 1 },
    resolveVerifier: () => ({ algorithm: 'ed25519', verify: (data, signature) => verify(null, data, publicKey, signature) }),
  })
  return verified.label
}

const REQUEST: RequestMessage = {
  kind: 'request', method: 'POST', scheme: 'https', authority: 'b.example', requestTarget: '/a2a/run?x=1&y=%20',
  headers: ['Host', 'b.example', 'Content-Type', 'application/json', 'X-Two', 'one', 'X-Two', 'two', 'Example-Dict', 'a=1, b;x=2, c=(x  y)'],
}
const RESPONSE: ResponseMessage = { kind: 'response', status: 201, headers: ['Content-Type', 'text/plain', 'X-Empty', ''], request: REQUEST }

const REQUEST_COMPONENTS: readonly Component[] = [
  ...['@method', '@target-uri', '@authority', '@scheme', '@request-target', '@path', '@query', 'content-type', 'x-two'].map((name) => componentOf(name)),
  ...['a', 'b', 'c'].map((key) => componentOf('example-dict', { key })),
]
const RESPONSE_COMPONENTS: readonly Component[] = [
  componentOf('@status'), componentOf('content-type'), componentOf('x-empty'),
  componentOf('@method', { req: true }), componentOf('@path', { req: true }), componentOf('x-two', { req: true }), componentOf('example-dict', { key: 'b', req: true }),
]

for (const [what, message, components] of [['request', REQUEST, REQUEST_COMPONENTS], ['response', RESPONSE, RESPONSE_COMPONENTS]] as const) {
  test(`the other implementation verifies a ${what} that we signed, and refuses it changed`, async () => {
    const { inputMember, signatureMember } = signMessage(message, { label: 'sig', components, params: { created: CREATED_S, keyid: 'k', alg: 'ed25519' } }, signBytes)
    const signed = { ...message, headers: [...message.headers, 'Signature-Input', inputMember, 'Signature', signatureMember] }
    assert.equal(await readByOther(signed, 'sig', []), 'sig')
    const changed = { ...signed, headers: signed.headers.map((text) => (text === 'Content-Type' ? 'X-Other' : text)) }
    await assert.rejects(readByOther(changed, 'sig', []))
  })

  test(`we verify a ${what} that the other implementation signed, and refuse it changed`, () => {
    const named: SignatureComponent[] = components.map(({ name, params }) => ({ name, parameters: Object.fromEntries(params) as Record<string, string | boolean> }))
    const fields = createSignatureSync(descriptorOf(message), {
      label: 'theirs', components: named, parameters: { created: CREATED_S, keyid: 'k', nonce: 'n', expires: CREATED_S + 60, tag: 't', alg: 'ed25519' },
      signer: { algorithm: 'ed25519', sign: (data) => signBytes(data) },
    })
    const signature = signatureOf(parseSignatureFields(['Signature-Input', fields.signatureInput, 'Signature', fields.signature]), 'theirs')
    assert.ok(signature !== undefined)
    assert.ok(verifySignature(message, signature, { alg: 'ed25519', key: publicKey }) !== undefined)
    const changed = { ...message, headers: message.headers.map((text) => (text.includes('/') ? 'x' : text)) }
    assert.equal(verifySignature(changed, signature, { alg: 'ed25519', key: publicKey }), undefined)
  })
}

const BODY = Buffer.from('{"a":1}')

function mediated(dialect: 'pipelock' | 'chaperone') {
  const outgoing = {
    method: 'POST', body: BODY, headers: ['Host', 'b.example', 'Content-Type', 'application/json', 'X-Custom', 'kept'],
    target: { scheme: 'https', host: 'b.example', port: 443, path: '/a2a/run?x=1', raw: 'https://b.example/a2a/run?x=1' },
  } as const
  return signRequest(outgoing as OutgoingRequest as Cleared<OutgoingRequest>, {
    dialect, keyId: 'spiffe://a.example/agent/a#00000000', signer, createdS: CREATED_S, lifetimeS: 60,
    mediation: {
      actionType: 'write', verdict: 'allow', sideEffect: 'external_write', actor: 'spiffe://a.example/agent/a', authority: 'bound',
      policyHash: createHash('sha256').update('policy').digest().subarray(0, 16), requestId: '01961f3a-7b2c-7000-8000-000000000001', timestamp: CREATED_S,
    },
  })
}

for (const dialect of ['pipelock', 'chaperone'] as const) {
  test(`the other implementation verifies a mediated request in the dialect ${dialect}, and the signed answer to it`, async () => {
    const { message } = mediated(dialect)
    assert.equal(await readByOther(message, 'pipelock1', ['@method', '@target-uri', 'content-digest', 'pipelock-mediation']), 'pipelock1')
    const headers = signResponse({ status: 200, headers: ['Content-Type', 'text/plain'], body: Buffer.from('done') }, message, {
      keyId: 'spiffe://b.example/agent/b#11111111', signer, createdS: CREATED_S, head: { session: 'chaperone.run.x', seq: 412, hash: 'ab'.repeat(32) },
    })
    assert.equal(await readByOther({ kind: 'response', status: 200, headers, request: message }, 'chaperone1', ['@status', 'content-digest', 'chaperone-head']), 'chaperone1')
    await assert.rejects(readByOther({ kind: 'response', status: 500, headers, request: message }, 'chaperone1', ['@status']))
  })
}
