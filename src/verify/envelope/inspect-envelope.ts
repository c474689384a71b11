/** Shows what a captured request claims and what its signatures cover. Proves nothing: see verify-envelope.ts. */

import { headerValues } from '../../model/raw-headers.ts'
import { matchesDigest } from '../../envelope/content-digest.ts'
import { isEnvelopeFault } from '../../envelope/envelope-reason.ts'
import { MEDIATION_LABEL } from '../../envelope/coverage.ts'
import type { Mediation } from '../../envelope/mediation.ts'
import { MessageSignatureError } from '../../envelope/message-signature-error.ts'
import { readForm, type InboundRequest } from '../../envelope/read-envelope.ts'
import { signatureBase } from '../../envelope/signature-base.ts'
import { labelsOf, parseSignatureFields, signatureOf, type SignatureFields } from '../../envelope/signature-fields.ts'
import type { SignatureParams } from '../../envelope/signature-params.ts'
import { parseCapture } from './captured-request.ts'
import { originsOf } from './captured-origin.ts'

export interface SignatureInspection {
  readonly label: string
  /** Whether it is a companion's, or another party's. */
  readonly isMediation: boolean
  /** Component identifiers in their order. */
  readonly components: readonly string[]
  readonly params: SignatureParams
  /** The bytes that were signed, as far as the capture lets them be rebuilt. */
  readonly base?: string
  /** What is wrong with its form. */
  readonly fault?: string
}

export interface EnvelopeInspection {
  readonly method: string
  readonly requestTarget: string
  readonly host: string
  readonly bodyBytes: number
  /** Claims, as the header makes them. Byte sequences as hex. */
  readonly mediation?: Readonly<Record<string, unknown>>
  readonly signatures: readonly SignatureInspection[]
  readonly digest: 'absent' | 'matches' | 'differs' | 'malformed'
  /** What is wrong with the form of the envelope; empty where it can be read whole. */
  readonly faults: readonly string[]
}

/**
 * @param capture the request as it stood on the wire
 * @param origin under which it was sent, for example `https://b.example`; https and its Host where absent
 * @throws {CaptureError} where it is no request
 */
export function inspectEnvelope(capture: Uint8Array, origin?: string): EnvelopeInspection {
  const request = parseCapture(capture)
  const faults: string[] = []
  const form = readForm(request)
  if (isEnvelopeFault(form)) faults.push(form.detail)
  const signatures = inspectSignatures(request, origin, faults)
  return {
    method: request.method,
    requestTarget: request.requestTarget,
    host: headerValues(request.headers, 'host').join(', '),
    bodyBytes: request.body.length,
    ...(isEnvelopeFault(form) ? {} : { mediation: printable(form) }),
    signatures,
    digest: inspectDigest(headerValues(request.headers, 'content-digest'), request.body),
    faults,
  }
}

function inspectSignatures(request: InboundRequest, origin: string | undefined, faults: string[]): SignatureInspection[] {
  const fields = attempt(() => parseSignatureFields(request.headers))
  if (typeof fields === 'string') {
    faults.push(fields)
    return []
  }
  const found = labelsOf(fields).map((label) => inspectSignature(request, fields, label, origin))
  faults.push(...found.flatMap(({ label, fault, isMediation }) => (fault === undefined || !isMediation ? [] : [`${label}: ${fault}`])))
  return found
}

function inspectSignature(request: InboundRequest, fields: SignatureFields, label: string, origin: string | undefined): SignatureInspection {
  const isMediation = label === MEDIATION_LABEL
  const signed = attempt(() => signatureOf(fields, label))
  if (signed === undefined || typeof signed === 'string') return { label, isMediation, components: [], params: {}, ...(signed === undefined ? {} : { fault: signed }) }
  const [assumed] = originsOf(request.headers, origin)
  const message = { kind: 'request', scheme: assumed.scheme, authority: assumed.authority, ...request } as const
  const base = attempt(() => ({ text: signatureBase(message, signed).toString('latin1') }))
  const { components, params } = signed
  return { label, isMediation, components: components.map(({ id }) => id), params, ...(typeof base === 'string' ? { fault: base } : { base: base.text }) }
}

function inspectDigest(lines: readonly string[], body: Buffer): EnvelopeInspection['digest'] {
  if (lines.length === 0) return 'absent'
  const matches = attempt(() => matchesDigest(lines.join(', '), body))
  if (typeof matches === 'string') return 'malformed'
  return matches ? 'matches' : 'differs'
}

function printable(mediation: Mediation): Record<string, unknown> {
  return Object.fromEntries(Object.entries(mediation).map(([name, value]: [string, unknown]) => [name, Buffer.isBuffer(value) ? value.toString('hex') : value]))
}

/** @returns the value, or what stood against it */
function attempt<T>(act: () => T): T | string {
  try {
    return act()
  } catch (error) {
    if (error instanceof MessageSignatureError) return error.message
    throw error
  }
}
