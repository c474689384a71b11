/** What an attacker between two companions can change, one thing at a time: each is refused with its own reason, beside a control that passes. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import { ACTOR, BODY, createEnvelopeRig, inboundOf, newSigner, NOW_S, SELF, trustOf, withHeader, type EnvelopeRig, type RequestChanges } from '../../test/support/envelope-rig.ts'
import type { InboundRules } from './check-inbound.ts'
import { componentOf } from './component.ts'
import { ENVELOPE_REASONS, isEnvelopeFault, type EnvelopeReason } from './envelope-reason.ts'
import { signMessage } from './message-signature.ts'
import { createMemoryReplayWindow } from './memory-replay-window.ts'
import type { InboundRequest } from './read-envelope.ts'
import { verifyRequest, type VerifiedRequest } from './verify-request.ts'

interface Tampering {
  readonly what: string
  readonly reason: EnvelopeReason
  readonly dialect?: 'pipelock' | 'chaperone'
  /** What the sender signs, where it is not the plain request. */
  readonly sent?: RequestChanges
  readonly change?: (request: InboundRequest, rig: EnvelopeRig) => Partial<InboundRequest>
  readonly body?: Buffer
  readonly rules?: (rig: EnvelopeRig) => Partial<InboundRules>
  /** Seconds by which the receiver's clock is ahead. */
  readonly aheadS?: number
}

const headers = (change: (headers: readonly string[]) => string[]) => ({ headers: sent }: InboundRequest): Partial<InboundRequest> => ({ headers: change(sent) })
const inField = (name: string, from: string | RegExp, to: string) => headers((sent) => withHeader(sent, name, (value) => value.replace(from, to)))
const add = (...more: string[]) => headers((sent) => [...sent, ...more])
const drop = (name: string) => headers((sent) => sent.filter((_text, at) => sent[at - (at % 2)] !== name))
const entry = (changes: Readonly<Record<string, unknown>>) => ({ entry: trusted }: EnvelopeRig): Partial<InboundRules> => ({ trust: trustOf({ ...trusted, ...changes }) })
const ISO = (seconds: number): string => new Date(seconds * 1000).toISOString()

