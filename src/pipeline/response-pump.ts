/**
 * Carries one answer from the origin to the caller: held until it is whole where it is small, streamed chunk by chunk where
 * it is not. Counts, hashes and screens every byte before the caller sees it; stops both sides when either must stop.
 */

import { createHash, hash, type Hash } from 'node:crypto'

import type { UpstreamCall, UpstreamFailure, UpstreamSink } from '../egress/index.ts'
import { BLOCK_REASONS } from '../model/block-reason.ts'
import type { Cleared } from '../model/cleared.ts'
import type { Denial } from '../model/denial.ts'
import type { Reply, ResponseHead } from '../model/exchange.ts'
import { headerTokens, headerValue } from '../model/raw-headers.ts'
import { passedVerdict, refusedEnding, type Ending, type Passage } from './passage.ts'
import { joinCleared, type ResponseScreen } from './screen-response.ts'

export interface PumpOptions {
  readonly passage: Passage
  readonly reply: Reply
  readonly screen: ResponseScreen
  /** Looks once more whether the exchange may go on, synchronously with its first byte. */
  readonly recheck: () => Denial | undefined
  /** Told of every body byte that came down. @returns a denial where the profile's data rate is exceeded in mid-stream: none today */
  readonly meter: (bytes: number) => void
  /** Longest wait for the head beside the route's own; absent: none. */
  readonly headWithinMs?: number
  /** Reserves memory for held bytes. */
  readonly take: (bytes: number) => boolean
  /** Called once, before the last byte of the reply or its abort. */
  readonly onEnding: (ending: Ending) => void
}

const OWN_FAULT: Denial = { reason: 'internal_error', detail: 'the answer cannot be written' }

type Phase = 'waiting' | 'holding' | 'streaming' | 'over'

export class ResponsePump implements UpstreamSink {
  readonly #options: PumpOptions
  readonly #limit: number
  readonly finished: Promise<void>
  #finish: () => void = () => undefined
  #fail: (thrown: Error) => void = () => undefined
  #call: UpstreamCall | undefined
  #phase: Phase = 'waiting'
  #head: ResponseHead | undefined
  #held: Cleared<Buffer>[] = []
  #heldBytes = 0
  #hash: Hash | undefined
  #stall: NodeJS.Timeout | undefined
  #overdue: NodeJS.Timeout | undefined

