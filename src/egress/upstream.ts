/** What egress tells of one call upstream, and what may be asked of it while it runs. */

import type { BlockReason } from '../model/block-reason.ts'
import type { Denial } from '../model/denial.ts'
import type { ResponseHead } from '../model/exchange.ts'

export interface UpstreamFailure {
  readonly reason: BlockReason
  /** Error codes only, never data of the exchange. */
  readonly detail: string
}

/** Receives one answer. `onHead`, then `onData` any number of times, then `onEnd` or `onFail`; `onFail` may come at any point. */
export interface UpstreamSink {
  /** Called synchronously before the first byte is written: the last moment at which the request can be refused. */
  onSend(): Denial | undefined
  /** An interim answer (102, 103). */
  onInform(head: ResponseHead): void
  onHead(head: ResponseHead): void
  /** The chunk is only valid during the call where it is a view of a shared buffer: it never is here. */
  onData(chunk: Buffer): void
  onEnd(): void
  onFail(failure: UpstreamFailure): void
}

export interface UpstreamCall {
  pause(): void
  resume(): void
  /** Ends the call; the sink hears nothing more. */
  abort(): void
}
