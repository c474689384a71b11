/** Undoes content codings (RFC 9110 §8.4) under limits of size and ratio, so that a body is scanned as its reader sees it. */

import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib'

import { headerTokens, type RawHeaders } from '../model/raw-headers.ts'

const MAX_DECODED_BYTES = 64 * 1024 * 1024
const MAX_RATIO = 200
const RATIO_FREE_BYTES = 1024 * 1024
/** More codings upon each other than any client uses are a way to hide. */
const MAX_CODINGS = 2
/** RFC 9110 §8.4.1.2: some senders leave the zlib header out. */
const ZLIB_METHOD = 0x08

type Decoder = (bytes: Buffer, options: { maxOutputLength: number }) => Buffer

const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['gzip', gunzipSync],
  ['x-gzip', gunzipSync],
  ['deflate', (bytes, options) => (((bytes[0] ?? 0) & 0x0f) === ZLIB_METHOD ? inflateSync(bytes, options) : inflateRawSync(bytes, options))],
  ['br', brotliDecompressSync],
  ['zstd', zstdDecompressSync],
])

export interface DecodedBody {
  /** Codings that were undone, outermost last, as the header lists them. */
  readonly codings: readonly string[]
  /** `undefined` where a coding is unknown, the data damaged, or a limit exceeded: it cannot be scanned, and must not pass. */
  readonly bytes: Buffer | undefined
}

export function decodeBody(headers: RawHeaders, body: Buffer): DecodedBody {
  const codings = headerTokens(headers, 'content-encoding').filter((coding) => coding !== 'identity')
  if (codings.length === 0) return { codings, bytes: body }
  return { codings, bytes: codings.length > MAX_CODINGS ? undefined : codings.reduceRight<Buffer | undefined>(undo, body) }
}

function undo(bytes: Buffer | undefined, coding: string): Buffer | undefined {
  const decode = DECODERS.get(coding)
  if (bytes === undefined || decode === undefined) return undefined
  try {
    return decode(bytes, { maxOutputLength: Math.min(MAX_DECODED_BYTES, Math.max(RATIO_FREE_BYTES, bytes.length * MAX_RATIO)) })
  } catch {
    return undefined
  }
}
