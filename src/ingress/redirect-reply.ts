/** Catches a redirect before the caller sees it, so that /fetch can follow it as a new exchange (RFC 9110 §15.4). */

import { uuidV7 } from '../base/uuid.ts'
import type { Cleared } from '../model/cleared.ts'
import type { Denial } from '../model/denial.ts'
import type { BodyLimits, Exchange, Refusal, Reply, ResponseHead, Target } from '../model/exchange.ts'
import { headerValue, withoutHeaders, type RawHeaders } from '../model/raw-headers.ts'
import { parseAbsoluteTarget } from './parse-target.ts'

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const EMPTY = Buffer.alloc(0)
/** Not carried to another origin: they were meant for the one that the caller named. */
const ORIGIN_BOUND: ReadonlySet<string> = new Set(['authorization', 'cookie', 'cookie2', 'proxy-authorization', 'www-authenticate', 'origin', 'referer'])
/** Not carried where the body is dropped. */
const BODY_FIELDS: ReadonlySet<string> = new Set(['content-type', 'content-encoding', 'content-language', 'content-location', 'content-length', 'content-digest', 'transfer-encoding'])

export class RedirectReply implements Reply {
  readonly #reply: Reply
  #exchange: Exchange | undefined
  #body: Buffer = EMPTY
  #status = 0
  /** Where the origin sends the caller, resolved; set only for a redirect that can be followed. */
  location: Target | undefined

  constructor(reply: Reply) {
    this.#reply = reply
  }

  /** The body of a redirect that is followed goes nowhere, and is not held. */
  get holds(): Reply['holds'] {
    return this.location === undefined ? this.#reply.holds : undefined
  }

  get exchange(): Exchange | undefined {
    return this.#exchange
  }

  get body(): Buffer {
    return this.#body
  }

  get status(): number {
    return this.#status
  }

  /** @returns the exchange, its body remembered: a 307 or 308 sends it again */
  watch(exchange: Exchange): Exchange {
    this.#exchange = exchange
    return {
      ...exchange,
      readBody: async (limits: BodyLimits) => {
        const body = await exchange.readBody(limits)
        if (Buffer.isBuffer(body)) this.#body = body
        return body
      },
    }
  }

  inform(head: ResponseHead): void {
    this.#reply.inform(head)
  }

  start(head: ResponseHead): void {
    const location = REDIRECTS.has(head.status) ? headerValue(head.headers, 'location') : undefined
    const target = location === undefined || this.#exchange === undefined ? undefined : resolveLocation(this.#exchange.head.target, location)
    if (target === undefined) {
      this.#reply.start(head)
      return
    }
    this.#status = head.status
    this.location = target
  }

  write(chunk: Cleared<Buffer>): Promise<void> | undefined {
    return this.location === undefined ? this.#reply.write(chunk) : undefined
  }

  end(): Promise<void> {
    return this.location === undefined ? this.#reply.end() : Promise.resolve()
  }

  abort(reason: Denial): void {
    if (this.location === undefined) {
      this.#reply.abort(reason)
      return
    }
    // The redirect was cut: nothing was told to the caller yet, so it is told now.
    this.location = undefined
    this.#reply.refuse({ denial: reason, actionId: this.#exchange?.id ?? '', url: '', agent: '' })
  }

  refuse(refusal: Refusal): void {
    this.location = undefined
    this.#reply.refuse(refusal)
  }
}

/** @returns the next exchange: a new id, the method as RFC 9110 §15.4 says, the fields that another origin must not see gone */
export function redirected(hop: RedirectReply, nowMs: number): Exchange | undefined {
  const { exchange, location, status, body } = hop
  if (exchange === undefined || location === undefined) return undefined
  const { method } = exchange.head
  const becomesGet = (status === 303 && method !== 'HEAD') || ((status === 301 || status === 302) && method === 'POST')
  const keptBody = becomesGet ? EMPTY : body
  return {
    ...exchange,
    // The time of arrival stays that of the caller's request: the wait for the answer is one, redirects included.
    id: uuidV7(nowMs),
    causedBy: exchange.id,
    head: {
      method: becomesGet ? 'GET' : method,
      target: location,
      headers: carriedHeaders(exchange.head.headers, isSameOrigin(exchange.head.target, location), becomesGet),
      hasBody: keptBody.length > 0,
    },
    readBody: (limits) => {
      if (keptBody.length > limits.maxBytes || !limits.take(keptBody.length)) return Promise.resolve({ reason: 'held_bytes_exhausted', detail: 'max_held_bytes reached' })
      return Promise.resolve(keptBody)
    },
  }
}

function carriedHeaders(headers: RawHeaders, sameOrigin: boolean, dropsBody: boolean): RawHeaders {
  const dropped = new Set([...(sameOrigin ? [] : ORIGIN_BOUND), ...(dropsBody ? BODY_FIELDS : [])])
  return dropped.size === 0 ? headers : withoutHeaders(headers, dropped)
}

function isSameOrigin(a: Target, b: Target): boolean {
  return a.scheme === b.scheme && a.host === b.host && a.port === b.port
}

/** @returns the target that a Location names (RFC 3986 §5), or `undefined` where it cannot be followed */
function resolveLocation(base: Target, location: string): Target | undefined {
  const host = base.host.includes(':') ? `[${base.host}]` : base.host
  const baseUrl = `${base.scheme}://${host}:${base.port}${base.path}`
  if (!URL.canParse(location, baseUrl)) return undefined
  const parsed = parseAbsoluteTarget(new URL(location, baseUrl).href, 'drop')
  return 'reason' in parsed ? undefined : parsed
}
