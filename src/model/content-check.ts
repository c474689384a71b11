/** Content that is put to a profile's rules outside of any exchange, and what they would have done with it. */

import type { BlockReason } from './block-reason.ts'
import type { Finding } from './finding.ts'

/** What a caller asks about; the kinds of the scan API. */
export type CheckOrder =
  | { readonly kind: 'url'; readonly url: string }
  /** Text that would leave. */
  | { readonly kind: 'dlp'; readonly bytes: Buffer; readonly contentType?: string | undefined }
  /** Text that would be read. */
  | { readonly kind: 'prompt_injection'; readonly bytes: Buffer; readonly contentType?: string | undefined }
  | { readonly kind: 'tool_call'; readonly toolName: string; readonly arguments: unknown }

/** Bytes as they would pass, and which way. */
export interface ContentSubject {
  readonly direction: 'request' | 'response'
  /** Target of a request as the caller wrote it; '' where there is none. */
  readonly url: string
  /** Canonical host of the target; '' where there is none. */
  readonly host: string
  readonly scheme: 'http' | 'https'
  readonly contentType: string
  readonly body: Buffer
}

/** A finding, and what the profile does about it. Never the text that matched. */
export interface CheckedFinding extends Finding {
  readonly action: 'allow' | 'warn' | 'strip' | 'redact' | 'block'
}

export interface ContentCheck {
  /** The strongest action of all findings, as a verdict. */
  readonly decision: 'allow' | 'warn' | 'block'
  /** Why it would be refused. */
  readonly reason?: BlockReason
  readonly findings: readonly CheckedFinding[]
}
