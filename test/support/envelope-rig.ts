/** Two companions for tests of envelopes: a sender with a key, a receiver that trusts it, and a request that passes. */

import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

import { createManualClock, type ManualClock } from '../../src/base/clock.ts'
import type { InboundRules } from '../../src/envelope/check-inbound.ts'
import { createMemoryReplayWindow, type MemoryReplayWindow } from '../../src/envelope/memory-replay-window.ts'
import type { Mediation } from '../../src/envelope/mediation.ts'
import { parseTrustList } from '../../src/envelope/parse-trust-list.ts'
import type { InboundRequest } from '../../src/envelope/read-envelope.ts'
import { signRequest, type RequestSigning, type SignedRequest } from '../../src/envelope/sign-request.ts'
import type { TrustList } from '../../src/envelope/trust-list.ts'
import { verifyRequest, type VerifiedRequest } from '../../src/envelope/verify-request.ts'
import type { EnvelopeFault } from '../../src/envelope/envelope-reason.ts'
import type { Cleared } from '../../src/model/cleared.ts'
import type { OutgoingRequest } from '../../src/model/exchange.ts'
import type { Signer } from '../../src/model/signer.ts'

export const NOW_S = 1_800_000_000
export const ACTOR = 'spiffe://a.example/agent/caller'
export const SELF = 'spiffe://b.example/agent/receiver'
const SECOND_MS = 1000
const RAW_KEY_BYTES = 32

/** A new Ed25519 key. */
export function newSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-RAW_KEY_BYTES)
  return { publicKeyHex: raw.toString('hex'), fingerprint: `sha256:${createHash('sha256').update(raw).digest('hex')}`, sign: (bytes) => sign(null, bytes, privateKey) }
}

/** As the configuration has it. */
export type TrustEntry = Readonly<Record<string, unknown>>

/** @param entries as the configuration has them; throws where they do not parse */
export function trustOf(...entries: readonly TrustEntry[]): TrustList {
  const list = parseTrustList(entries)
  if (list instanceof Map) return list as TrustList
  throw new TypeError(JSON.stringify(list))
}

export interface EnvelopeRig {
  readonly signer: Signer
  readonly keyId: string
  readonly entry: TrustEntry
  readonly rules: InboundRules
  readonly clock: ManualClock
  readonly window: MemoryReplayWindow
  /** Changes are laid over a request that passes. */
  signed(changes?: RequestChanges): SignedRequest
  verify(request: InboundRequest, body?: Buffer, rules?: Partial<InboundRules>): Promise<VerifiedRequest | EnvelopeFault>
}

export interface RequestChanges {
  readonly signing?: Partial<RequestSigning>
  readonly mediation?: Partial<Mediation>
  readonly request?: Partial<OutgoingRequest>
}

export const BODY = Buffer.from('{"task":"summarise"}')

export function createEnvelopeRig(dialect: 'pipelock' | 'chaperone' = 'chaperone'): EnvelopeRig {
  const signer = newSigner()
  const keyId = `${ACTOR}#${signer.fingerprint.slice('sha256:'.length, 'sha256:'.length + 8)}`
  const entry = { key_id: keyId, public_key: signer.publicKeyHex, trust_domains: ['a.example'], dialect }
  const clock = createManualClock(NOW_S * SECOND_MS)
  const window = createMemoryReplayWindow({ clock, capacityPerKey: 1000, futureSkewMs: 5000 })
  const rules: InboundRules = {
    publicOrigins: [{ scheme: 'https', authority: 'b.example' }], self: SELF, trust: trustOf(entry),
    maxBodyBytes: 1024, maxLifetimeS: 60, pastSkewS: 30, futureSkewS: 5, maxDepth: 4,
  }
  const signed = ({ signing, mediation, request }: RequestChanges = {}): SignedRequest => {
    const outgoing: OutgoingRequest = {
      method: 'POST', body: BODY, headers: ['Host', 'b.example', 'Content-Type', 'application/json', 'X-Tag', 'one'],
      target: { scheme: 'https', host: 'b.example', port: 443, path: '/a2a/run?x=1', raw: 'https://b.example/a2a/run?x=1' },
      ...request,
    }
    return signRequest(outgoing as Cleared<OutgoingRequest>, {
      dialect, keyId, signer, createdS: NOW_S, lifetimeS: 60,
      mediation: {
        actionType: 'write', verdict: 'allow', sideEffect: 'external_write', actor: ACTOR, authority: 'bound', policyHash: randomBytes(16),
        requestId: '01961f3a-7b2c-7000-8000-000000000001', timestamp: NOW_S, audience: SELF, ...mediation,
      },
      ...signing,
    })
  }
  const verify = (request: InboundRequest, body = BODY, changes: Partial<InboundRules> = {}): Promise<VerifiedRequest | EnvelopeFault> =>
    verifyRequest<never>(request, { ...rules, ...changes }, { nowMs: clock.nowMs(), window, readBody: (max) => Promise.resolve(body.length > max ? 'too_large' : body) })
  return { signer, keyId, entry, rules, clock, window, signed, verify }
}

/** The head of a signed request as it arrives. */
export function inboundOf({ message: { method, requestTarget, headers } }: SignedRequest, changes: Partial<InboundRequest> = {}): InboundRequest {
  return { method, requestTarget, headers, ...changes }
}

/** @returns the headers with the value of one replaced; the field is matched as written */
export function withHeader(headers: readonly string[], name: string, change: (value: string) => string): string[] {
  return headers.map((text, at) => (at % 2 === 1 && headers[at - 1] === name ? change(text) : text))
}
