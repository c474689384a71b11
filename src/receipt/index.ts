/** Signed receipts: building their facts, and the recorder that chains them and keeps them on disk. */

export { reference, sanitizeText } from './format.ts'
export type { ChainHead, Durability } from './group-commit.ts'
export type { ReceiptFacts } from './receipt-facts.ts'
export { type Need, openRecorder, type Recorder, type RecorderStats } from './recorder.ts'
export { RecorderError } from './recorder-error.ts'
export type { RecorderOptions } from './recorder-settings.ts'
export type { Placed } from './session-chain.ts'
