/**
 * Evidence receipts (version 2), which the same emitters write beside receipts of version 1: canonical form, signature,
 * closed member lists. As the Go implementation does it: sorted keys, NFC, HTML escaping, the text signed without a hash.
 */

import { hash } from 'node:crypto'

import { compareUtf8, quoteGo, type Uint64 } from '../receipt/go-json.ts'
import { EVIDENCE_PURPOSES, requirePayload } from './evidence-payloads.ts'
import { ShapeError } from './fault.ts'
import { expectObject, expectText, readInteger, refuseUnknown } from './read-struct.ts'
import type { JsonObject, JsonValue } from './strict-json.ts'
import { isGoTimestamp } from './timestamp.ts'

export interface EvidenceReceipt {
  readonly kind: string
  readonly chainSeq: Uint64
  readonly chainPrevHash: string
  /** Public key in hex. */
  readonly signerKey: string
  readonly signature: Buffer
  /** What is signed. */
  readonly signedText: Buffer
  /** What the next one names. */
  readonly hash: string
}

const REQUIRED = ['record_type', 'receipt_version', 'payload_kind', 'event_id', 'timestamp', 'signature', 'chain_seq', 'chain_prev_hash', 'payload']
const OPTIONAL_TEXTS = ['principal', 'actor', 'policy_hash', 'active_manifest_hash', 'contract_hash', 'selector_id']
const OPTIONAL_LISTS = ['crit', 'delegation_chain']
const OPTIONAL = ['canonicalization', 'contract_generation', ...OPTIONAL_TEXTS, ...OPTIONAL_LISTS]
const SIGNATURE_MEMBERS = ['signer_key_id', 'key_purpose', 'algorithm', 'signature']
/** The signature stands in its own signed text with every member empty. */
const BLANK_SIGNATURE = '{"algorithm":"","key_purpose":"","signature":"","signer_key_id":""}'
const SIGNATURE_FORM = /^ed25519:([0-9a-f]{128})$/

const CANONICALIZATION: Readonly<Record<string, string>> = {
  jcs_profile: 'pipelock-jcs-rfc8785-nfc-v1', jcs_version: 'rfc8785', hash_alg: 'sha256', sig_alg: 'ed25519',
}
const CANONICALIZATION_MEMBERS = [...Object.keys(CANONICALIZATION), 'redaction_ruleset_id', 'redaction_ruleset_version', 'redaction_ruleset_hash']
const SPANS_KIND = 'proxy_decision_with_spans'

/** @throws {ShapeError} */
export function parseEvidenceReceipt(value: JsonValue): EvidenceReceipt {
  const receipt = expectObject(value, 'evidence')
  refuseUnknown(receipt, [...REQUIRED, ...OPTIONAL], 'evidence')
  requireMembers(receipt, REQUIRED, 'evidence')
  requireOptionals(receipt)
  if (textOf(receipt, 'record_type') !== 'evidence_receipt_v2') throw new ShapeError('evidence_invalid', 'record_type is not evidence_receipt_v2')
  if (readInteger(receipt.members.get('receipt_version'), 'version', 'receipt_version') !== 2) {
    throw new ShapeError('unsupported_version', 'receipt_version is not 2')
  }
  if (!isGoTimestamp(textOf(receipt, 'timestamp'))) throw new ShapeError('timestamp_form', 'timestamp is not a time as Go writes it')
  if (textOf(receipt, 'event_id') === '') throw new ShapeError('evidence_invalid', 'event_id is empty')
  const kind = textOf(receipt, 'payload_kind')
  requirePayload(kind, expectObject(receipt.members.get('payload'), 'payload'))
  requireCriticals(receipt, kind)

  const { signerKey, signature } = readSignature(receipt, kind)
  return {
    kind,
    chainSeq: readInteger(receipt.members.get('chain_seq'), 'uint64', 'chain_seq'),
    chainPrevHash: textOf(receipt, 'chain_prev_hash'),
    signerKey,
    signature,
    signedText: Buffer.from(canonicalObject(receipt, BLANK_SIGNATURE)),
    hash: hash('sha256', canonicalObject(receipt), 'hex'),
  }
}

/**
 * @param signatureText stands for the member `signature`
 * @returns keys in NFC and in order of their UTF-8 bytes, text in NFC and escaped as Go does, whole numbers as spelled
 * @throws {ShapeError} for a fraction, a number beyond 64 bits, or keys that are one in NFC
 */
