/** Reads a request body into memory, up to a limit, with a time-out between chunks. */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Denial } from '../model/denial.ts'
import type { BodyLimits } from '../model/exchange.ts'
import { headerValue } from '../model/raw-headers.ts'

const EMPTY = Buffer.alloc(0)
/** Who reads the body of a message now. */
const READERS = new WeakMap<IncomingMessage, (denial: Denial) => void>()

/**
 * Tells the reader of a body that what follows cannot be read: it ended, took too long, or is no HTTP.
 *
 * @returns whether anybody was reading
 */
export function cutBody(request: IncomingMessage, denial: Denial): boolean {
  const reader = READERS.get(request)
  reader?.(denial)
  return reader !== undefined
}

/** @returns whether the head announces a body */
export function hasBody(request: IncomingMessage): boolean {
  const length = headerValue(request.rawHeaders, 'content-length')
  return headerValue(request.rawHeaders, 'transfer-encoding') !== undefined || (length !== undefined && Number(length) > 0)
}

/**
 * Reads the body once, and answers `Expect: 100-continue` first.
 *
 * @returns the bytes, or `body_too_large`, `held_bytes_exhausted`, `body_incomplete`, `request_timeout`; what was taken stays taken
 */
export function readBody(request: IncomingMessage, response: ServerResponse, limits: BodyLimits): Promise<Buffer | Denial> {
  if (!hasBody(request)) return Promise.resolve(EMPTY)
  if (Number(headerValue(request.rawHeaders, 'content-length') ?? 0) > limits.maxBytes) return Promise.resolve(tooLarge(limits))
  if (headerValue(request.rawHeaders, 'expect') !== undefined) response.writeContinue()
  return collect(request, limits)
}

function collect(request: IncomingMessage, limits: BodyLimits): Promise<Buffer | Denial> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    const finish = (result: Buffer | Denial): void => {
      clearTimeout(timer)
      READERS.delete(request)
      request.off('data', onData).off('end', onEnd).off('error', onCut).off('close', onCut)
      // A later error of the abandoned stream has no other listener, and would end the process.
      request.on('error', () => undefined)
      request.pause()
      resolve(result)
    }
    const onData = (chunk: Buffer): void => {
      size += chunk.length
      if (size > limits.maxBytes) finish(tooLarge(limits))
      else if (!limits.take(chunk.length)) finish({ reason: 'held_bytes_exhausted', detail: 'max_held_bytes reached' })
      else {
        chunks.push(chunk)
        timer.refresh()
      }
    }
    const onEnd = (): void => {
      finish(chunks.length === 1 ? (chunks[0] ?? EMPTY) : Buffer.concat(chunks, size))
    }
    const onCut = (): void => {
      finish({ reason: 'body_incomplete', detail: `ended after ${size} bytes` })
    }
    const timer = setTimeout(() => {
      finish({ reason: 'request_timeout', detail: `no body data for ${limits.idleMs} ms` })
    }, limits.idleMs)
    READERS.set(request, finish)
    request.on('data', onData).on('end', onEnd).on('error', onCut).on('close', onCut)
  })
}

function tooLarge({ maxBytes }: BodyLimits): Denial {
  return { reason: 'body_too_large', detail: `over ${maxBytes} bytes` }
}
