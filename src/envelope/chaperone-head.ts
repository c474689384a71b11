/** A companion's last durable receipt, as it travels: `Chaperone-Head` on a response, `hd` in the mediation header. */

import { MessageSignatureError } from './message-signature-error.ts'
import { byteSequence, parseMembers, serializeMembers } from './structured-field.ts'

/** Only a durable head travels: one that is lost in a crash would look like a lie afterwards. */
export interface ChainHead {
  /** Session id, for example `chaperone.run.<32 hex>`. */
  readonly session: string
  readonly seq: number
  /** Hex SHA-256 of the receipt. */
  readonly hash: string
}

export const HEAD_HASH_BYTES = 32
const SESSION = /^[\x21-\x7e]{1,128}$/

/** @returns the value of `Chaperone-Head` */
export function encodeHead({ session, seq, hash }: ChainHead): string {
  return serializeMembers([['seq', [seq, new Map()]], ['hash', [Buffer.from(hash, 'hex'), new Map()]], ['chain', [session, new Map()]]])
}

/** @throws {MessageSignatureError} `field_malformed` */
export function parseHead(field: string): ChainHead {
  const members = new Map(parseMembers(field).map(({ key, value }) => [key, value]))
  return headOf(members.get('chain')?.[0], members.get('seq')?.[0], byteSequence(members.get('hash')))
}

/** @throws {MessageSignatureError} where one of the three is missing or of another form */
export function headOf(session: unknown, seq: unknown, hash: Buffer | undefined): ChainHead {
  const isWhole = typeof seq === 'number' && Number.isSafeInteger(seq) && seq >= 0
  if (typeof session !== 'string' || !SESSION.test(session) || !isWhole || hash?.length !== HEAD_HASH_BYTES) {
    throw new MessageSignatureError('field_malformed', 'expected a chain head: session, sequence and the hash of a receipt')
  }
  return { session, seq, hash: hash.toString('hex') }
}
