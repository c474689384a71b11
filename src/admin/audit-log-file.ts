/**
 * Appends lines to a file or a standard stream without making anybody wait: a bounded queue, one write at a time. Lines
 * that find the queue full, or a disk that refuses them, are lost and counted; the receipts are the evidence, not this log.
 */

import { closeSync, openSync, write, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

export interface LineWriter {
  write(line: string): void
  /** Opens the file anew after it was renamed; where that fails the old one stays in use. Standard streams: nothing. */
  reopen(): void
  /** Writes what waits, now, as far as it can: for the last moment of a process. */
  flushSync(): void
  /** @returns once what was taken so far is written or given up */
  settle(): Promise<void>
  /** @returns once everything is written, given up, or a second has passed; later lines are lost */
  close(): Promise<void>
}

export interface LineWriterOptions {
  /** `stdout`, `stderr`, or the path of a file; it is created with mode 0600. */
  readonly output: string
  /** Told of lines that were lost, and of a file that could not be opened anew. */
  readonly onLoss: (loss: { readonly lines: number; readonly code: string }) => void
  /** Bytes that may wait; more is lost. */
  readonly maxQueuedBytes?: number
}

const STANDARD_STREAMS: ReadonlyMap<string, number> = new Map([['stdout', 1], ['stderr', 2]])
const MAX_QUEUED_BYTES = 16 * 1024 * 1024
const FILE_MODE = 0o600
const CLOSE_WAIT_MS = 1000
const BUSY_WAIT_MS = 10
const GATHER_MS = 5
/** Attempts of the last flush on a pipe that takes nothing. */
const MAX_BUSY_ATTEMPTS = 50

const writeAsync = promisify(write)

/** @throws the error of the file system where the file cannot be opened */
export function openLineWriter({ output, onLoss, maxQueuedBytes = MAX_QUEUED_BYTES }: LineWriterOptions): LineWriter {
  return new QueuedWriter(output, onLoss, maxQueuedBytes)
}

class QueuedWriter implements LineWriter {
  readonly #output: string
  readonly #onLoss: LineWriterOptions['onLoss']
  readonly #maxQueuedBytes: number
  #fd: number
  #queue: string[] = []
  #queuedBytes = 0
  #draining: Promise<void> | undefined
  /** Replaced while a write was running: closed after it. */
  #retired: number[] = []
  #closed = false

  constructor(output: string, onLoss: LineWriterOptions['onLoss'], maxQueuedBytes: number) {
    this.#output = output
    this.#onLoss = onLoss
    this.#maxQueuedBytes = maxQueuedBytes
    this.#fd = STANDARD_STREAMS.get(output) ?? openSync(output, 'a', FILE_MODE)
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line)
    if (this.#closed || this.#queuedBytes + bytes > this.#maxQueuedBytes) {
      this.#onLoss({ lines: 1, code: this.#closed ? 'closed' : 'queue_full' })
      return
    }
    this.#queue.push(line)
    this.#queuedBytes += bytes
    this.#draining ??= this.#drain()
  }

  reopen(): void {
    if (this.#closed || STANDARD_STREAMS.has(this.#output)) return
    try {
      const fd = openSync(this.#output, 'a', FILE_MODE)
      this.#retired.push(this.#fd)
      this.#fd = fd
    } catch (thrown) {
      this.#onLoss({ lines: 0, code: codeOf(thrown) })
      return
    }
    if (this.#draining === undefined) this.#closeRetired()
  }

  flushSync(): void {
    const waiting = this.#takeQueue()
    if (waiting.lines === 0) return
    let rest: Uint8Array = waiting.bytes
    let busy = 0
    while (rest.length > 0) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest))
      } catch (thrown) {
        if (codeOf(thrown) !== 'EAGAIN' || ++busy === MAX_BUSY_ATTEMPTS) {
          this.#onLoss({ lines: waiting.lines, code: codeOf(thrown) })
          return
        }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_WAIT_MS)
      }
    }
  }

  async settle(): Promise<void> {
    await this.#draining
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const givenUp = Promise.withResolvers<'late'>()
    const timer = setTimeout(givenUp.resolve, CLOSE_WAIT_MS, 'late')
    const ended = await Promise.race([this.#draining, givenUp.promise])
    clearTimeout(timer)
    // A write that hangs still uses the descriptor.
    if (ended === 'late') return
    if (!STANDARD_STREAMS.has(this.#output)) closeSync(this.#fd)
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      // Lines of some milliseconds leave in one write: one per turn costs 8 us an exchange, most of it for waking threads.
      if (!this.#closed) await sleep(GATHER_MS)
      const { bytes, lines } = this.#takeQueue()
      try {
        await writeWhole(this.#fd, bytes)
      } catch (thrown) {
        this.#onLoss({ lines, code: codeOf(thrown) })
      }
      this.#closeRetired()
    }
    this.#draining = undefined
  }

  #takeQueue(): { readonly bytes: Buffer; readonly lines: number } {
    const taken = { bytes: Buffer.from(this.#queue.join('')), lines: this.#queue.length }
    this.#queue = []
    this.#queuedBytes = 0
    return taken
  }

  #closeRetired(): void {
    for (const fd of this.#retired) closeSync(fd)
    this.#retired = []
  }
}

async function writeWhole(fd: number, bytes: Uint8Array): Promise<void> {
  let rest = bytes
  while (rest.length > 0) {
    try {
      const { bytesWritten } = await writeAsync(fd, rest)
      rest = rest.subarray(bytesWritten)
    } catch (thrown) {
      // A standard stream that somebody made non-blocking, and whose reader is slow.
      if (codeOf(thrown) !== 'EAGAIN') throw thrown
      await sleep(BUSY_WAIT_MS)
    }
  }
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown'
}
