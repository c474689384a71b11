/** The origin of a captured request: said by the caller, or both schemes with its Host, of which the signature admits one at most. */

import { normalizedAuthority } from '../../envelope/http-message.ts'
import type { PublicOrigin } from '../../envelope/read-envelope.ts'
import { headerValues, type RawHeaders } from '../../model/raw-headers.ts'
import { CaptureError } from './captured-request.ts'

const ORIGIN = /^(https?):\/\/([^/?#@\s]+)\/?$/i

/** @throws {CaptureError} where `origin` is none */
export function originsOf(headers: RawHeaders, origin: string | undefined): readonly [PublicOrigin, ...PublicOrigin[]] {
  if (origin === undefined) {
    const [host = ''] = headerValues(headers, 'host')
    return [originOf('https', host), originOf('http', host)]
  }
  const [, scheme = '', authority = ''] = ORIGIN.exec(origin) ?? []
  if (authority === '') throw new CaptureError('expected an origin like https://b.example')
  return [originOf(scheme.toLowerCase() === 'http' ? 'http' : 'https', authority)]
}

function originOf(scheme: 'http' | 'https', authority: string): PublicOrigin {
  return { scheme, authority: normalizedAuthority(authority, scheme) }
}
