/** Replaces in a request what its profile says must not leave: between the scan that found it and the scan that clears the rest. */

import type { OutgoingRequest } from '../model/exchange.ts'
import type { Finding } from '../model/finding.ts'
import { headerTokens, headerValue, headerValues, type RawHeaders } from '../model/raw-headers.ts'
import { redactFindings } from '../redact/index.ts'
import { Block } from './block.ts'
import { isEnforcing } from './enforcing.ts'
import type { Passage } from './passage.ts'

/** Fields that vouch for the bytes of the body: over other bytes they would be false. */
const BODY_SIGNERS = ['content-digest', 'repr-digest', 'digest', 'content-md5', 'signature', 'x-amz-content-sha256', 'x-ms-content-sha256', 'x-hub-signature', 'x-hub-signature-256']
const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD'

/**
 * @returns the request with its body redacted, or the very same request where nothing was replaced
 * @throws {Block} `redaction_unsafe` where a value cannot be replaced and the profile enforces
 */
export function redactRequest(request: OutgoingRequest, findings: readonly Finding[], passage: Passage): OutgoingRequest {
  const policy = passage.profile.redaction
  if (policy === undefined || request.body.length === 0) return request
  const { headers, body } = request
  const contentEncoding = headerTokens(headers, 'content-encoding').join(', ')
  const redacted = redactFindings({ bytes: body, contentType: headerValue(headers, 'content-type') ?? '', contentEncoding }, findings, policy)
  if ('unsafe' in redacted) return refuse(redacted.unsafe, request, passage)
  passage.redaction = { profile: policy.profile, total: redacted.total, byClass: redacted.byClass }
  if (redacted.edits.length === 0) return request
  const signer = BODY_SIGNERS.find((name) => signsBody(headers, name))
  return signer === undefined ? { ...request, body: redacted.bytes } : refuse(`the field ${signer} signs the body`, request, passage)
}

function signsBody(headers: RawHeaders, name: string): boolean {
  return headerValues(headers, name).some((value) => value !== UNSIGNED_PAYLOAD)
}

/** Where the profile only watches, the request goes on as it was, and the receipt tells. */
function refuse(detail: string, request: OutgoingRequest, passage: Passage): OutgoingRequest {
  if (isEnforcing(passage.profile)) throw new Block({ reason: 'redaction_unsafe', detail })
  passage.warnings.push('redaction_unsafe')
  passage.redaction = undefined
  return request
}
