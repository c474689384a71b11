/** The fields Signature and Signature-Input (RFC 9421 §4): members by label, read strictly, and foreign ones kept as they stood. */

import { headerValues, type RawHeaders } from '../model/raw-headers.ts'
import { MessageSignatureError } from './message-signature-error.ts'
import { parseCovered, type CoveredComponents } from './signature-params.ts'
import { byteSequence, parseMembers, type DictionaryMember } from './structured-field.ts'

/** Both fields, member by member. Lines of one field are joined, as RFC 9651 §4.2 has it. */
export interface SignatureFields {
  readonly inputs: readonly DictionaryMember[]
  readonly signatures: readonly DictionaryMember[]
}

/** One signature of a message. */
export interface MessageSignature extends CoveredComponents {
  readonly label: string
  readonly signature: Buffer
}

/** Longest of each field that is parsed; both have to fit in a header section anyway. */
const MAX_FIELD_LENGTH = 32 * 1024
const STRING = /"(?:[^"\\]|\\.)*"?/g
const NO_INTEGER = /=(?:-?\d+\.|@)/

/** @throws {MessageSignatureError} `field_malformed` */
export function parseSignatureFields(headers: RawHeaders): SignatureFields {
  return { inputs: membersOf(headers, 'signature-input'), signatures: membersOf(headers, 'signature') }
}

function membersOf(headers: RawHeaders, name: string): DictionaryMember[] {
  const joined = headerValues(headers, name).join(', ')
  if (joined.length > MAX_FIELD_LENGTH) throw new MessageSignatureError('field_malformed', `${name}: expected at most ${MAX_FIELD_LENGTH} bytes`)
  return parseMembers(joined)
}

/**
 * @returns the signature under that label, or `undefined` where neither field has it
 * @throws {MessageSignatureError} where one field has it and the other not, or its form is wrong
 */
export function signatureOf(fields: SignatureFields, label: string): MessageSignature | undefined {
  const input = fields.inputs.find(({ key }) => key === label)
  const value = fields.signatures.find(({ key }) => key === label)
  if (input === undefined && value === undefined) return undefined
  if (input === undefined || value === undefined) throw new MessageSignatureError('field_malformed', 'expected the label in both Signature-Input and Signature')
  // The library reads `1.0` and `@1` as it reads `1`; another verifier would not.
  if (NO_INTEGER.test(input.text.replace(STRING, ''))) throw new MessageSignatureError('field_malformed', 'Signature-Input: expected times as Integers')
  const signature = byteSequence(value.value)
  // One spelling for each signature: base64 has bits that say nothing, and parameters here have no meaning.
  if (signature === undefined || value.text !== `${label}=:${signature.toString('base64')}:`) throw new MessageSignatureError('field_malformed', 'Signature: expected a Byte Sequence')
  return { label, signature, ...parseCovered(input.value) }
}

/** @returns the labels of both fields, each once */
export function labelsOf({ inputs, signatures }: SignatureFields): string[] {
  return [...new Set([...inputs, ...signatures].map(({ key }) => key))]
}

/** @returns the tag of a member of Signature-Input; `undefined` where it has none or another form */
export function tagOf({ value }: DictionaryMember): string | undefined {
  const tag = value[1].get('tag')
  return typeof tag === 'string' ? tag : undefined
}
