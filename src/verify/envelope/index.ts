/** Offline verification of signed calls between companions: keys and bytes in, findings out. No clock, no file, no network. */

export { CaptureError } from './captured-request.ts'
export { inspectEnvelope, type EnvelopeInspection, type SignatureInspection } from './inspect-envelope.ts'
export { TrustInputError, verifyEnvelope, type EnvelopeVerification, type EnvelopeVerifyOptions } from './verify-envelope.ts'
