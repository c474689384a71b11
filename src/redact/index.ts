/** Door of redact/: replaces what must not leave by typed placeholders, on the original bytes. It finds no credentials; its caller says where they are. */

export { createSpanFinder, CREDENTIAL_PRIORITY, type Dictionary, type SpanFinder } from './find-spans.ts'
export { layoutBody } from './layout.ts'
export { PERSONAL_CLASSES } from './personal-classes.ts'
export { classOfRule, Placeholders } from './placeholders.ts'
export { redactBody, type Edit, type Redacted, type RedactionSpan } from './redact-body.ts'
export type { Layout, Unsafe } from './slot.ts'
