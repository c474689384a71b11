/** Removes mediation headers and signatures that a message brought along: nobody but us says what we vouch for. Foreign signatures stay. */

import { headerValues, withoutHeaders, type RawHeaders } from '../model/raw-headers.ts'
import { HEAD_FIELD, MEDIATION_TAG, RESPONSE_TAG, STREAM_FIELD } from './coverage.ts'
import { MEDIATION_FIELD } from './mediation.ts'
import { labelsOf, parseSignatureFields, tagOf, type SignatureFields } from './signature-fields.ts'
import type { DictionaryMember } from './structured-field.ts'

const MEDIATION_FIELDS: ReadonlySet<string> = new Set([MEDIATION_FIELD, HEAD_FIELD, STREAM_FIELD])
const SIGNATURE_FIELDS: ReadonlySet<string> = new Set(['signature', 'signature-input'])
const OWN_LABEL = /^(?:pipelock|chaperone)/
const OWN_WORD = /pipelock|chaperone/i
const OWN_TAGS: ReadonlySet<string | undefined> = new Set([MEDIATION_TAG, RESPONSE_TAG])

/**
 * Total: signature fields that do not parse are dropped where they speak of us, and else left for whom they are meant.
 *
 * @returns the headers without mediation headers and without members of Signature and Signature-Input that carry our labels or tags
 */
export function stripMediation(headers: RawHeaders): RawHeaders {
  const stripped = withoutHeaders(headers, MEDIATION_FIELDS)
  const lines = [...headerValues(stripped, 'signature-input'), ...headerValues(stripped, 'signature')]
  if (lines.length === 0) return stripped
  try {
    return keepForeign(stripped)
  } catch {
    return lines.some((line) => OWN_WORD.test(line)) ? withoutHeaders(stripped, SIGNATURE_FIELDS) : stripped
  }
}

/** @returns the headers without mediation headers and without any signature at all */
export function stripSignatures(headers: RawHeaders): RawHeaders {
  return withoutHeaders(withoutHeaders(headers, MEDIATION_FIELDS), SIGNATURE_FIELDS)
}

/** @throws {MessageSignatureError} where the signature fields do not parse */
function keepForeign(headers: RawHeaders): RawHeaders {
  const fields = parseSignatureFields(headers)
  const own = ownLabels(fields)
  if (own.size === 0) return headers
  return withSignatureFields(headers, foreign(fields.inputs, own), foreign(fields.signatures, own))
}

function foreign(members: readonly DictionaryMember[], own: ReadonlySet<string>): string[] {
  return members.filter(({ key }) => !own.has(key)).map(({ text }) => text)
}

/** @returns labels of signatures that claim to be a companion's */
export function ownLabels(fields: SignatureFields): ReadonlySet<string> {
  const tagged = fields.inputs.filter((member) => OWN_TAGS.has(tagOf(member))).map(({ key }) => key)
  return new Set([...labelsOf(fields).filter((label) => OWN_LABEL.test(label)), ...tagged])
}

/** @returns the headers with these members, each field on one line at the end; none where it has no member */
export function withSignatureFields(headers: RawHeaders, inputs: readonly string[], signatures: readonly string[]): RawHeaders {
  const rest = withoutHeaders(headers, SIGNATURE_FIELDS)
  if (inputs.length > 0) rest.push('Signature-Input', inputs.join(', '))
  if (signatures.length > 0) rest.push('Signature', signatures.join(', '))
  return rest
}

/**
 * @returns the headers with one more signature behind the foreign ones
 * @throws {MessageSignatureError} where the fields there are do not parse: nothing may be added to what cannot be read
 */
export function addSignature(headers: RawHeaders, inputMember: string, signatureMember: string): RawHeaders {
  const { inputs, signatures } = parseSignatureFields(headers)
  return withSignatureFields(headers, [...inputs.map(({ text }) => text), inputMember], [...signatures.map(({ text }) => text), signatureMember])
}
