/** Verifies one receipt by itself: content, signature, signer. Its place in a chain is told, not judged. */

import type { ActionRecord } from '../receipt/format.ts'
import { type Fault, FaultLog, logShapeError, ShapeError, type Warning } from './fault.ts'
import { isEntry, parseEntry } from './parse-entry.ts'
import { checkSignature, type ParsedReceipt, parseReceipt } from './parse-receipt.ts'
import { decodeContent } from './source-file.ts'
import { parseJson } from './strict-json.ts'
import { KeyRing } from './trusted-keys.ts'
import type { VerifyOptions } from './verification.ts'
import { logTrust } from './verify-recorder.ts'

export interface ReceiptVerification {
  readonly valid: boolean
  readonly trust: 'pinned' | 'unpinned'
  readonly faults: readonly Fault[]
  readonly warnings: readonly Warning[]
  /** What the receipt says, where it could be read; believe it only when `valid`. */
  readonly receipt?: {
    readonly record: ActionRecord
    readonly signerKey: string
    readonly hash: string
  }
}

const MAX_RECEIPT_BYTES = 1_048_576

/**
 * @param content a receipt, or the line of a recorder file around one; white space is free
 * @returns faults as values, whatever the content is
 * @throws {TrustedKeyError} when one of the trusted keys cannot be read
 */
export function verifyReceipt(content: string | Uint8Array, options: VerifyOptions = {}): ReceiptVerification {
  const log = new FaultLog()
  const ring = new KeyRing(options.trustedKeys ?? [])
  const receipt = logShapeError(log, {}, () => readReceipt(content, log))
  if (receipt !== undefined) checkSignature(receipt, ring, log, {})
  logTrust(ring, log, options.allowUnpinned === true)
  return {
    valid: log.faults.length === 0,
    trust: ring.isPinned ? 'pinned' : 'unpinned',
    faults: log.faults,
    warnings: log.warnings,
    ...(receipt !== undefined && { receipt: { record: receipt.record, signerKey: receipt.signerKey, hash: receipt.hash } }),
  }
}

function readReceipt(content: string | Uint8Array, log: FaultLog): ParsedReceipt {
  const text = decodeContent(content)
  if (text === undefined) throw new ShapeError('invalid_utf8', 'the text is not UTF-8')
  if (Buffer.byteLength(text) > MAX_RECEIPT_BYTES) throw new ShapeError('line_too_long', 'longer than 1 MiB')
  const value = parseJson(text)
  if (!isEntry(value)) return parseReceipt(value, text)
  const entry = parseEntry(text)
  if (entry.statedHash !== entry.ownHash) log.add('entry_hash', 'the hash does not follow from the entry', {})
  return parseReceipt(entry.detail, text)
}
