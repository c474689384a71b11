/** Values of derived components (RFC 9421 §2.2). */

import type { Component } from './component.ts'
import { normalizedAuthority, targetParts, type HttpMessage, type RequestMessage } from './http-message.ts'
import { MessageSignatureError } from './message-signature-error.ts'

/**
 * @param message the one that has the component: the request already, where the component has `req`
 * @throws {MessageSignatureError} `component_missing` where this kind of message, or this message, has none
 */
export function derivedValue(component: Component, message: HttpMessage): string {
  const { name, id } = component
  if (message.kind === 'response') {
    if (name === '@status') return statusText(message.status)
    throw missing(id, 'expected a request')
  }
  const derive = DERIVE.get(name)
  if (derive === undefined) throw missing(id, 'expected a response')
  return derive(message, component)
}

const DERIVE: ReadonlyMap<string, (request: RequestMessage, component: Component) => string> = new Map([
  ['@method', ({ method }: RequestMessage) => method],
  ['@target-uri', (request: RequestMessage) => targetParts(request).uri],
  ['@authority', ({ authority, scheme }: RequestMessage) => normalizedAuthority(authority, scheme)],
  ['@scheme', ({ scheme }: RequestMessage) => scheme],
  ['@request-target', ({ requestTarget }: RequestMessage) => requestTarget],
  // §2.2.6: an empty path is normalised to a slash; percent-encoding stays as it is.
  ['@path', (request: RequestMessage) => targetParts(request).path || '/'],
  // §2.2.7: without a query, the question mark alone.
  ['@query', (request: RequestMessage) => targetParts(request).query ?? '?'],
  ['@query-param', queryParam],
])

function statusText(status: number): string {
  if (!Number.isInteger(status) || status < 100 || status > 999) throw new MessageSignatureError('value_invalid', '@status: expected three digits')
  return String(status)
}

/**
 * §2.2.8: the query is parsed as a form, and name and value are encoded anew. A name that stands there more than once
 * cannot be covered: nobody could say which of them was.
 */
function queryParam(request: RequestMessage, { params, id }: Component): string {
  const wanted = params.get('name')
  const query = targetParts(request).query ?? ''
  const values = [...new URLSearchParams(query)].filter(([name]) => formEncoded(name) === wanted).map(([, value]) => value)
  const [value] = values
  if (value === undefined) throw missing(id, 'expected the parameter in the query')
  if (values.length > 1) throw new MessageSignatureError('field_malformed', `${id}: expected the parameter once in the query`)
  return formEncoded(value)
}

/** The application/x-www-form-urlencoded percent-encode set of the URL Standard, a space as %20. */
function formEncoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}

function missing(id: string, problem: string): MessageSignatureError {
  return new MessageSignatureError('component_missing', `${id}: ${problem}`)
}
