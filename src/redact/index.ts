/** Door of redact/: replaces what must not leave by typed placeholders, on the original bytes. It finds no credentials; its caller says where they are. */

export { layoutBody } from './layout.ts'
export { PERSONAL_CLASSES } from './personal-classes.ts'
export { classOfRule, Placeholders } from './placeholders.ts'
export { redactBody, type RedactionSpan } from './redact-body.ts'
export { ALL_CREDENTIALS, redactFindings } from './redactor.ts'
export { escapeOfType, StreamSplicer } from './stream-splicer.ts'
