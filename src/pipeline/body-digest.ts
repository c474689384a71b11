/** The digest of a body, as receipts carry it. */

import { hash } from 'node:crypto'

/** @returns a Content-Digest value (RFC 9530, section 2) */
export function digestOf(body: Buffer): string {
  return `sha-256=:${hash('sha256', body, 'base64')}:`
}