  constructor(options: PumpOptions) {
    this.#options = options
    this.#limit = options.passage.policy.limits.maxHeldResponseBytes
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve
      this.#fail = reject
    })
  }

  /** Binds the call whose sink this is. */
  attach(call: UpstreamCall): void {
    this.#call = call
    const { headWithinMs } = this.#options
    if (this.#phase === 'over') call.abort()
    else if (this.#phase === 'waiting' && headWithinMs !== undefined) {
      this.#overdue = setTimeout(() => {
        call.abort()
        this.onFail({ reason: 'upstream_timeout', detail: 'the time for the head of the answer is over' })
      }, headWithinMs)
    }
  }

  /** Stops the exchange from our side: kill switch, shutdown, a refused answer. */
  stop(denial: Denial): void {
    if (this.#phase === 'over') return
    this.#call?.abort()
    this.#endBadly(denial, { status: this.#statusSoFar(denial), reason: denial.reason, verdict: 'block' })
  }

  /** The caller went away: nobody is left to be told. */
  callerGone(): void {
    if (this.#phase === 'over') return
    this.#call?.abort()
    this.#over({ status: this.#head?.status ?? 0, reason: 'client_aborted', verdict: passedVerdict(this.#options.passage) })
    this.#finish()
  }

  onSend(): Denial | undefined {
    if (this.#phase === 'over') return { reason: 'client_gone', detail: 'the caller went away before its request was sent' }
    return this.#options.recheck()
  }

  onInform(head: ResponseHead): void {
    if (this.#phase === 'waiting' && this.#options.screen.head(head) === undefined) this.#options.reply.inform(head)
  }

  onHead(head: ResponseHead): void {
    if (this.#phase !== 'waiting') return
    clearTimeout(this.#overdue)
    const denial = this.#options.screen.head(head)
    this.#head = this.#options.screen.shape(head)
    if (denial !== undefined) {
      this.stop(denial)
      return
    }
    if (mustStream(head, this.#limit)) this.#startStreaming(this.#head)
    else this.#phase = 'holding'
  }

  onData(chunk: Buffer): void {
    if (this.#phase === 'over') return
    const { passage, meter, screen } = this.#options
    passage.bytesDown += chunk.length
    meter(chunk.length)
    const cleared = screen.push(chunk)
    if ('reason' in cleared) this.stop(cleared)
    else if (this.#phase === 'holding') this.#hold(cleared, chunk)
    else this.#writeOn(cleared, chunk)
  }

  onEnd(): void {
    if (this.#phase === 'over') return
    const last = this.#options.screen.finish()
    if ('reason' in last) {
      this.stop(last)
      return
    }
    const head = this.#head
    if (head === undefined) return
    try {
      this.#endWell(head, last)
    } catch (thrown) {
      // Whoever called does not know what to do with it, and an exchange that never ends would keep its place for ever.
      this.#endBadly(OWN_FAULT, { status: this.#statusSoFar(OWN_FAULT), reason: OWN_FAULT.reason, verdict: 'block' })
      if (!(thrown instanceof Error)) throw thrown
    }
  }

  #endWell(head: ResponseHead, last: Cleared<Buffer>): void {
    const { passage, reply } = this.#options
    const wasHolding = this.#phase === 'holding'
    if (last.length > 0) this.#held.push(last)
    const body = joinCleared(this.#held)
    this.#noteDigest(body, wasHolding)
    // First, since it can fail: the outcome must not tell of an answer that could not be begun.
    if (wasHolding) reply.start(heldHead(head, body.length))
    this.#over({ status: head.status, reason: head.framing === 'close' ? 'upstream_truncated' : 'completed', verdict: passedVerdict(passage) })
    if (body.length > 0) void reply.write(body)
    void reply.end().then(this.#finish, this.#fail)
  }

  onFail(failure: UpstreamFailure): void {
    if (this.#phase === 'over') return
    this.#endBadly(failure, { ...refusedEnding(failure, this.#options.passage), status: this.#statusSoFar(failure) })
  }

  #statusSoFar({ reason }: Pick<Denial, 'reason'>): number {
    return this.#phase === 'streaming' && this.#options.reply.holds === undefined ? (this.#head?.status ?? 0) : BLOCK_REASONS[reason].httpStatus
  }

  #startStreaming(head: ResponseHead): void {
    this.#phase = 'streaming'
    if (head.framing !== 'none') this.#hash = createHash('sha256')
    this.#options.reply.start(head)
  }

  #hold(cleared: Cleared<Buffer>, raw: Buffer): void {
    if (this.#heldBytes + raw.length <= this.#limit && this.#options.take(raw.length)) {
      this.#heldBytes += raw.length
      this.#held.push(cleared)
      return
    }
    const head = this.#head
    if (head === undefined) return
    const soFar = this.#held
    this.#held = []
    this.#startStreaming(head)
    for (const part of soFar) this.#write(part)
    this.#writeOn(cleared, raw)
  }

  /** Where the surface itself holds the body, its memory is counted, and its limit is ours. */
  #writeOn(cleared: Cleared<Buffer>, raw: Buffer): void {
    const { passage, reply, take } = this.#options
    const { holds } = reply
    if (holds !== undefined && passage.bytesDown > holds.maxBytes) {
      this.stop({ reason: 'response_too_large', detail: `over ${holds.maxBytes} bytes` })
    } else if (holds !== undefined && !take(raw.length)) {
      this.stop({ reason: 'held_bytes_exhausted', detail: 'max_held_bytes reached' })
    } else this.#write(cleared)
  }

  #write(chunk: Cleared<Buffer>): void {
    if (chunk.length === 0) return
    this.#hash?.update(chunk)
    const waiting = this.#options.reply.write(chunk)
    if (waiting === undefined || this.#stall !== undefined) return
    this.#call?.pause()
    const idleMs = this.#options.passage.policy.timeouts.responseIdleMs
    this.#stall = setTimeout(() => {
      this.stop({ reason: 'client_gone', detail: `the caller read nothing for ${idleMs} ms` })
    }, idleMs)
    void waiting.then(() => {
      clearTimeout(this.#stall)
      this.#stall = undefined
      this.#call?.resume()
    })
  }

  /** @param rest the whole body where it was held, else what had not been written yet */
  #noteDigest(rest: Buffer, isWhole: boolean): void {
    const { passage } = this.#options
    if (passage.bytesDown === 0) return
    const digest = isWhole ? hash('sha256', rest, 'base64') : this.#hash?.update(rest).digest('base64')
    if (digest !== undefined) passage.responseDigest = `sha-256=:${digest}:`
  }

  #endBadly(denial: Denial | UpstreamFailure, ending: Ending): void {
    const { passage, reply } = this.#options
    const hasStarted = this.#phase === 'streaming' && reply.holds === undefined
    this.#over(ending)
    try {
      if (hasStarted) reply.abort(denial)
      else reply.refuse({ denial, actionId: passage.exchange.id, url: passage.shownTarget, agent: passage.profile.name })
      this.#finish()
    } catch (thrown) {
      // The surface destroys the connection then: nobody can be told anything on it.
      this.#fail(thrown instanceof Error ? thrown : new TypeError('the answer cannot be written'))
    }
  }

  #over(ending: Ending): void {
    this.#phase = 'over'
    clearTimeout(this.#stall)
    clearTimeout(this.#overdue)
    this.#options.onEnding(ending)
  }
}

/** @returns whether the answer cannot be held: an event stream never ends, and what is announced as too large is not waited for */
function mustStream(head: ResponseHead, limit: number): boolean {
  if (head.framing === 'none') return false
  if (headerTokens(head.headers, 'content-type')[0]?.startsWith('text/event-stream') === true) return true
  return head.framing === 'length' && Number(headerValue(head.headers, 'content-length')) > limit
}

/** A held body has a known length, which spares the caller the chunks. One framed by close keeps its doubt. */
function heldHead(head: ResponseHead, length: number): ResponseHead {
  if (head.framing !== 'chunked') return head
  return { ...head, framing: 'length', headers: [...head.headers, 'Content-Length', String(length)] }
}
