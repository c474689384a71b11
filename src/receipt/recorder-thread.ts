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

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: RecorderError) => void
}

export class RecorderThread implements ReceiptRecorder {
  readonly resumed: Resumed
  readonly #options: RecorderThreadOptions
  #worker: Worker | undefined
  #report: RecorderReport
  #policyHash: string
  /** Ordinal of the next receipt; per thread. */
  #next = 0
  /** By ordinal: what was offered and not answered. */
  #waiting = new Map<number, Waiter>()
  #outbox: Offered[] = []
  #closing: PromiseWithResolvers<void> | undefined
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
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // Nobody need wait for an outcome, and a lost one must not end the process as unhandled.
    promise.catch(() => undefined)
    this.#waiting.set(this.#next++, { resolve, reject })
    // What other sockets bring in this turn shares the message: 1.5 us a receipt with 16 of them, 6.4 us alone.
    if (this.#outbox.push({ facts, need }) === 1) setImmediate(this.#send)
    return { durable: promise }
  }

  durableHead(): RecorderReport['durableHead'] {
    return this.#report.durableHead
  }

  usePolicy(hash: string): void {
    this.#policyHash = hash
    this.#send()
    this.#say({ kind: 'policy', hash })
  }

  close(reason?: string): Promise<void> {
    if (this.#closing !== undefined) return this.#closing.promise
    this.#closing = Promise.withResolvers<void>()
    clearTimeout(this.#restart)
    this.#send()
    if (this.#worker === undefined) this.#closing.reject(new RecorderError("the recorder's thread is down"))
    this.#say({ kind: 'close', reason })
    return this.#closing.promise
  }

  stats(): RecorderStats {
    const { stats } = this.#report
    const commit = { ...stats.commit, queued: this.#waiting.size }
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
    this.#next = 0
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
    switch (reply.kind) {
      case 'durable':
        this.#settle(reply.first, reply.last, ({ resolve }) => { resolve() })
        break
      case 'lost':
        this.#settle(reply.first, reply.last, ({ reject }) => { reject(new RecorderError(reply.denial.detail, { denial: reply.denial })) })
        break
      case 'refused':
        this.#settle(reply.ordinal, reply.ordinal, ({ reject }) => { reject(new RecorderError(reply.denial.detail, { denial: reply.denial })) })
        break
      case 'closed':
        this.#onClosed(reply.fault)
        break
      case 'opened':
      case 'unopened':
      case 'report':
        break
    }
  }

  #settle(first: number, last: number, settle: (waiter: Waiter) => void): void {
    for (let ordinal = first; ordinal <= last; ordinal++) {
      const waiter = this.#waiting.get(ordinal)
      if (waiter === undefined) continue
      this.#waiting.delete(ordinal)
      settle(waiter)
    }
  }

  #onClosed(fault: string | undefined): void {
    const worker = this.#worker
    this.#worker = undefined
    this.#abandon('the recorder is closed')
    const ended = worker?.terminate() ?? Promise.resolve(0)
    void ended.then(() => {
      if (fault === undefined) this.#closing?.resolve()
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
    this.#waiting = new Map()
    for (const { reject } of waiting.values()) reject(new RecorderError(detail))
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
