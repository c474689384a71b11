/** From the header in which trusted proxies name their clients to the one client, right to left. */

import type { IpAddress } from '../base/ip-address.ts'
import { headerValues, type RawHeaders } from '../model/raw-headers.ts'
import { HOP_FORMATS } from './parse-hops.ts'

export interface HopFault {
  /** For the operator's log; never contains text of the header. */
  readonly fault: string
}

/**
 * Only a trusted hop's own element is worth anything, and each hop appends: so the walk goes from the right, over
 * elements that are themselves trusted hops, to the first that is not. What stands left of it, the client may have written.
 * Where every element is a trusted hop, the leftmost is the client: a proxy that calls on its own behalf.
 *
 * @param headers of a request whose TCP peer is a trusted hop
 */
export function walkHops(
  headers: RawHeaders,
  field: 'x-forwarded-for' | 'forwarded',
  isTrusted: (address: IpAddress) => boolean,
): IpAddress | HopFault {
  const { splitLine, parseElement } = HOP_FORMATS[field]
  let leftmost: IpAddress | undefined
  for (const line of headerValues(headers, field).reverse()) {
    // A line is split only when the walk reaches it: a client's unclosed quote spoils no line that a hop has added.
    const elements = splitLine(line)
    if (elements === undefined) return { fault: `${field}: a trusted proxy sent a line with an unclosed quote` }
    for (const element of elements.reverse()) {
      const address = parseElement(element)
      if (address === undefined) return { fault: `${field}: an element before the first untrusted one has no readable address` }
      if (!isTrusted(address)) return address
      leftmost = address
    }
  }
  return leftmost ?? { fault: `${field}: a trusted proxy sent a request without it` }
}
