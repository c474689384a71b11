/** Door of scan/: what must not pass. */

export { hideCredentials, hideTarget } from './hide-findings.ts'
export type { HostStanding, MessageScan, ScanContext, Segment } from './layer.ts'
export { listRules } from './list-rules.ts'
export { openScan } from './open-scan.ts'
export { scanWhole, type WholeMessage } from './scan-message.ts'
export { createScanPool, type ScanPool } from './worker/scan-pool.ts'
