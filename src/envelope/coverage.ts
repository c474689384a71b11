/**
 * What the signature of a mediated message covers, by dialect. `pipelock` is the published list. `chaperone` adds every
 * end-to-end field, and its receiver passes on covered fields only: what is added on the way does not reach the agent.
 */

import { headerTokens, headerValues, type RawHeaders } from '../model/raw-headers.ts'
import { componentOf, type Component } from './component.ts'
import { MEDIATION_FIELD } from './mediation.ts'

/** Chosen per peer by configuration, never by what the other side says. */
export type Dialect = 'pipelock' | 'chaperone'

export const MEDIATION_LABEL = 'pipelock1'
export const MEDIATION_TAG = 'pipelock-mediation'
export const RESPONSE_LABEL = 'chaperone1'
export const RESPONSE_TAG = 'chaperone-response'
export const STREAM_FIELD = 'chaperone-stream'
export const HEAD_FIELD = 'chaperone-head'

const METHOD = componentOf('@method')
const TARGET_URI = componentOf('@target-uri')
const CONTENT_DIGEST = componentOf('content-digest')
const MEDIATION = componentOf(MEDIATION_FIELD)

/** Fields of one hop, and those that every hop may add to or rewrite. */
const NEVER_COVERED: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info',
  'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect', 'host', 'content-length', 'signature', 'signature-input',
  'via', 'forwarded', 'traceparent', 'tracestate',
])

const REWRITTEN = 'x-forwarded-'
/** What can stand in a signature base as it is. */
const PLAIN_VALUE = /^[\t\x20-\x7e]*$/

/** @param headers as they leave, with the mediation header and, where there is a body, its digest */
export function requestComponents(dialect: Dialect, headers: RawHeaders): Component[] {
  const hasDigest = headerValues(headers, 'content-digest').length > 0
  const four = [METHOD, TARGET_URI, ...(hasDigest ? [CONTENT_DIGEST] : []), MEDIATION]
  return dialect === 'pipelock' ? four : [...four, ...endToEndNames(headers).map((name) => wholeField(headers, name))]
}

function endToEndNames(headers: RawHeaders): string[] {
  const nominated = new Set(headerTokens(headers, 'connection'))
  const names = new Set<string>()
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase()
    const isListed = name === MEDIATION_FIELD || name === 'content-digest'
    if (!isListed && !NEVER_COVERED.has(name) && !nominated.has(name) && !name.startsWith(REWRITTEN)) names.add(name)
  }
  return [...names].sort()
}

/** With `bs` where the lines are several, so that they cannot be joined or split on the way, or not plain ASCII. */
function wholeField(headers: RawHeaders, name: string): Component {
  const lines = headerValues(headers, name)
  const isPlain = lines.length === 1 && lines.every((line) => PLAIN_VALUE.test(line))
  return isPlain ? componentOf(name) : componentOf(name, { bs: true })
}

/** @returns what of the list that every mediation signature needs is not covered, or `undefined` */
export function missingFromRequest(components: readonly Component[]): string | undefined {
  const ids = new Set(components.map(({ id }) => id))
  return [METHOD, TARGET_URI, MEDIATION].map(({ id }) => id).find((id) => !ids.has(id))
}

export function coversDigest(components: readonly Component[]): boolean {
  return components.some(({ id }) => id === CONTENT_DIGEST.id)
}

/** @returns the first field that stands on several lines and is covered as if it were one; `bs` covers each line */
export function splitField(components: readonly Component[], headers: RawHeaders): string | undefined {
  const joined = components.filter(({ name, params }) => !name.startsWith('@') && params.size === 0)
  return joined.find(({ name }) => headerValues(headers, name).length > 1)?.name
}

/** @returns the fields that are covered as a whole */
export function coveredFields(components: readonly Component[], headers: RawHeaders): RawHeaders {
  const names = new Set(components.filter(({ params }) => params.size === 0 || (params.size === 1 && params.has('bs'))).map(({ name }) => name))
  return headers.filter((_text, at) => names.has((headers[at - (at % 2)] ?? '').toLowerCase()))
}

const OPTIONAL_ON_RESPONSE = ['content-digest', 'content-type', 'content-encoding', HEAD_FIELD, STREAM_FIELD]

/**
 * @param headers of the response, with the digest of a held body or the mark of a streamed one
 * @param request the request as it stood on the wire, signed with `pipelock1`
 */
export function responseComponents(headers: RawHeaders, request: RawHeaders): Component[] {
  const present = OPTIONAL_ON_RESPONSE.filter((name) => headerValues(headers, name).length > 0)
  const ofRequest = [componentOf('@method', { req: true }), componentOf('@target-uri', { req: true })]
  if (headerValues(request, 'content-digest').length > 0) ofRequest.push(componentOf('content-digest', { req: true }))
  return [componentOf('@status'), ...present.map((name) => componentOf(name)), ...ofRequest, componentOf('signature', { req: true, key: MEDIATION_LABEL })]
}