const TAMPERINGS: readonly Tampering[] = [
  { what: 'an unsigned request', reason: 'missing', change: () => ({ headers: ['Host', 'b.example'] }) },
  { what: 'a mediation header without a signature', reason: 'missing', change: headers((sent) => sent.filter((_t, at) => !/^signature/i.test(sent[at - (at % 2)] ?? ''))) },
  { what: 'a signature without the mediation header', reason: 'missing', change: drop('Pipelock-Mediation') },
  { what: 'foreign signatures alone', reason: 'missing', change: headers((sent) => withHeader(withHeader(sent, 'Signature', (v) => v.replace('pipelock1', 'sig1')), 'Signature-Input', (v) => v.replace('pipelock1', 'sig1').replace('tag="pipelock-mediation"', 'tag="x"'))) },
  { what: 'a target in absolute form', reason: 'parse', change: () => ({ requestTarget: 'https://b.example/a2a/run?x=1' }) },
  { what: 'CONNECT', reason: 'parse', change: () => ({ method: 'CONNECT' }) },
  { what: 'two mediation headers', reason: 'parse', change: headers((sent) => [...sent, 'Pipelock-Mediation', sent[sent.indexOf('Pipelock-Mediation') + 1] ?? '']) },
  { what: 'a mediation header of version 2', reason: 'parse', change: inField('Pipelock-Mediation', 'v=1', 'v=2') },
  { what: 'a mediation header that does not parse', reason: 'parse', change: inField('Pipelock-Mediation', 'v=1', 'v=1,') },
  { what: 'another authority', reason: 'audience', change: inField('Host', 'b.example', 'c.example') },
  { what: 'another port', reason: 'audience', change: inField('Host', 'b.example', 'b.example:8443') },
  { what: 'two Host fields', reason: 'parse', change: add('Host', 'b.example') },
  { what: 'a second mediation signature under another label', reason: 'parse', change: headers((sent) => withHeader(withHeader(sent, 'Signature', (v) => `${v}, pipelock2=:AA==:`), 'Signature-Input', (v) => `${v}, pipelock2=()`)) },
  { what: 'a second signature with our tag under a foreign label', reason: 'parse', change: headers((sent) => withHeader(withHeader(sent, 'Signature', (v) => `${v}, x=:AA==:`), 'Signature-Input', (v) => `${v}, x=();tag="pipelock-mediation"`)) },
  { what: 'the label twice in Signature-Input', reason: 'parse', change: headers((sent) => withHeader(sent, 'Signature-Input', (v) => `${v}, ${v}`)) },
  { what: 'the label twice over two lines', reason: 'parse', change: headers((sent) => [...sent, 'Signature', sent[sent.indexOf('Signature') + 1] ?? '']) },
  { what: 'another algorithm', reason: 'parse', change: inField('Signature-Input', 'alg="ed25519"', 'alg="hmac-sha256"') },
  { what: 'no algorithm', reason: 'parse', change: inField('Signature-Input', ';alg="ed25519"', '') },
  { what: 'another tag', reason: 'parse', change: inField('Signature-Input', 'tag="pipelock-mediation"', 'tag="other"') },
  { what: 'no nonce', reason: 'parse', change: inField('Signature-Input', /;nonce="[^"]*"/, '') },
  { what: 'no expiry', reason: 'parse', change: inField('Signature-Input', /;expires=\d+/, '') },
  { what: 'an unknown signature parameter', reason: 'parse', change: inField('Signature-Input', ';nonce', ';x=1;nonce') },
  { what: 'a component twice', reason: 'parse', change: inField('Signature-Input', '"@method"', '"@method" "@method"') },
  { what: 'a signature of 63 bytes', reason: 'parse', change: headers((sent) => withHeader(sent, 'Signature', () => `pipelock1=:${Buffer.alloc(63).toString('base64')}:`)) },
  { what: 'coverage without the method', reason: 'coverage', change: inField('Signature-Input', '"@method" ', '') },
  { what: 'coverage without the target', reason: 'coverage', change: inField('Signature-Input', '"@target-uri" ', '') },
  { what: 'coverage without the mediation header', reason: 'coverage', change: inField('Signature-Input', / ?"pipelock-mediation"/, '') },
  { what: 'coverage of one member of the mediation header', reason: 'coverage', change: inField('Signature-Input', '"pipelock-mediation"', '"pipelock-mediation";key="v"') },
  { what: 'a covered field split over two lines', reason: 'parse', sent: { request: { headers: ['Host', 'b.example', 'X-Tag', 'one, two'] } }, change: headers((sent) => [...withHeader(sent, 'X-Tag', () => 'one'), 'X-Tag', 'two']) },
  { what: 'lines joined that were signed apart', reason: 'signature', sent: { request: { headers: ['Host', 'b.example', 'X-Tag', 'one', 'X-Tag', 'two'] } }, change: headers((sent) => { let seen = 0; return sent.filter((_t, at) => (sent[at - (at % 2)] === 'X-Tag' ? seen++ < 2 : true)).map((text) => (text === 'one' ? 'one, two' : text)) }) },
  { what: 'an unknown key id', reason: 'not_trusted', sent: { signing: { keyId: 'spiffe://a.example/agent/caller#ffffffff' } } },
  { what: 'a key id of another case', reason: 'not_trusted', change: inField('Signature-Input', 'keyid="spiffe', 'keyid="Spiffe') },
  { what: 'a revoked key', reason: 'revoked', rules: entry({ revoked: true }) },
  { what: 'a key that begins later', reason: 'key_expired', rules: entry({ not_before: ISO(NOW_S + 1) }) },
  { what: 'a key that has ended', reason: 'key_expired', rules: entry({ not_after: ISO(NOW_S) }) },
  { what: 'an actor of another trust domain', reason: 'actor_not_allowed', sent: { mediation: { actor: 'spiffe://evil.example/agent/caller' } } },
  { what: 'an actor that is not one of the key', reason: 'actor_not_allowed', rules: entry({ actors: ['spiffe://a.example/agent/other'] }) },
  { what: 'an actor that is no SPIFFE id', reason: 'actor_not_allowed', sent: { mediation: { actor: 'caller' } } },
  { what: 'an actor with dot segments', reason: 'actor_not_allowed', sent: { mediation: { actor: 'spiffe://a.example/agent/../admin' } } },
  { what: 'a path that is not one of the key', reason: 'path_not_allowed', rules: entry({ paths: ['/other/*'] }) },
  { what: 'a path that steps out of the key\'s by dots', reason: 'path_not_allowed', sent: { request: { target: { scheme: 'https', host: 'b.example', port: 443, path: '/a2a/%2e%2e/admin', raw: '' } } }, rules: entry({ paths: ['/a2a/*'] }) },
  { what: 'a method that is not one of the key', reason: 'path_not_allowed', rules: entry({ methods: ['GET'] }) },
  { what: 'a request created in the future', reason: 'not_yet_valid', sent: { signing: { createdS: NOW_S + 6 } } },
  { what: 'a receiver whose clock is behind', reason: 'not_yet_valid', aheadS: -6 },
  { what: 'an expired request', reason: 'expired', aheadS: 90 },
  { what: 'a request that lives too long', reason: 'lifetime', sent: { signing: { lifetimeS: 61 } } },
  { what: 'a request that expires before it was created', reason: 'lifetime', sent: { signing: { lifetimeS: 0 } } },
  { what: 'another path', reason: 'signature', change: () => ({ requestTarget: '/a2a/admin?x=1' }) },
  { what: 'another query', reason: 'signature', change: () => ({ requestTarget: '/a2a/run?x=2' }) },
  { what: 'the same path in another spelling', reason: 'signature', change: () => ({ requestTarget: '/a2a/%72un?x=1' }) },
  { what: 'another method', reason: 'signature', change: () => ({ method: 'PUT' }) },
  { what: 'the method in another case', reason: 'signature', change: () => ({ method: 'post' }) },
  { what: 'another value of a covered field', reason: 'signature', change: inField('X-Tag', 'one', 'two') },
  { what: 'a covered field removed', reason: 'parse', change: drop('X-Tag') },
  { what: 'a claim of the envelope raised', reason: 'signature', change: inField('Pipelock-Mediation', 'aa="bound"', 'aa="matched"') },
  { what: 'another actor of the same domain', reason: 'signature', change: inField('Pipelock-Mediation', 'agent/caller', 'agent/boss') },
  { what: 'expiry put off', reason: 'signature', change: inField('Signature-Input', `expires=${NOW_S + 60}`, `expires=${NOW_S + 59}`) },
  { what: 'another nonce', reason: 'signature', change: inField('Signature-Input', /nonce="./, 'nonce="z') },
  { what: 'one bit of the signature', reason: 'signature', change: headers((sent) => withHeader(sent, 'Signature', (v) => v.replace(/=:./, (start) => `=:${start.endsWith('A') ? 'B' : 'A'}`))) },
  { what: 'the signature of another key', reason: 'signature', rules: entry({ public_key: newSigner().publicKeyHex }) },
  { what: 'a relay to another of our origins', reason: 'signature', change: inField('Host', 'b.example', 'b2.example'), rules: () => ({ publicOrigins: [{ scheme: 'https', authority: 'b.example' }, { scheme: 'https', authority: 'b2.example' }] }) },
  { what: 'the scheme lowered', reason: 'signature', rules: () => ({ publicOrigins: [{ scheme: 'http', authority: 'b.example' }] }) },
  { what: 'another body', reason: 'digest', body: Buffer.from('{"task":"transfer it"}') },
  { what: 'one byte of the body', reason: 'digest', body: Buffer.concat([BODY.subarray(0, -1), Buffer.from(' ')]) },
  { what: 'the body removed', reason: 'digest', body: Buffer.alloc(0) },
  { what: 'a body over the limit', reason: 'too_large', body: Buffer.alloc(2000) },
  { what: 'a body added to a request without one', reason: 'digest_missing', sent: { request: { body: Buffer.alloc(0) } } },
  { what: 'a body announced for a request without one', reason: 'digest_missing', sent: { request: { body: Buffer.alloc(0) } }, change: add('Content-Length', '20') },
  { what: 'the digest exchanged for one of an unknown algorithm', reason: 'signature', change: inField('Content-Digest', 'sha-256', 'sha-999') },
  { what: 'the digest taken out of the coverage', reason: 'signature', change: inField('Signature-Input', ' "content-digest"', '') },
  { what: 'no audience in the dialect chaperone', reason: 'audience', sent: { mediation: { audience: '' } } },
  { what: 'another audience', reason: 'audience', sent: { mediation: { audience: 'spiffe://b.example/agent/other' } } },
  { what: 'a call that came through the receiver before', reason: 'loop', sent: { mediation: { hops: [SELF, 'spiffe://c.example/agent/c'] } } },
  { what: 'a call that came through too many', reason: 'depth', sent: { mediation: { hops: ['1', '2', '3', '4'].map((n) => `spiffe://a.example/agent/h${n}`) } } },
  { what: 'a hop that is no SPIFFE id', reason: 'parse', sent: { mediation: { hops: ['somebody'] } } },
]

async function outcomeOf({ dialect, sent, change, body, rules, aheadS = 0 }: Tampering, isTampered: boolean): Promise<EnvelopeReason | 'accepted'> {
  const rig = createEnvelopeRig(dialect)
  const signed = rig.signed(isTampered ? sent : {})
  const request = inboundOf(signed)
  rig.clock.advance(isTampered ? aheadS * 1000 : 0)
  const tampered = isTampered && change !== undefined ? { ...request, ...change(request, rig) } : request
  const result = await rig.verify(tampered, isTampered ? body : undefined, isTampered ? rules?.(rig) : undefined)
  return isEnvelopeFault(result) ? result.reason : 'accepted'
}

for (const tampering of TAMPERINGS) {
  test(`${tampering.reason}: ${tampering.what}`, async () => {
    assert.equal(await outcomeOf(tampering, false), 'accepted', 'the control')
    assert.equal(await outcomeOf(tampering, true), tampering.reason)
  })
}

const accepted = async (rig: EnvelopeRig, changes: RequestChanges = {}, body = BODY): Promise<VerifiedRequest> => {
  const result = await rig.verify(inboundOf(rig.signed(changes)), body)
  assert.ok(!isEnvelopeFault(result), JSON.stringify(result))
  return result
}

test('every reason of the table is provoked, here or by the replay window', () => {
  const ofWindow = ['replay', 'replay_capacity', 'replay_store', 'replay_floor']
  const provoked = new Set([...TAMPERINGS.map(({ reason }) => reason), ...ofWindow])
  assert.deepEqual(Object.keys(ENVELOPE_REASONS).filter((reason) => !provoked.has(reason)), [])
})

test('an accepted request tells who called, with what, and what may be passed on', async () => {
  const rig = createEnvelopeRig()
  const result = await accepted(rig, { mediation: { hops: ['spiffe://c.example/agent/first'], cause: Buffer.alloc(32, 7), head: { session: 'chaperone.run.x', seq: 3, hash: 'cd'.repeat(32) } } })
  assert.deepEqual([result.actor.text, result.actor.trustDomain, result.key.keyId, result.mediation.hops], [ACTOR, 'a.example', rig.keyId, ['spiffe://c.example/agent/first']])
  assert.deepEqual([result.mediation.cause?.toString('hex'), result.mediation.head?.seq], ['07'.repeat(32), 3])
  assert.deepEqual(result.body, BODY)
  assert.match(result.digest ?? '', /^sha-256=:/)
})

test('the hash of the base is the same on both sides, so that a later call can name this one as its cause', async () => {
  const rig = createEnvelopeRig()
  const signed = rig.signed()
  const result = await rig.verify(inboundOf(signed))
  assert.ok(!isEnvelopeFault(result))
  assert.deepEqual(result.baseHash, signed.baseHash)
})

test('in the dialect chaperone a field that was added on the way is not passed on; in the published one it is', async () => {
  for (const [dialect, passes] of [['chaperone', false], ['pipelock', true]] as const) {
    const rig = createEnvelopeRig(dialect)
    const request = inboundOf(rig.signed())
    const result = await rig.verify({ ...request, headers: [...request.headers, 'X-Added', 'evil', 'Connection', 'X-Tag'] })
    assert.ok(!isEnvelopeFault(result))
    assert.equal(result.headers.includes('X-Added'), passes)
    // A covered field cannot be nominated away.
    assert.ok(result.headers.includes('X-Tag'))
    assert.ok(!result.headers.some((name) => /^(pipelock-mediation|signature|signature-input)$/i.test(name)))
  }
})

test('clocks may differ within the skew, on both sides, to the second', async () => {
  for (const [aheadS, isAccepted] of [[-6, false], [-5, true], [0, true], [89, true], [90, false]] as const) {
    const rig = createEnvelopeRig()
    rig.clock.advance(aheadS * 1000)
    assert.equal(!isEnvelopeFault(await rig.verify(inboundOf(rig.signed()))), isAccepted, `${aheadS} s`)
  }
})

test('a key is valid from not_before on, and up to not_after, itself excluded; two keys of one actor overlap', async () => {
  const rig = createEnvelopeRig()
  const next = newSigner()
  const nextId = `${ACTOR}#next`
  const trust = trustOf({ ...rig.entry, not_after: ISO(NOW_S + 1) }, { ...rig.entry, key_id: nextId, public_key: next.publicKeyHex, not_before: ISO(NOW_S) })
  const byOld = await rig.verify(inboundOf(rig.signed()), BODY, { trust })
  const byNew = await rig.verify(inboundOf(rig.signed({ signing: { signer: next, keyId: nextId } })), BODY, { trust })
  assert.ok(!isEnvelopeFault(byOld) && !isEnvelopeFault(byNew))
  rig.clock.advance(1000)
  const late = await rig.verify(inboundOf(rig.signed()), BODY, { trust })
  assert.equal(isEnvelopeFault(late) && late.reason, 'key_expired')
})

test('the same nonce passes once, and again under another key; a copy outside its window is expired', async () => {
  const rig = createEnvelopeRig()
  const request = inboundOf(rig.signed())
  assert.ok(!isEnvelopeFault(await rig.verify(request)))
  const again = await rig.verify(request)
  assert.deepEqual(isEnvelopeFault(again) && [again.reason, again.keyId], ['replay', rig.keyId])
  rig.clock.advance(89_000)
  const late = await rig.verify(request)
  assert.equal(isEnvelopeFault(late) && late.reason, 'replay')
  rig.clock.advance(1000)
  const gone = await rig.verify(request)
  assert.equal(isEnvelopeFault(gone) && gone.reason, 'expired')
})

test('a request that fails any check does not burn its nonce', async () => {
  const rig = createEnvelopeRig()
  const request = inboundOf(rig.signed())
  assert.ok(isEnvelopeFault(await rig.verify({ ...request, requestTarget: '/other' })))
  assert.ok(isEnvelopeFault(await rig.verify(request, Buffer.from('other'))))
  assert.ok(isEnvelopeFault(await rig.verify(request, BODY, { maxDepth: 0 })))
  assert.equal(rig.window.size, 0)
  assert.ok(!isEnvelopeFault(await rig.verify(request)))
})

test('the body is read once, and only behind a valid signature', async () => {
  const rig = createEnvelopeRig()
  let reads = 0
  const readBody = (): Promise<Buffer> => {
    reads++
    return Promise.resolve(BODY)
  }
  const steps = { nowMs: rig.clock.nowMs(), window: rig.window, readBody }
  const request = inboundOf(rig.signed())
  assert.ok(isEnvelopeFault(await verifyRequest({ ...request, method: 'PUT' }, rig.rules, steps)))
  assert.equal(reads, 0)
  assert.ok(!isEnvelopeFault(await verifyRequest(request, rig.rules, steps)))
  assert.equal(reads, 1)
})

test('a body that cannot be read refuses in its own words', async () => {
  const rig = createEnvelopeRig()
  const refusal = { status: 'client gone' }
  const result = await verifyRequest(inboundOf(rig.signed()), rig.rules, { nowMs: rig.clock.nowMs(), window: rig.window, readBody: () => Promise.resolve(refusal) })
  assert.equal(result, refusal)
  assert.equal(rig.window.size, 0)
})

test('the refusals of the window keep their reasons, and the floor is looked at before the signature', async () => {
  for (const reason of ['replay_store', 'replay_capacity', 'replay_floor', 'replay'] as const) {
    const rig = createEnvelopeRig()
    const steps = { nowMs: rig.clock.nowMs(), window: { floorMs: () => 0, burn: () => reason }, readBody: () => Promise.resolve(BODY) }
    const result = await verifyRequest(inboundOf(rig.signed()), rig.rules, steps)
    assert.equal(isEnvelopeFault(result) && result.reason, reason)
  }
  const rig = createEnvelopeRig()
  const window = createMemoryReplayWindow({ clock: rig.clock, capacityPerKey: 1, futureSkewMs: 5000, gap: { startMs: NOW_S * 1000 } })
  const forged = { ...inboundOf(rig.signed()), requestTarget: '/other' }
  const result = await verifyRequest(forged, rig.rules, { nowMs: rig.clock.nowMs(), window, readBody: () => Promise.resolve(BODY) })
  assert.equal(isEnvelopeFault(result) && result.reason, 'replay_floor')
})

test('a stranger learns nothing of the list: the key id of a fault is told only where it is trusted', async () => {
  const rig = createEnvelopeRig()
  const unknown = await rig.verify(inboundOf(rig.signed({ signing: { keyId: 'other' } })))
  assert.deepEqual(isEnvelopeFault(unknown) && [unknown.reason, unknown.keyId], ['not_trusted', undefined])
})

test('a digest of a known algorithm has to be there: SHA-512 alone passes, an unknown one alone is refused', async () => {
  const rig = createEnvelopeRig('pipelock')
  const sha512 = `sha-512=:${createHash('sha512').update(BODY).digest('base64')}:`
  for (const [field, expected] of [[sha512, 'accepted'], ['md5=:AA==:', 'digest'], [`${sha512}, md5=:AA==:`, 'accepted'], [`${sha512}, sha-256=:AA==:`, 'digest'], ['sha-256', 'digest']] as const) {
    const { message } = rig.signed()
    const headers = withHeader(message.headers, 'Content-Digest', () => field).filter((_t, at, all) => !/^signature/i.test(all[at - (at % 2)] ?? ''))
    const components = ['@method', '@target-uri', 'content-digest', 'pipelock-mediation'].map((name) => componentOf(name))
    const params = { keyid: rig.keyId, alg: 'ed25519', tag: 'pipelock-mediation', created: NOW_S, expires: NOW_S + 60 }
    const nonce = createHash('sha256').update(field).digest('hex')
    const { inputMember, signatureMember } = signMessage({ ...message, headers }, { label: 'pipelock1', components, params: { ...params, nonce } }, (base) => rig.signer.sign(base))
    const result = await rig.verify({ ...inboundOf(rig.signed()), headers: [...headers, 'Signature-Input', inputMember, 'Signature', signatureMember] })
    assert.equal(isEnvelopeFault(result) ? result.reason : 'accepted', expected, field)
  }
})

test('a peer of the published dialect passes without the members that are ours', async () => {
  const rig = createEnvelopeRig('pipelock')
  const result = await accepted(rig, { mediation: { audience: '' } })
  assert.equal(result.mediation.audience, undefined)
})
