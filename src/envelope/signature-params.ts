/** The parameters of a signature (RFC 9421 §2.3) and the inner list they belong to. */

import { checkDistinct, parseComponent, type Component } from './component.ts'
import { MessageSignatureError } from './message-signature-error.ts'
import { isInnerList, serializeInnerList, type BareItem, type InnerList, type Item } from './structured-field.ts'

/** In the order in which they are written. Times are seconds since 1970. */
export interface SignatureParams {
  readonly keyid?: string
  readonly alg?: string
  readonly tag?: string
  readonly nonce?: string
  readonly created?: number
  readonly expires?: number
}

/** What one signature covers. */
export interface CoveredComponents {
  readonly components: readonly Component[]
  readonly params: SignatureParams
  /** Value of `@signature-params`: the inner list with its parameters, in the order given. */
  readonly text: string
}

const TEXTS = new Set(['keyid', 'alg', 'tag', 'nonce'])
const TIMES = new Set(['created', 'expires'])
const ASCII = /^[\x20-\x7e]*$/

/**
 * @param params written in their order; absent ones left out
 * @throws {MessageSignatureError} `component_duplicate`; `parameter_invalid` for what cannot stand in a String or an Integer
 */
export function coverComponents(components: readonly Component[], params: SignatureParams): CoveredComponents {
  checkDistinct(components)
  const entries = Object.entries(params) as [string, string | number | undefined][]
  const written = new Map<string, BareItem>()
  for (const [key, value] of entries) {
    if (value === undefined) continue
    checkParameter(key, value)
    written.set(key, value)
  }
  return { components, params, text: `(${components.map(({ id }) => id).join(' ')})${serializeInnerList([[], written]).slice('()'.length)}` }
}

/**
 * @param value a member of Signature-Input
 * @throws {MessageSignatureError} where it is not an inner list of components, or has parameters that RFC 9421 does not register
 */
export function parseCovered(value: Item | InnerList): CoveredComponents {
  if (!isInnerList(value)) throw new MessageSignatureError('field_malformed', 'Signature-Input: expected an inner list')
  const components = value[0].map(parseComponent)
  checkDistinct(components)
  const params: Record<string, string | number> = {}
  for (const [key, parameter] of value[1]) params[key] = checkParameter(key, parameter)
  return { components, params, text: serializeInnerList(value) }
}

function checkParameter(key: string, value: BareItem): string | number {
  if (TEXTS.has(key)) {
    if (typeof value === 'string' && ASCII.test(value)) return value
    throw new MessageSignatureError('parameter_invalid', `${key}: expected a String`)
  }
  if (!TIMES.has(key)) throw new MessageSignatureError('parameter_invalid', 'expected no other signature parameter than created, expires, nonce, alg, keyid and tag')
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw new MessageSignatureError('parameter_invalid', `${key}: expected an Integer`)
}
