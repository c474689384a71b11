/** Content-Digest (RFC 9530): the hash of the content as it is sent, and the check of one that was received. */

import { hash } from 'node:crypto'

import { MessageSignatureError } from './message-signature-error.ts'
import { byteSequence, parseMembers } from './structured-field.ts'

/** Algorithms of the registry that are fit for signing (RFC 9530 §5), by their hash in node:crypto. */
const ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
])

/** @returns the field value, with SHA-256 */
export function contentDigest(body: Uint8Array): string {
  return `sha-256=:${hash('sha256', body, 'base64')}:`
}

/**
 * Every known digest has to be right; unknown ones do not count, and alone are no digest.
 *
 * @param field the value of Content-Digest
 * @throws {MessageSignatureError} where the field does not parse
 */
export function matchesDigest(field: string, body: Uint8Array): boolean {
  const known = parseMembers(field).filter(({ key }) => ALGORITHMS.has(key))
  return known.length > 0 && known.every(({ key, value }) => isDigest(byteSequence(value), ALGORITHMS.get(key) ?? '', body))
}

function isDigest(digest: Buffer | undefined, algorithm: string, body: Uint8Array): boolean {
  if (digest === undefined) throw new MessageSignatureError('field_malformed', 'content-digest: expected Byte Sequences')
  return digest.equals(hash(algorithm, body, 'buffer'))
}
