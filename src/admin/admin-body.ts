/** Reads the small JSON bodies of admin requests. */

import type { IncomingMessage } from 'node:http'

import { problemAnswer, type AdminAnswer } from './admin-answer.ts'

const MAX_BODY_BYTES = 64 * 1024
const JSON_TYPE = /^application\/json[ \t]*(;|$)/i

export interface JsonBody {
  readonly value: unknown
}

/** @returns the parsed value, or the answer that refuses the body (400, 413, 415) */
export async function readJsonBody(request: IncomingMessage, maxBytes = MAX_BODY_BYTES): Promise<JsonBody | AdminAnswer> {
  // Also what keeps a form on a foreign page from posting here: this type needs a preflight, which is never granted.
  if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) return problemAnswer(415, 'expected application/json')
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return tooLarge(maxBytes)

  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) return tooLarge(maxBytes)
    chunks.push(chunk)
  }
  try {
    return { value: JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown }
  } catch {
    return problemAnswer(400, 'the body is not JSON')
  }
}

function tooLarge(maxBytes: number): AdminAnswer {
  return problemAnswer(413, `the body is over ${maxBytes} bytes`)
}