function canonicalObject({ members }: JsonObject, signatureText?: string): string {
  const texts = new Map<string, string>()
  for (const [name, value] of members) {
    const key = name.normalize('NFC')
    if (texts.has(key)) throw new ShapeError('evidence_invalid', 'two keys are the same in NFC')
    texts.set(key, key === 'signature' && signatureText !== undefined ? signatureText : canonical(value))
  }
  const sorted = [...texts].sort(([a], [b]) => compareUtf8(a, b))
  return `{${sorted.map(([key, text]) => `${quoteGo(key)}:${text}`).join(',')}}`
}

function canonical(value: JsonValue): string {
  switch (value.kind) {
    case 'object':
      return canonicalObject(value)
    case 'array':
      return `[${value.items.map(canonical).join(',')}]`
    case 'text':
      return quoteGo(value.value.normalize('NFC'))
    case 'number':
      if (value.value !== '-0') readInteger(value, 'int64', 'a number')
      return value.value
    case 'true':
    case 'false':
    case 'null':
      return value.kind
  }
}

function readSignature(receipt: JsonObject, kind: string): { signerKey: string; signature: Buffer } {
  const object = expectObject(receipt.members.get('signature'), 'signature')
  refuseUnknown(object, SIGNATURE_MEMBERS, 'signature')
  if (textOf(object, 'algorithm') !== 'ed25519') throw new ShapeError('evidence_invalid', 'signature.algorithm is not ed25519')
  if (textOf(object, 'key_purpose') !== EVIDENCE_PURPOSES.get(kind)) {
    throw new ShapeError('evidence_invalid', 'signature.key_purpose may not sign this kind')
  }
  const [, hex] = SIGNATURE_FORM.exec(textOf(object, 'signature')) ?? []
  if (hex === undefined) throw new ShapeError('signature_form', 'the signature is not ed25519: and 128 lower-case hex digits')
  return { signerKey: textOf(object, 'signer_key_id'), signature: Buffer.from(hex, 'hex') }
}

/** Go leaves an empty member out before it signs: on the wire it stands beside what was signed. */
function requireOptionals({ members }: JsonObject): void {
  for (const name of OPTIONAL_TEXTS) {
    const value = members.get(name)
    if (value !== undefined && expectText(value, name) === '') throw new ShapeError('evidence_invalid', `${name} is there and empty`)
  }
  for (const name of OPTIONAL_LISTS) {
    const value = members.get(name)
    if (value !== undefined && textsOf(value, name).length === 0) throw new ShapeError('evidence_invalid', `${name} is there and empty`)
  }
  const generation = members.get('contract_generation')
  if (generation !== undefined && Number(readInteger(generation, 'uint64', 'contract_generation')) === 0) {
    throw new ShapeError('evidence_invalid', 'contract_generation is there and zero')
  }
}

/** What must be understood: a name that is not understood, or one that does not apply, refuses the receipt. */
function requireCriticals(receipt: JsonObject, kind: string): void {
  const isProfiled = receipt.members.has('canonicalization')
  const crit = receipt.members.get('crit')
  const named = crit === undefined ? [] : textsOf(crit, 'crit')
  const applying = [...(isProfiled ? ['canonicalization'] : []), ...(kind === SPANS_KIND ? ['source_spans'] : [])]
  if (named.length !== applying.length || !applying.every((name) => named.includes(name))) {
    throw new ShapeError('evidence_invalid', 'crit does not name what applies')
  }
  if (!isProfiled) return

  const profile = expectObject(receipt.members.get('canonicalization'), 'canonicalization')
  refuseUnknown(profile, CANONICALIZATION_MEMBERS, 'canonicalization')
  for (const [name, known] of Object.entries(CANONICALIZATION)) {
    if (textOf(profile, name) !== known) throw new ShapeError('evidence_invalid', `canonicalization.${name} is not the known one`)
  }
}

function textsOf(value: JsonValue, name: string): string[] {
  if (value.kind !== 'array') throw new ShapeError('member_type', `${name} is not a list`)
  return value.items.map((item) => expectText(item, name))
}

function requireMembers(object: JsonObject, names: readonly string[], path: string): void {
  for (const name of names) {
    if (!object.members.has(name)) throw new ShapeError('member_missing', `${path}.${name} is absent`)
  }
}

function textOf(object: JsonObject, name: string): string {
  return expectText(object.members.get(name), name)
}
