/**
 * The data path's side of a recorder that runs in a thread of its own: signing, hashing and writing there cost the event
 * loop nothing but a message per turn. Where the thread dies nothing is admitted until the next one has opened a session.
 */

import type { Worker } from 'node:worker_threads'

import type { Denial } from '../model/denial.ts'
import { faultOf, RecorderError } from './recorder-error.ts'
import type { Offered, RecorderReply, RecorderReport, RecorderRequest } from './recorder-messages.ts'
import type { Appended, Need, ReceiptRecorder, RecorderStats } from './receipt-recorder.ts'
import type { ReceiptFacts } from './receipt-facts.ts'
import type { Resumed } from './resume.ts'

export interface RecorderThreadOptions {
  /** Starts a thread that calls `serveRecorder`. Called again after one died. @param policyHash the one in force by now */
  readonly start: (policyHash: string) => Worker
  readonly policyHash: string
  /** Told of every fdatasync that succeeded, and how long it took, a little later. */
  readonly onSync: (tookMs: number) => void
  /** Wait before the first attempt after a thread died, doubled up to the maximum. */
  readonly restartMs?: { readonly first: number; readonly max: number }
}

interface Opening {
  readonly worker: Worker
  readonly resumed: Resumed
  readonly report: RecorderReport
}

const IGNORE = (): void => undefined
const RESTART_MS = { first: 250, max: 30_000 }

/** @throws {RecorderError} when the folder cannot be read, or the session_open cannot be made durable */
export async function openRecorderThread(options: RecorderThreadOptions): Promise<RecorderThread> {
  return new RecorderThread(options, await openThread(options.start(options.policyHash)))
}

/** @returns once the thread has a session */
function openThread(worker: Worker): Promise<Opening> {
  return new Promise((resolve, reject) => {
    const settle = (settled: () => void): void => {
      worker.off('error', onError).off('exit', onExit).off('message', onMessage)
      settled()
    }
    const fail = (detail: string): void => {
      settle(() => {
        // A thread that dies in its own way has nobody to tell any more.
        worker.on('error', () => undefined)
        void worker.terminate()
        reject(new RecorderError(detail))
      })
    }
    const onError = (error: unknown): void => {
      fail(`the recorder's thread failed: ${faultOf(error)}`)
    }
    const onExit = (code: number): void => {
      fail(`the recorder's thread ended with ${code}`)
    }
    const onMessage = (reply: RecorderReply): void => {
      if (reply.kind === 'opened') settle(() => { resolve({ worker, resumed: reply.resumed, report: reply.report }) })
      else fail(reply.kind === 'unopened' ? reply.detail : 'the recorder did not open')
    }
    worker.on('error', onError).on('exit', onExit).on('message', onMessage)
  })
}

type Waiter = ReturnType<typeof Promise.withResolvers<undefined>>

export class RecorderThread implements ReceiptRecorder {
  readonly resumed: Resumed
  readonly #options: RecorderThreadOptions
  #worker: Worker | undefined
  #report: RecorderReport
  #policyHash: string
  /** What was offered and not answered, in order; `undefined` where one was refused before its turn. */
  #waiting: (Waiter | undefined)[] = []
  /** Ordinal of the first that waits; per thread. */
  #firstWaiting = 0
  #outbox: Offered[] = []
  #closing: Waiter | undefined
  #restart: NodeJS.Timeout | undefined
  #attempts = 0
  #refused = 0

  /** Use `openRecorderThread`. */
  constructor(options: RecorderThreadOptions, opening: Opening) {
    this.#options = options
    this.#policyHash = options.policyHash
    this.resumed = opening.resumed
    this.#report = opening.report
    this.#attach(opening)
  }

