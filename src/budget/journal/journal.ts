/**
 * The journal: rows become durable in groups, one write and two syncs for all that wait. Self-clocked, like the recorder's
 * commit. After an error nothing is tried again on the same file; a whole new one is written, not sooner than a second later.
 */

import { crc32 } from 'node:zlib'

import type { Row } from '../row.ts'
import type { BootClock, JournalAppender, JournalFiles } from './journal-files.ts'
import { encodeLine } from './journal-line.ts'
import { encodeMark, MARK_SLOTS, slotOf, type Mark } from './mark.ts'

export interface JournalOptions {
  readonly files: JournalFiles
  /** Time of the ledger, which never steps back. */
  readonly nowMs: () => number
  readonly bootClock: BootClock
  /** All that is to be kept, credit included. */
  readonly snapshot: () => readonly Row[]
  /** Generation and serial of what was read. */
  readonly after: { readonly generation: number; readonly serial: number }
}

interface Waiting {
  readonly line: string
  readonly resolve: (isDurable: boolean) => void
}

/** A file may grow to this, or to a multiple of what a snapshot needs, before it is written anew. */
const COMPACT_ABOVE_BYTES = 1_048_576
const COMPACT_GROWTH = 4
const RETRY_AFTER_MS = 1000
/** Lines that may wait: beyond it the disk is not taking them. */
const MAX_WAITING = 100_000

export class Journal {
  readonly #options: JournalOptions
  #waiting: Waiting[] = []
  #flushing: Promise<void> | undefined
  #appender: JournalAppender | undefined
  #mark: Mark
  #snapshotBytes = 0
  #failedMs = -Infinity
  #isClosed = false
  /** Times that rows were made durable, for metrics. */
  commits = 0

  constructor(options: JournalOptions) {
    this.#options = options
    this.#mark = { ...options.after, bytes: 0, checksum: 0 }
  }

  /** Whether the disk took the last commit. */
  get isWritable(): boolean {
    return this.#failedMs === -Infinity
  }

  /** Begins with a snapshot. @returns whether it is durable */
  start(): Promise<boolean> {
    return this.#attempt(() => this.#compact())
  }

  /** @returns whether the rows are durable. Never rejects. Rows of later calls become durable no sooner. */
  append(rows: readonly Row[]): Promise<boolean> {
    const isHopeless = this.#isClosed || this.#waiting.length >= MAX_WAITING || this.#options.nowMs() - this.#failedMs < RETRY_AFTER_MS
    if (isHopeless) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.#waiting.push({ line: encodeLine({ nowMs: this.#options.nowMs(), rows }), resolve })
      this.#flushing ??= this.#flush()
    })
  }

  /** Waits for what is under way, writes a last snapshot, and lets go of the files. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#flushing
    await this.#attempt(() => this.#compact())
    await this.#appender?.close().catch(() => undefined)
    await this.#options.files.close().catch(() => undefined)
  }

  async #flush(): Promise<void> {
    // Not at once: what other sockets bring in this turn of the event loop shares the flush.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      const isDurable = await this.#attempt(() => this.#commit(batch))
      for (const { resolve } of batch) resolve(isDurable)
    }
    this.#flushing = undefined
  }

  async #attempt(act: () => Promise<void>): Promise<boolean> {
    try {
      await act()
      this.#failedMs = -Infinity
      this.commits++
      return true
    } catch {
      this.#failedMs = this.#options.nowMs()
      await this.#appender?.close().catch(() => undefined)
      this.#appender = undefined
      return false
    }
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    if (this.#appender === undefined || this.#mark.bytes > Math.max(COMPACT_ABOVE_BYTES, COMPACT_GROWTH * this.#snapshotBytes)) await this.#compact()
    const bytes = Buffer.from(batch.map(({ line }) => line).join(''))
    await this.#appender?.append(bytes)
    await this.#acknowledge({ bytes: this.#mark.bytes + bytes.length, checksum: crc32(bytes, this.#mark.checksum) })
  }

  /** A new generation: first whole under its name, then both marks, then the old one goes. */
  async #compact(): Promise<void> {
    const { files, nowMs, bootClock, snapshot } = this.#options
    // Those whose rows became durable a moment ago must have heard of it: the snapshot replaces the file that says so.
    await new Promise((resolve) => setImmediate(resolve))
    if (this.#mark.serial === 0) await this.#acknowledge({ bytes: 0, checksum: 0 })
    const generation = this.#mark.generation + 1
    const boot = bootClock()
    const header = encodeLine({ generation, nowMs: nowMs(), ...(boot !== undefined && { boot }) })
    const bytes = Buffer.from(header + encodeLine({ nowMs: nowMs(), rows: snapshot() }))
    const appender = await files.create(generation, bytes)
    await this.#appender?.close()
    this.#appender = appender
    this.#snapshotBytes = bytes.length
    this.#mark = { ...this.#mark, generation }
    for (let slot = 0; slot < MARK_SLOTS; slot++) await this.#acknowledge({ bytes: bytes.length, checksum: crc32(bytes) })
    await files.removeBut(generation)
  }

  async #acknowledge(reach: { bytes: number; checksum: number }): Promise<void> {
    const mark = { ...this.#mark, ...reach, serial: this.#mark.serial + 1 }
    // Before the write: a mark that failed may still reach the disk, and its number must not be used twice.
    this.#mark = { ...this.#mark, serial: mark.serial }
    await this.#options.files.writeMark(slotOf(mark), encodeMark(mark))
    this.#mark = mark
  }
}
