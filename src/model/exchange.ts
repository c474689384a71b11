/** One thing an agent tries to do, and the answer to it. The nouns every stage takes. */

import type { Socket } from 'node:net'

import type { Connection } from './agent.ts'
import type { Cleared } from './cleared.ts'
import type { Denial } from './denial.ts'
import type { RawHeaders } from './raw-headers.ts'

/** Where exchanges come from; also the receipt's `transport`. */
export type Surface = 'forward' | 'fetch' | 'connect'

export interface Target {
  readonly scheme: 'http' | 'https'
  /** Canonical host: lower case, IDNA-encoded, IPv4 in dotted decimal, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** Origin-form that is sent upstream: path and query exactly as received, `/` where the path was empty; '' for CONNECT. */
  readonly path: string
  /** The target as the caller wrote it: what scanners read, since canonicalising can hide bytes. */
  readonly raw: string
}

export interface RequestHead {
  readonly method: string
  readonly target: Target
  /** As received. Hop-by-hop fields are removed when the outgoing request is built. */
  readonly headers: RawHeaders
  /** Whether a body is announced (`Content-Length` above 0, or chunked). */
  readonly hasBody: boolean
}

export interface Exchange {
  /** UUID version 7, also the receipt's `action_id`. */
  readonly id: string
  readonly surface: Surface
  readonly receivedAtMs: number
  readonly connection: Connection
  readonly head: RequestHead
  /** Names the caller claimed for itself (`X-Pipelock-Agent`, `?agent=`): recorded, never believed. */
  readonly claimed: readonly string[]
  /** `action_id` of the exchange that this one follows from: the redirect it answers. */
  readonly causedBy?: string
  /**
   * Reads the request body, at most once, after the gates have passed (and only then answers `Expect: 100-continue`).
   *
   * @returns the whole body, or the denial `body_too_large`, `held_bytes_exhausted`, `body_incomplete` or `request_timeout`
   */
  readBody(limits: BodyLimits): Promise<Buffer | Denial>
  /** Calls `listener` when the caller goes away before its answer is complete; at once if it already has. One listener at a time. */
  onGone(listener: () => void): void
}

export interface BodyLimits {
  readonly maxBytes: number
  /** Longest wait between two chunks. */
  readonly idleMs: number
  /** Reserves memory before a chunk is kept; `false` where none is left. */
  take(bytes: number): boolean
}

/** A request in the form in which it leaves: hop-by-hop fields removed, `Via` added, body held. */
export interface OutgoingRequest {
  readonly method: string
  readonly target: Target
  readonly headers: RawHeaders
  /** Empty where there is none. */
  readonly body: Buffer
}

export interface ResponseHead {
  readonly status: number
  readonly statusText: string
  /** End-to-end fields only. */
  readonly headers: RawHeaders
  /**
   * How the end of the body is told: `length` by the Content-Length among the headers, `chunked` by chunks, `none` where
   * there is no body, `close` where the origin told it by closing alone, which nobody can tell from a cut.
   */
  readonly framing: 'length' | 'chunked' | 'none' | 'close'
}

/** What a refused caller is told. */
export interface Refusal {
  readonly denial: Denial
  readonly actionId: string
  readonly url: string
  readonly agent: string
}

/**
 * The way back to the caller. Implemented by ingress, driven by the pipeline; nothing else writes to the caller.
 * `start` comes first and once, except that `refuse` may come instead of it.
 */
export interface Reply {
  /** Set where the surface answers only when it has the whole body: a longer one is refused, and its bytes count as held. */
  readonly holds?: { readonly maxBytes: number } | undefined
  /** An interim answer (1xx, never 100 or 101). */
  inform(head: ResponseHead): void
  start(head: ResponseHead): void
  /** @returns a promise only where the caller must be waited for (back-pressure). */
  write(chunk: Cleared<Buffer>): Promise<void> | undefined
  /** A complete answer: nothing was lost. Resolves when the last byte was handed to the operating system. */
  end(): Promise<void>
  /** Ends the answer so that no client can take it for complete. */
  abort(reason: Denial): void
  refuse(refusal: Refusal): void
  /** CONNECT only: answers 200 and gives the socket and the bytes that followed the request head. */
  openTunnel?(): TunnelSocket
}

/** The caller's end of an opened tunnel. */
export interface TunnelSocket {
  readonly socket: Socket
  readonly head: Buffer
}