  append(facts: ReceiptFacts, need: Need): Appended | Denial {
    if (this.#worker === undefined || this.#closing !== undefined) {
      this.#refused++
      return { reason: 'receipt_unwritable', detail: this.#closing === undefined ? "the recorder's thread is down" : 'the recorder is closed' }
    }
    const waiter: Waiter = Promise.withResolvers()
    // Nobody need wait for an outcome, and a lost one must not end the process as unhandled.
    waiter.promise.catch(IGNORE)
    this.#waiting.push(waiter)
    // What other sockets bring in this turn shares the message: 1.5 us a receipt with 16 of them, 6.4 us alone.
    if (this.#outbox.push({ facts, need }) === 1) setImmediate(this.#send)
    return { durable: waiter.promise }
  }

  durableHead(): RecorderReport['durableHead'] {
    return this.#report.durableHead
  }

  usePolicy(hash: string): void {
    this.#policyHash = hash
    this.#send()
    this.#say({ kind: 'policy', hash })
  }

  async close(reason?: string): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers()
      clearTimeout(this.#restart)
      this.#send()
      if (this.#worker === undefined) this.#closing.reject(new RecorderError("the recorder's thread is down"))
      this.#say({ kind: 'close', reason })
    }
    await this.#closing.promise
  }

  stats(): RecorderStats {
    const { stats } = this.#report
    const commit = { ...stats.commit, queued: this.#waiting.length }
    return { ...stats, commit, refused: stats.refused + this.#refused }
  }

  #say(request: RecorderRequest): void {
    this.#worker?.postMessage(request)
  }

  readonly #send = (): void => {
    if (this.#outbox.length === 0) return
    const offered = this.#outbox
    this.#outbox = []
    this.#say({ kind: 'append', offered })
  }

  #attach({ worker, report }: Opening): void {
    this.#worker = worker
    this.#report = report
    this.#firstWaiting = 0
    this.#attempts = 0
    worker.on('message', (reply: RecorderReply) => {
      if (worker === this.#worker) this.#hear(reply)
    })
    worker.on('error', (error) => {
      if (worker === this.#worker) this.#onDeath(faultOf(error))
    })
    worker.on('exit', (code) => {
      if (worker === this.#worker) this.#onDeath(`ended with ${code}`)
    })
  }

  #hear(reply: RecorderReply): void {
    if ('report' in reply) {
      this.#report = reply.report
      reply.report.syncsMs.forEach(this.#options.onSync)
    }
    if (reply.kind === 'durable') for (const waiter of this.#takeUpTo(reply.last)) waiter?.resolve(undefined)
    else if (reply.kind === 'lost') for (const waiter of this.#takeUpTo(reply.last)) waiter?.reject(errorOf(reply.denial))
    else if (reply.kind === 'refused') this.#refuse(reply.ordinal, errorOf(reply.denial))
    else if (reply.kind === 'closed') this.#onClosed(reply.fault)
  }

  #refuse(ordinal: number, error: RecorderError): void {
    const at = ordinal - this.#firstWaiting
    this.#waiting[at]?.reject(error)
    this.#waiting[at] = undefined
    this.#dropAnswered()
  }

  /** Answers come in the order of the receipts. */
  #takeUpTo(last: number): (Waiter | undefined)[] {
    const taken = this.#waiting.splice(0, last - this.#firstWaiting + 1)
    this.#firstWaiting = last + 1
    this.#dropAnswered()
    return taken
  }

  /** What was refused behind others that waited is in nobody's flush. */
  #dropAnswered(): void {
    while (this.#waiting.length > 0 && this.#waiting[0] === undefined) {
      this.#waiting.shift()
      this.#firstWaiting++
    }
  }

  #onClosed(fault: string | undefined): void {
    const worker = this.#worker
    this.#worker = undefined
    this.#abandon('the recorder is closed')
    const ended = worker?.terminate() ?? Promise.resolve(0)
    void ended.then(() => {
      if (fault === undefined) this.#closing?.resolve(undefined)
      else this.#closing?.reject(new RecorderError(fault))
    })
  }

  /** Fail closed: what waits is refused, and nothing is admitted until another thread has a session. */
  #onDeath(cause: string): void {
    this.#worker = undefined
    const detail = `the recorder's thread failed: ${cause}`
    const { stats } = this.#report
    this.#report = { ...this.#report, stats: { ...stats, state: 'failed', session: '', failures: stats.failures + 1, lastFault: detail } }
    this.#abandon(detail)
    this.#closing?.reject(new RecorderError(detail))
    this.#scheduleRestart()
  }

  #abandon(detail: string): void {
    this.#outbox = []
    const waiting = this.#waiting
    this.#waiting = []
    for (const waiter of waiting) waiter?.reject(new RecorderError(detail))
  }

  #scheduleRestart(): void {
    if (this.#closing !== undefined) return
    const { first, max } = this.#options.restartMs ?? RESTART_MS
    this.#restart = setTimeout(() => { void this.#start() }, Math.min(max, first * 2 ** this.#attempts))
    this.#attempts++
  }

  async #start(): Promise<void> {
    const policyHash = this.#policyHash
    try {
      const opening = await openThread(this.#options.start(policyHash))
      if (this.#closing !== undefined) {
        void opening.worker.terminate()
        return
      }
      this.#attach(opening)
      if (policyHash !== this.#policyHash) this.usePolicy(this.#policyHash)
    } catch {
      this.#scheduleRestart()
    }
  }
}

function errorOf(denial: Denial): RecorderError {
  return new RecorderError(denial.detail, { denial })
}
