/** Bytes of the published mediation envelope, profiles A and B: digest, signature base and signature, byte for byte. */

import assert from 'node:assert/strict'
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { test } from 'node:test'

import type { Cleared } from '../model/cleared.ts'
import type { OutgoingRequest } from '../model/exchange.ts'
import { componentOf } from './component.ts'
import { contentDigest } from './content-digest.ts'
import type { RequestMessage } from './http-message.ts'
import { encodeMediation, parseMediation, type Mediation } from './mediation.ts'
import { signMessage, verifySignature } from './message-signature.ts'
import { parseSignatureFields, signatureOf } from './signature-fields.ts'
import { signRequest } from './sign-request.ts'

const SEED = createHash('sha256').update('pipelock-conformance-test-key-v1').digest()
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, SEED]), format: 'der', type: 'pkcs8' })
const signer = { publicKeyHex: '', fingerprint: '', sign: (bytes: Uint8Array): Buffer => sign(null, bytes, privateKey) }

const MEDIATION: Mediation = {
  actionType: 'write', verdict: 'allow', sideEffect: 'external_write', actor: 'agent-a', authority: 'bound',
  policyHash: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'), requestId: '01961f3a-7b2c-7000-8000-000000000001', timestamp: 1712345678,
}
const HEADER = 'v=1, act="write", vd="allow", se="external_write", actor="agent-a", aa="bound", ph=:AAECAwQFBgcICQoLDA0ODw==:, rid="01961f3a-7b2c-7000-8000-000000000001", ts=1712345678'
const DIGEST = 'sha-256=:AVq9f1zFei3ZS3WQ8ErYCEJzkF7jPsXOvq5iJ2qX+GI=:'
const KEY_ID = 'pipelock-mediation-v1'
const NONCE = '000102030405060708090a0b0c0d0e0f'
const BODY = Buffer.from('{"a":1}')

const A = { base: '579b56fbb217e7b4958b31ce6a6ad37a3cca062eea98c4fff346c2790acecbfe', signature: 'Ng0K64FPrS0bu/t5oDi6gIVtWRt+QeOHZiizMImoKG+K5OK+7Pk0NNnHlMTA3mg/HtZyR4AxekZZRPxgt/TXDg==' }
const B = { base: '6760f8d887951a605f163ef8d1dc4d0096361d797f8a46aa588678fb7260cff2', signature: 'qI0eJB913XJFQ2jfcaczPgH4pm9XoswNgKWZWT99X0+mqHzYLj6z5vgWnQSaxsd61VbobCLEjsxAHOSNN7CVAQ==' }

test('the header is written as published, and read back', () => {
  assert.equal(encodeMediation(MEDIATION), HEADER)
  assert.deepEqual(parseMediation(HEADER), MEDIATION)
})

test('the digest of the body is the published one', () => {
  assert.equal(contentDigest(BODY), DIGEST)
})

test('profile A: base and signature are the published ones', () => {
  const message: RequestMessage = { kind: 'request', method: 'POST', scheme: 'https', authority: 'upstream.example', requestTarget: '/api', headers: ['Content-Digest', DIGEST, 'Pipelock-Mediation', HEADER] }
  const components = ['@method', '@target-uri', 'content-digest', 'pipelock-mediation'].map((name) => componentOf(name))
  const params = { keyid: KEY_ID, alg: 'ed25519', tag: 'pipelock-mediation', created: 1712345678 }
  const { base, signature, inputMember, signatureMember } = signMessage(message, { label: 'pipelock1', components, params }, (bytes) => signer.sign(bytes))
  assert.equal(createHash('sha256').update(base).digest('hex'), A.base)
  assert.equal(signature.toString('base64'), A.signature)
  const signed = signatureOf(parseSignatureFields(['Signature-Input', inputMember, 'Signature', signatureMember]), 'pipelock1')
  assert.ok(signed !== undefined)
  assert.ok(verifySignature(message, signed, { alg: 'ed25519', key: createPublicKey(privateKey) }) !== undefined)
})

test('profile B: what we send is the published bytes, the members in their order', () => {
  const outgoing = { method: 'POST', headers: ['Host', 'upstream.example'], body: BODY, target: { scheme: 'https', host: 'upstream.example', port: 443, path: '/api', raw: '' } } as const
  const signed = signRequest(outgoing as OutgoingRequest as Cleared<OutgoingRequest>, { dialect: 'pipelock', mediation: MEDIATION, keyId: KEY_ID, signer, createdS: 1712345678, lifetimeS: 300, nonce: NONCE })
  assert.equal(signed.baseHash.toString('hex'), B.base)
  assert.equal(signed.signature.toString('base64'), B.signature)
  assert.equal(signed.targetUri, 'https://upstream.example/api')
  assert.deepEqual(signed.headers, [
    'Host', 'upstream.example',
    'Content-Digest', DIGEST,
    'Pipelock-Mediation', HEADER,
    'Signature-Input', `pipelock1=("@method" "@target-uri" "content-digest" "pipelock-mediation");keyid="${KEY_ID}";alg="ed25519";tag="pipelock-mediation";nonce="${NONCE}";created=1712345678;expires=1712345978`,
    'Signature', `pipelock1=:${B.signature}:`,
  ])
})
