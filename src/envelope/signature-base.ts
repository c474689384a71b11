/** The signature base (RFC 9421 §2.5): the exact bytes that a signature is over. */

import { isOfRequest, type Component } from './component.ts'
import { derivedValue } from './derived-value.ts'
import { fieldValue, KNOWN_FIELD_TYPES, type FieldTypes } from './field-value.ts'
import type { HttpMessage } from './http-message.ts'
import { MessageSignatureError } from './message-signature-error.ts'
import type { CoveredComponents } from './signature-params.ts'

/** No line break, no control, nothing outside ASCII; a tab can stand within a field. */
const BASE_VALUE = /^[\t\x20-\x7e]*$/

/**
 * @param types structured types beside the known ones, for components with `sf`
 * @returns lines joined by LF, without one at the end; ASCII
 * @throws {MessageSignatureError} where a component cannot be taken from the message, exactly once and unambiguously
 */
export function signatureBase(message: HttpMessage, covered: CoveredComponents, types: FieldTypes = KNOWN_FIELD_TYPES): Buffer {
  const lines = covered.components.map((component) => `${component.id}: ${componentValue(component, message, types)}`)
  return Buffer.from([...lines, `"@signature-params": ${covered.text}`].join('\n'), 'latin1')
}

/**
 * @returns the value of one component, as it stands in the base
 * @throws {MessageSignatureError}
 */
export function componentValue(component: Component, message: HttpMessage, types: FieldTypes = KNOWN_FIELD_TYPES): string {
  const source = sourceOf(component, message)
  const value = component.name.startsWith('@') ? derivedValue(component, source) : fieldValue(component, sectionOf(component, source), types)
  if (!BASE_VALUE.test(value)) throw new MessageSignatureError('value_invalid', `${component.id}: expected printable ASCII on one line; a field with other bytes can be covered with bs`)
  return value
}

/** §2.4: `req` takes the component from the request that a response answers. */
function sourceOf({ params, name, id }: Component, message: HttpMessage): HttpMessage {
  if (!params.has('req')) return message
  if (message.kind === 'request') throw new MessageSignatureError('component_invalid', `${id}: expected req in the signature of a response alone`)
  if (message.request === undefined || !isOfRequest(name)) throw new MessageSignatureError('component_missing', `${id}: expected the request that the response answers`)
  return message.request
}

function sectionOf({ params }: Component, message: HttpMessage): HttpMessage['headers'] {
  return params.has('tr') ? (message.trailers ?? []) : message.headers
}
