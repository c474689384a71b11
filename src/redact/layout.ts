/** Chooses how a body is read, by its content type and by what it is. What has no known form has no slot. */

import { layoutMultipart, layoutUrlEncoded } from './form-layout.ts'
import { layoutJson } from './json-layout.ts'
import type { Layout } from './slot.ts'

const JSON_TYPE = /^(?:application|text)\/(?:[a-z0-9.+-]+\+)?(?:json|x-ndjson|jsonl|jsonlines|ndjson|json-seq|x-jsonlines)$/
const MARKUP_TYPE = /(?:^|[/+])(?:xml|html|xhtml)$/
const TEXT_TYPE = /^(?:text\/|application\/(?:[a-z0-9.+-]+\+)?(?:javascript|ecmascript|yaml|x-yaml|toml|sql|graphql|x-sh)$)/
const OPENS_JSON = /^\s*[[{]/
/** A text that opens with more blanks than this is not taken for JSON unless it says so. */
const LOOK_BYTES = 1024

/**
 * @param contentType of the message, '' where it has none
 * @param contentEncoding of the message, '' where it has none
 */
export function layoutBody(bytes: Buffer, contentType: string, contentEncoding: string): Layout {
  if (contentEncoding !== '' && contentEncoding !== 'identity') return { unsafe: 'the body is compressed' }
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  // What looks like JSON must stay JSON, whatever it is called.
  const isCalledJson = JSON_TYPE.test(type)
  const slots = isCalledJson || OPENS_JSON.test(bytes.toString('latin1', 0, LOOK_BYTES)) ? layoutJson(bytes) : undefined
  if (slots !== undefined) return slots
  return isCalledJson ? { unsafe: 'the body is not the JSON it says it is' } : layoutByType(bytes, type, contentType)
}

function layoutByType(bytes: Buffer, type: string, contentType: string): Layout {
  if (type === 'application/x-www-form-urlencoded') return layoutUrlEncoded(bytes)
  if (type === 'multipart/form-data') return layoutMultipart(bytes, contentType)
  if (MARKUP_TYPE.test(type)) return [{ start: 0, end: bytes.length, escape: 'markup' }]
  if (TEXT_TYPE.test(type)) return [{ start: 0, end: bytes.length, escape: 'none' }]
  return { unsafe: 'the body has no form in which text can be replaced' }
}
