/** Component identifiers (RFC 9421 §2): what may be covered, with which parameters, and when two are the same. */

import { MessageSignatureError } from './message-signature-error.ts'
import { serializeItem, type BareItem, type Item, type Parameters } from './structured-field.ts'

export interface Component {
  /** `@` and the word of a derived component, or a field name in lower case. */
  readonly name: string
  readonly params: Parameters
  /** Serialised, parameters in the order given: how it stands in the signature base and among the covered components. */
  readonly id: string
}

/** Derived components and whether they are of a request or a response (§2.2). `@signature-params` is covered always and never listed. */
const DERIVED: ReadonlyMap<string, 'request' | 'response'> = new Map([
  ['@method', 'request'],
  ['@target-uri', 'request'],
  ['@authority', 'request'],
  ['@scheme', 'request'],
  ['@request-target', 'request'],
  ['@path', 'request'],
  ['@query', 'request'],
  ['@query-param', 'request'],
  ['@status', 'response'],
])

const FIELD_NAME = /^[a-z0-9!#$%&'*+\-.^_`|~]+$/
const FLAGS = new Set(['sf', 'bs', 'tr', 'req'])
const TEXTS = new Set(['key', 'name'])
const ON_DERIVED = new Set(['req', 'name'])
const ASCII = /^[\x20-\x7e]*$/

/**
 * @param params for example `{ sf: true }`, `{ key: 'member' }`, `{ req: true }`; their order is kept
 * @throws {MessageSignatureError} `component_invalid`
 */
export function componentOf(name: string, params: Readonly<Record<string, string | true>> = {}): Component {
  return parseComponent([name, new Map<string, BareItem>(Object.entries(params))])
}

/**
 * @param item one of the inner list of a signature
 * @throws {MessageSignatureError} `component_invalid` where RFC 9421 does not define it, or its parameters contradict each other
 */
export function parseComponent([name, params]: Item): Component {
  if (typeof name !== 'string') throw invalid('expected a component name as a String')
  for (const [key, value] of params) checkParameter(name, key, value)
  if (name.startsWith('@')) checkDerived(name, params)
  else checkField(name, params)
  // A checked name has nothing to escape.
  return { name, params, id: params.size === 0 ? `"${name}"` : serializeItem([name, params]) }
}

function checkParameter(name: string, key: string, value: BareItem): void {
  if (FLAGS.has(key)) {
    if (value !== true) throw invalid(`${shown(name)}: expected the parameter ${key} to be true`)
  } else if (TEXTS.has(key)) {
    if (typeof value !== 'string' || !ASCII.test(value)) throw invalid(`${shown(name)}: expected the parameter ${key} to be a String`)
  } else {
    throw invalid(`${shown(name)}: expected no other parameter than sf, key, bs, tr, req and name`)
  }
}

function checkDerived(name: string, params: Parameters): void {
  const origin = DERIVED.get(name)
  if (origin === undefined) throw invalid(`${shown(name)}: expected a derived component that exists and may be listed`)
  for (const key of params.keys()) {
    if (!ON_DERIVED.has(key)) throw invalid(`${name}: expected no parameter ${key} on a derived component`)
  }
  if (params.has('name') !== (name === '@query-param')) throw invalid(`${name}: expected the parameter name on @query-param, and there alone`)
  if (origin === 'response' && params.has('req')) throw invalid(`${name}: expected no req, since a request has no such component`)
}

function checkField(name: string, params: Parameters): void {
  if (!FIELD_NAME.test(name)) throw invalid('expected a field name in lower case')
  if (params.has('name')) throw invalid(`${name}: expected no parameter name on a field`)
  // §2.1: bs takes the lines apart, sf and key need them joined and parsed.
  if (params.has('bs') && (params.has('sf') || params.has('key'))) throw invalid(`${name}: expected bs without sf and key`)
}

/** Each one is looked for among the fields, before a signature is known to be good. */
const MAX_COMPONENTS = 256

/** @throws {MessageSignatureError} `component_duplicate` where two are the same, whatever the order of their parameters (§2) */
export function checkDistinct(components: readonly Component[]): void {
  if (components.length > MAX_COMPONENTS) throw invalid(`expected at most ${MAX_COMPONENTS} components`)
  const seen = new Set<string>()
  for (const { name, params, id } of components) {
    const identity = params.size < 2 ? id : serializeItem([name, new Map([...params].sort(([a], [b]) => (a < b ? -1 : 1)))])
    if (seen.has(identity)) throw new MessageSignatureError('component_duplicate', `${id}: expected each component once`)
    seen.add(identity)
  }
}

/** @returns whether it is a component of a request (true also for fields) */
export function isOfRequest(name: string): boolean {
  return DERIVED.get(name) !== 'response'
}

/** A name from the wire, cut and printable. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, 64))
}

function invalid(problem: string): MessageSignatureError {
  return new MessageSignatureError('component_invalid', problem)
}
