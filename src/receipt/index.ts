/** Signed receipts: building their facts, and the recorder that chains them and keeps them on disk. */

export { reference } from './format.ts'
export type { ReceiptFacts } from './receipt-facts.ts'
export type { ReceiptRecorder } from './receipt-recorder.ts'
export { openRecorder, type Recorder } from './recorder.ts'
export { RecorderError } from './recorder-error.ts'
export type { RecorderOptions } from './recorder-settings.ts'
export { openRecorderThread } from './recorder-thread.ts'
export { serveRecorder } from './serve-recorder.ts'
export type { Placed } from './session-chain.ts'
