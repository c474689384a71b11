/**
 * Checks evidence offline: no network, no files, no clock, no key of its own. The caller reads the files and says which
 * public keys it trusts; every fault is a value. Stands alone, so that an auditor need not read the proxy.
 */

export { type Fault, FAULTS, type Warning, WARNINGS } from './fault.ts'
export type { SourceFile } from './source-file.ts'
export { parseTrustedKey, TrustedKeyError } from './trusted-keys.ts'
export type { Verification, VerifyOptions } from './verification.ts'
export { verifyAgentChain } from './verify-agent-chain.ts'
export { type ReceiptVerification, verifyReceipt } from './verify-receipt.ts'
export { verifyRecorder } from './verify-recorder.ts'
