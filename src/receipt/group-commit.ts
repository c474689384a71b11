/**
 * Group commit: lines wait for one write and one fdatasync together. Self-clocked: a flush starts when the last one has
 * ended, so there is no timer, and the more wait the cheaper each becomes. After the first error nothing is tried again.
 */

import type { Clock } from '../base/clock.ts'
import { RecorderError, faultOf } from './recorder-error.ts'
import type { RecorderFiles, ShardWriter } from './recorder-files.ts'

/** `durable`: acknowledged after fdatasync. `buffered`: after the write; a power cut may take what was acknowledged. */
export type Durability = 'durable' | 'buffered'

/** A place in the receipt chain: session, `chain_seq` and hash of a receipt. */
export interface ChainHead {
  readonly session: string
  readonly seq: number
  readonly hash: string
}

/** How far the acknowledged lines reach. */
export interface Mark {
  readonly head: ChainHead
  readonly shard: string
  /** Length of the shard up to there, in bytes. */
  readonly shardBytes: number
}

export interface CommitStats {
  /** Entries that wait, those in flight included. */
  queued: number
  flushes: number
  /** fdatasync calls that succeeded, and the milliseconds they took together and at most. */
  syncs: number
  syncTotalMs: number
  syncMaxMs: number
}

interface Batch {
  readonly shard: string
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: RecorderError) => void
  text: string
  entries: number
  head: ChainHead
}

export interface CommitOptions {
  readonly files: RecorderFiles
  readonly durability: Durability
  readonly clock: Clock
  /** After each flush, before its waiters go on. */
  readonly onCommit: (mark: Mark, bytes: number) => void
  /** After each fdatasync that succeeded. */
  readonly onSync: (tookMs: number) => void
  /** Once, before the waiters are refused. No line is written after it. */
  readonly onFailure: (error: RecorderError, shard: string) => void
}

export class GroupCommit {
  readonly stats: CommitStats = { queued: 0, flushes: 0, syncs: 0, syncTotalMs: 0, syncMaxMs: 0 }
  readonly #options: CommitOptions
  readonly #batches: Batch[] = []
  #flushing: Batch | undefined
  #scheduled = false
  #writer: ShardWriter | undefined
  #shard = ''
  #shardBytes = 0
  #failure: RecorderError | undefined

  constructor(options: CommitOptions) {
    this.#options = options
  }

  /**
   * @param shard file the line belongs to; another name than before closes that file and makes this one
   * @param head the chain's head once this line is written
   * @returns resolves when the line is acknowledged; rejects with a RecorderError. Shared by all lines of one flush.
   */
  push(line: string, shard: string, head: ChainHead): Promise<void> {
    if (this.#failure !== undefined) return refusedPromise(this.#failure)
    let batch = this.#batches.at(-1)
    if (batch?.shard !== shard) {
      batch = createBatch(shard, head)
      this.#batches.push(batch)
    }
    batch.text += line
    batch.entries++
    batch.head = head
    this.stats.queued++
    this.#schedule()
    return batch.promise
  }

  /** Waits for everything pushed so far and closes the file. @throws {RecorderError} when it did not become durable */
  async end(): Promise<void> {
    const last = this.#batches.at(-1) ?? this.#flushing
    await last?.promise
    if (this.#failure !== undefined) throw this.#failure
    try {
      await this.#closeShard()
    } catch (cause) {
      throw new RecorderError(`the evidence file cannot be closed: ${faultOf(cause)}`, { cause })
    }
  }

  /** Lets go of the file after a failure. Never throws. */
  async abandon(): Promise<void> {
    const writer = this.#writer
    this.#writer = undefined
    await writer?.close().catch(() => undefined)
  }

  #schedule(): void {
    if (this.#scheduled || this.#flushing !== undefined) return
    // Not at once: what other sockets bring in this turn of the event loop shares the flush.
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    const batch = this.#batches.shift()
    if (batch === undefined) return
    this.#flushing = batch
    if (batch.shard === this.#shard && this.#writer !== undefined) {
      this.#write(batch, this.#writer)
      return
    }
    this.#openShard(batch.shard).then(
      (writer) => {
        this.#write(batch, writer)
      },
      (error: unknown) => {
        this.#fail(batch, error)
      },
    )
  }

  async #openShard(shard: string): Promise<ShardWriter> {
    await this.#closeShard()
    const writer = await this.#options.files.create(shard)
    this.#writer = writer
    this.#shard = shard
    this.#shardBytes = 0
    return writer
  }

  async #closeShard(): Promise<void> {
    const writer = this.#writer
    if (writer === undefined) return
    if (this.#options.durability === 'buffered') {
      await new Promise<void>((resolve, reject) => {
        writer.sync((error) => {
          if (error === null) resolve()
          else reject(error)
        })
      })
    }
    this.#writer = undefined
    await writer.close()
  }

  #write(batch: Batch, writer: ShardWriter): void {
    const bytes = Buffer.from(batch.text)
    batch.text = ''
    writer.write(bytes, (error) => {
      if (error !== null) this.#fail(batch, error)
      else if (this.#options.durability === 'buffered') this.#acknowledge(batch, bytes.length)
      else this.#sync(batch, writer, bytes.length)
    })
  }

  #sync(batch: Batch, writer: ShardWriter, bytes: number): void {
    const startedMs = this.#options.clock.monotonicMs()
    writer.sync((error) => {
      if (error !== null) {
        this.#fail(batch, error)
        return
      }
      const tookMs = this.#options.clock.monotonicMs() - startedMs
      this.stats.syncs++
      this.stats.syncTotalMs += tookMs
      this.stats.syncMaxMs = Math.max(this.stats.syncMaxMs, tookMs)
      this.#options.onSync(tookMs)
      this.#acknowledge(batch, bytes)
    })
  }

  #acknowledge(batch: Batch, bytes: number): void {
    this.#flushing = undefined
    this.#shardBytes += bytes
    this.stats.queued -= batch.entries
    this.stats.flushes++
    this.#options.onCommit({ head: batch.head, shard: batch.shard, shardBytes: this.#shardBytes }, bytes)
    batch.resolve()
    // The next one starts now, not with the next push: this is the clock.
    if (this.#batches.length > 0) this.#flush()
  }

  #fail(batch: Batch, cause: unknown): void {
    const error = new RecorderError(`the evidence file cannot be written: ${faultOf(cause)}`, { cause })
    this.#failure = error
    this.#flushing = undefined
    this.stats.queued = 0
    this.#options.onFailure(error, batch.shard)
    batch.reject(error)
    for (const waiting of this.#batches.splice(0)) waiting.reject(error)
  }
}

function createBatch(shard: string, head: ChainHead): Batch {
  let resolve: () => void = () => undefined
  let reject: (error: RecorderError) => void = () => undefined
  const promise = new Promise<void>((onCommit, onFailure) => {
    resolve = onCommit
    reject = onFailure
  })
  markHandled(promise)
  return { shard, promise, resolve, reject, text: '', entries: 0, head }
}

function refusedPromise(error: RecorderError): Promise<void> {
  const refused = Promise.reject(error)
  markHandled(refused)
  return refused
}

/** Nobody need wait for an outcome; a failed one is told by `onFailure`, and must not end the process as unhandled. */
function markHandled(promise: Promise<unknown>): void {
  promise.catch(() => undefined)
}
