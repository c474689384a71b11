/** One receipt of version 1: strict reading, the rules of its record, and its signature. Position is the chain's matter. */

import { ACTION_TYPES, type ActionRecord, encodeReceipt, receiptHash, recordDigest, recordJson, RECORD_MEMBERS, SIGNATURE_PREFIX } from '../receipt/format.ts'
import { compactGo } from '../receipt/go-json.ts'
import { ShapeError, type FaultLog, type Place } from './fault.ts'
import { expectObject, expectText, readInteger, readStruct, refuseUnknown } from './read-struct.ts'
import type { JsonObject, JsonValue } from './strict-json.ts'
import { isPublicKeyHex, type KeyRing } from './trusted-keys.ts'

export interface ParsedReceipt {
  readonly record: ActionRecord
  /** Canonical text of the record: what is signed. */
  readonly recordText: string
  readonly signature: string
  readonly signerKey: string
  /** Hash of the whole receipt: what the next one names. */
  readonly hash: string
}

const RECEIPT_NAMES = ['version', 'action_record', 'signature', 'signer_key', 'ext']
const SIGNATURE_FORM = /^ed25519:[0-9a-f]{128}$/

/**
 * @param source text that the value's offsets are of
 * @throws {ShapeError}
 */
export function parseReceipt(value: JsonValue, source: string): ParsedReceipt {
  const receipt = expectObject(value, 'receipt')
  refuseRedacted(receipt)
  refuseUnknown(receipt, RECEIPT_NAMES, 'receipt')
  requireVersion(receipt, 'receipt')
  const recordValue = expectObject(receipt.members.get('action_record'), 'action_record')
  requireVersion(recordValue, 'action_record')
  const record = readStruct(RECORD_MEMBERS, recordValue, 'action_record') as ActionRecord
  requireValidRecord(record)

  const signature = expectText(receipt.members.get('signature'), 'signature')
  const signerKey = expectText(receipt.members.get('signer_key'), 'signer_key')
  const ext = receipt.members.get('ext')
  const recordText = recordJson(record)
  const extText = ext === undefined ? undefined : compactGo(source.slice(ext.start, ext.end))
  return { record, recordText, signature, signerKey, hash: receiptHash(encodeReceipt(recordText, signature, signerKey, extText)) }
}

/** @returns whether an object looks like a receipt, valid or not */
export function isReceipt(value: JsonValue): value is JsonObject {
  return value.kind === 'object' && value.members.has('action_record')
}

/** Logs what is wrong with signature and signer. Without trusted keys only that they fit each other is looked at. */
export function checkSignature({ recordText, signature, signerKey }: ParsedReceipt, ring: KeyRing, log: FaultLog, place: Place): void {
  // Lower case only: other spellings decode to the same bytes, and would change the receipt's hash unseen at a chain's end.
  if (!SIGNATURE_FORM.test(signature)) {
    log.add('signature_form', 'the signature is not ed25519: and 128 lower-case hex digits', place)
    return
  }
  if (!isPublicKeyHex(signerKey)) {
    log.add('signature_form', 'the signer key is not 64 lower-case hex digits', place)
    return
  }
  if (!ring.admits(signerKey)) log.add('signer_untrusted', `signer key ${signerKey} is not trusted`, place)
  const bytes = Buffer.from(signature.slice(SIGNATURE_PREFIX.length), 'hex')
  if (!ring.verifies(signerKey, recordDigest(recordText), bytes)) log.add('signature_invalid', 'signature verification failed', place)
}

function requireVersion(object: JsonObject, path: string): void {
  if (!object.members.has('version')) throw new ShapeError('member_missing', `${path}.version is absent`)
  const version = readInteger(object.members.get('version'), 'version', `${path}.version`)
  if (version !== 1) throw new ShapeError('unsupported_version', `${path} version ${version}, expected 1`)
}

function requireValidRecord(record: ActionRecord): void {
  if (record.action_id === '') throw new ShapeError('record_invalid', 'action_id is empty')
  if (!ACTION_TYPES.includes(record.action_type)) throw new ShapeError('record_invalid', 'action_type is not one of the format')
  for (const name of ['target', 'verdict', 'transport'] as const) {
    if (record[name] === '') throw new ShapeError('record_invalid', `${name} is empty`)
  }
}

function refuseRedacted(receipt: JsonObject): void {
  const record = receipt.members.get('action_record')
  const isInside = record?.kind === 'object' && record.members.has('redacted_fields')
  if (isInside || receipt.members.get('redacted')?.kind === 'true') {
    throw new ShapeError('receipt_redacted', 'the stored receipt was redacted and cannot be verified')
  }
}
