/**
 * Between the origin and the pump of the answer: reserves every body byte before the pump has it, holds the origin back while
 * a distant store is asked, and stops the answer where the budget ends. Notes what became of the attempt.
 */

import type { UpstreamCall, UpstreamFailure, UpstreamSink } from '../egress/index.ts'
import type { Denial } from '../model/denial.ts'
import type { ResponseHead } from '../model/exchange.ts'
import { headerTokens, headerValue } from '../model/raw-headers.ts'
import { retryAfterMs } from './attempt-outcome.ts'
import type { Passage } from './passage.ts'
import type { Spending } from './spending.ts'

/** Room for the event that tells the reader of an event stream why it ends: it counts, so that the limit holds for all that is sent. */
const NOTICE_BYTES = 128

export interface MeteredSinkOptions {
  readonly passage: Passage
  readonly spending: Spending
  readonly sink: UpstreamSink & { stop(denial: Denial): void }
  /** @returns the denial for the refusal that the spending met; tells of it */
  readonly exhausted: () => Denial
  readonly nowMs: () => number
}

export class MeteredSink implements UpstreamSink {
  readonly #options: MeteredSinkOptions
  #call: UpstreamCall | undefined
  #isAsking = false
  #isPaused = false
  #isOver = false
  /** What came while the store was asked. */
  #later: (() => void)[] = []

  constructor(options: MeteredSinkOptions) {
    this.#options = options
  }

  /** @returns the call as the pump may hold it: it goes on only when neither pump nor store holds it back */
  bind(call: UpstreamCall): UpstreamCall {
    this.#call = call
    return {
      pause: () => {
        this.#isPaused = true
        call.pause()
      },
      resume: () => {
        this.#isPaused = false
        if (!this.#isAsking) call.resume()
      },
      abort: () => {
        this.#isOver = true
        call.abort()
      },
    }
  }

  onSend(): Denial | undefined {
    return this.#options.sink.onSend()
  }

  onInform(head: ResponseHead): void {
    this.#options.sink.onInform(head)
  }

  onHead(head: ResponseHead): void {
    const { passage, nowMs } = this.#options
    passage.origin = { status: head.status, isWhole: false, retryAfterMs: retryAfterMs(head, nowMs()) }
    this.#inOrder(() => {
      this.#head(head)
    })
  }

  onData(chunk: Buffer): void {
    this.#inOrder(() => {
      this.#data(chunk)
    })
  }

  onEnd(): void {
    const { passage, sink } = this.#options
    this.#inOrder(() => {
      if (passage.origin !== undefined) passage.origin = { ...passage.origin, isWhole: true }
      sink.onEnd()
    })
  }

  onFail(failure: UpstreamFailure): void {
    this.#inOrder(() => {
      this.#options.sink.onFail(failure)
    })
  }

  #inOrder(step: () => void): void {
    if (this.#isAsking) this.#later.push(step)
    else step()
  }

  /** A length that does not fit is refused while the caller can still be told so. */
  #head(head: ResponseHead): void {
    const { spending, sink } = this.#options
    const wanted = announcedBytes(head)
    if (wanted === 0 || !spending.refusesBytes) {
      sink.onHead(head)
      return
    }
    this.#ask(spending.ensure(wanted, wanted), (fits) => {
      if (!fits) this.#stop()
      else {
        if (isEventStream(head)) spending.keepForNotice(NOTICE_BYTES)
        sink.onHead(head)
      }
    })
  }

  #data(chunk: Buffer): void {
    const { spending, sink } = this.#options
    this.#ask(spending.take(chunk.length), (given) => {
      if (given > 0) sink.onData(given === chunk.length ? chunk : chunk.subarray(0, given))
      if (given < chunk.length) this.#stop()
    })
  }

  #stop(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.spending.cut()
    this.#options.sink.stop(this.#options.exhausted())
  }

  #ask<T>(answer: T | Promise<T>, then: (answer: T) => void): void {
    if (!(answer instanceof Promise)) {
      if (!this.#isOver) then(answer)
      return
    }
    this.#isAsking = true
    this.#call?.pause()
    answer
      .then((given) => {
        this.#isAsking = false
        if (!this.#isOver) then(given)
        this.#goOn()
      })
      .catch((thrown: unknown) => {
        this.#options.sink.stop({ reason: 'internal_error', detail: thrown instanceof Error ? thrown.name : typeof thrown })
      })
  }

  #goOn(): void {
    while (!this.#isAsking) {
      const step = this.#later.shift()
      if (step === undefined) break
      if (!this.#isOver) step()
    }
    if (!this.#isAsking && !this.#isPaused && !this.#isOver) this.#call?.resume()
  }
}

function announcedBytes(head: ResponseHead): number {
  // What is no safe integer fits no limit, either.
  if (head.framing === 'length') return Math.min(Number(headerValue(head.headers, 'content-length')), Number.MAX_SAFE_INTEGER)
  return isEventStream(head) ? NOTICE_BYTES : 0
}

function isEventStream(head: ResponseHead): boolean {
  return head.framing !== 'none' && headerTokens(head.headers, 'content-type')[0]?.startsWith('text/event-stream') === true
}
