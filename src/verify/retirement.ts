/** `retired-<session>.json`: the signed trace of a session that was deleted after its retention time. */

import { createHash } from 'node:crypto'

import { SIGNATURE_PREFIX } from '../receipt/format.ts'
import { always, encodeStruct, type StructMember, type Uint64 } from '../receipt/go-json.ts'
import { type FaultLog, logShapeError, type Place } from './fault.ts'
import { readStruct } from './read-struct.ts'
import { decodeContent, type SourceFile } from './source-file.ts'
import { parseJson } from './strict-json.ts'
import type { KeyRing } from './trusted-keys.ts'

export interface Retirement {
  readonly session: string
  readonly finalSeq: bigint
  readonly headHash: string
}

interface WireRetirement {
  readonly version: Uint64
  readonly session_id: string
  readonly final_seq: Uint64
  readonly head_hash: string
  readonly prior_session: string
  readonly ended_at: string
  readonly retired_at: string
  readonly signer_key: string
  readonly signature: string
}

const DOMAIN = 'chaperone-retired-session-v1\0'
/** In order of the signed text, which has all but the signature. */
const SIGNED_MEMBERS: readonly StructMember[] = [
  ...always('version', 'version'), ...always('text', 'session_id'), ...always('uint64', 'final_seq'),
  ...always('text', 'head_hash', 'prior_session'), ...always('time', 'ended_at', 'retired_at'), ...always('text', 'signer_key'),
]
const MEMBERS: readonly StructMember[] = [...SIGNED_MEMBERS, ...always('text', 'signature')]
const SIGNATURE_FORM = /^ed25519:[0-9a-f]{128}$/

/** @returns `undefined` after its fault was logged: such a record explains nothing */
export function verifyRetirement(file: SourceFile, ring: KeyRing, log: FaultLog): Retirement | undefined {
  const place: Place = { file: file.name }
  const text = decodeContent(file.content)
  if (text === undefined) {
    log.add('invalid_utf8', 'the file is not UTF-8', place)
    return undefined
  }
  const record = logShapeError(log, place, () => readStruct(MEMBERS, parseJson(text), 'retirement') as WireRetirement)
  if (record === undefined) return undefined
  const cause = faultOf(record, ring)
  if (cause !== undefined) {
    log.add('retirement_invalid', cause, { ...place, session: record.session_id })
    return undefined
  }
  return { session: record.session_id, finalSeq: BigInt(record.final_seq), headHash: record.head_hash }
}

function faultOf(record: WireRetirement, ring: KeyRing): string | undefined {
  if (record.version !== 1) return 'version is not 1'
  if (!ring.admits(record.signer_key)) return 'its signer is not trusted'
  if (!SIGNATURE_FORM.test(record.signature)) return 'the signature is not ed25519: and 128 lower-case hex digits'
  const digest = createHash('sha256').update(DOMAIN).update(encodeStruct(SIGNED_MEMBERS, record)).digest()
  const signature = Buffer.from(record.signature.slice(SIGNATURE_PREFIX.length), 'hex')
  return ring.verifies(record.signer_key, digest, signature) ? undefined : 'signature verification failed'
}
