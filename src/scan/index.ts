/** Door of scan/: what must not pass. */

export type { MessageScan, ScanContext, Segment } from './layer.ts'
export { hideCredentials, hideFindings, openScan, scanWhole, type WholeMessage } from './scan-message.ts'
