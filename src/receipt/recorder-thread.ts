/**
 * The data path's side of a recorder that runs in a thread of its own: signing, hashing and writing there cost the event
 * loop nothing but a message per turn. Where the thread dies nothing is admitted until the next one has opened a session.
 */

import type { Worker } from 'node:worker_threads'

import type { Denial } from '../model/denial.ts'
import { PendingReceipts, type QueueLimits } from './pending-receipts.ts'
import { faultOf, RecorderError } from './recorder-error.ts'
import type { Offered, RecorderReply, RecorderReport, RecorderRequest } from './recorder-messages.ts'
import type { Appended, Need, ReceiptRecorder, RecorderStats } from './receipt-recorder.ts'
import type { ReceiptFacts } from './receipt-facts.ts'
import { DEFAULT_QUEUE_LIMITS } from './recorder-settings.ts'
import type { Resumed } from './resume.ts'

export interface RecorderThreadOptions {
  /** Starts a thread that calls `serveRecorder`. Called again after one died. @param policyHash the one in force by now */
  readonly start: (policyHash: string) => Worker
  readonly policyHash: string
  /** Told of every fdatasync that succeeded, and how long it took, a little later. */
  readonly onSync: (tookMs: number) => void
  /** Wait before the first attempt after a thread died, doubled up to the maximum. */
  readonly restartMs?: { readonly first: number; readonly max: number }
  /** Those of the recorder, where they are not the defaults: kept on this side too, whatever the thread does. */
  readonly limits?: Partial<QueueLimits>
  /** Looks without an answer to what waits after which a thread counts as lost. */
  readonly stall?: { readonly lookMs: number; readonly looks: number }
}

interface Opening {
  readonly worker: Worker
  readonly resumed: Resumed
  readonly report: RecorderReport
}

const RESTART_MS = { first: 250, max: 30_000 }
/** A disk that answers nothing for half a minute does not come back in time for anybody who waits. */
const STALL = { lookMs: 1000, looks: 30 }

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
      if (typeof reply === 'number') fail('the recorder did not open')
      else if (reply.kind === 'opened') settle(() => { resolve({ worker, resumed: reply.resumed, report: reply.report }) })
      else fail(reply.kind === 'unopened' ? reply.detail : 'the recorder did not open')
    }
    worker.on('error', onError).on('exit', onExit).on('message', onMessage)
  })
}

export class RecorderThread implements ReceiptRecorder {
  readonly resumed: Resumed
  readonly #options: RecorderThreadOptions
  readonly #pending: PendingReceipts
  readonly #watch: NodeJS.Timeout
  #worker: Worker | undefined
  #report: RecorderReport
  #policyHash: string
  #closing: PromiseWithResolvers<undefined> | undefined
  #restart: NodeJS.Timeout | undefined
  #attempts = 0
  #refused = 0
  /** Looks in a row in which something waited and nothing was answered. */
  #silentLooks = 0
  #isSendDue = false

  /** Use `openRecorderThread`. */
  constructor(options: RecorderThreadOptions, opening: Opening) {
    this.#options = options
    this.#policyHash = options.policyHash
    this.#pending = new PendingReceipts({ ...DEFAULT_QUEUE_LIMITS, ...options.limits })
    this.resumed = opening.resumed
    this.#report = opening.report
    this.#attach(opening)
    this.#watch = setInterval(() => { this.#look() }, (options.stall ?? STALL).lookMs)
    this.#watch.unref()
  }

  append(facts: ReceiptFacts, need: Need): Appended | Denial {
    const offered: Offered = { facts, need }
    if (facts.decisionPhase === 'outcome') this.#pending.settleIntent()
    const denial = this.#fault() ?? this.#pending.admissionFault(offered)
    if (denial !== undefined) {
      this.#refused++
      return denial
    }
    const durable = this.#pending.add(offered)
    // What other sockets bring in this turn shares the message.
    if (!this.#isSendDue) setImmediate(this.#sendDue)
    this.#isSendDue = true
    return { durable }
  }

  durableHead(): RecorderReport['durableHead'] {
    return this.#report.durableHead
  }

  usePolicy(hash: string): void {
    this.#policyHash = hash
    this.#send('all')
    this.#say({ kind: 'policy', hash })
  }

  async close(reason?: string): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers()
      clearTimeout(this.#restart)
      this.#send('all')
      if (this.#worker === undefined) this.#closing.reject(new RecorderError("the recorder's thread is down"))
      this.#say({ kind: 'close', reason })
    }
    await this.#closing.promise
  }

  stats(): RecorderStats {
    const { stats } = this.#report
    const commit = { ...stats.commit, queued: this.#pending.size }
    return { ...stats, commit, refused: stats.refused + this.#refused }
  }

  #fault(): Denial | undefined {
    if (this.#closing !== undefined) return { reason: 'receipt_unwritable', detail: 'the recorder is closed' }
    return this.#worker === undefined ? { reason: 'receipt_unwritable', detail: "the recorder's thread is down" } : undefined
  }

  #say(request: RecorderRequest): void {
    this.#worker?.postMessage(request)
  }

  readonly #sendDue = (): void => {
    this.#isSendDue = false
    this.#send('paced')
  }

  #send(which: 'paced' | 'all'): void {
    const offered = this.#pending.takeMessage(which === 'all')
    if (offered.length > 0) this.#say({ kind: 'append', offered })
  }

  #attach({ worker, report }: Opening): void {
    this.#worker = worker
    this.#report = report
    this.#attempts = 0
    this.#silentLooks = 0
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
    if (typeof reply === 'number') this.#pending.resolveUpTo(reply)
    else {
      if ('report' in reply) {
        this.#report = reply.report
        reply.report.syncsMs.forEach(this.#options.onSync)
      }
      if (reply.kind === 'lost') this.#pending.rejectUpTo(reply.last, errorOf(reply.denial))
      else if (reply.kind === 'refused') this.#pending.refuse(reply.ordinal, errorOf(reply.denial))
      else if (reply.kind === 'closed') this.#onClosed(reply.fault)
      // The regular report says nothing about what waits: its timer goes on where a receipt was forgotten.
      if (reply.kind === 'report') return
    }
    this.#silentLooks = 0
    this.#send('paced')
  }

  #onClosed(fault: string | undefined): void {
    const worker = this.#worker
    this.#worker = undefined
    clearInterval(this.#watch)
    this.#pending.abandon('the recorder is closed')
    const ended = worker?.terminate() ?? Promise.resolve(0)
    void ended.then(() => {
      if (fault === undefined) this.#closing?.resolve(undefined)
      else this.#closing?.reject(new RecorderError(fault))
    })
  }

  /** Counts looks, not time: a process that was stopped and goes on finds its answers waiting, and must read them first. */
  #look(): void {
    const isSilent = this.#worker !== undefined && (this.#pending.size > 0 || this.#closing !== undefined)
    this.#silentLooks = isSilent ? this.#silentLooks + 1 : 0
    const { lookMs, looks } = this.#options.stall ?? STALL
    if (this.#silentLooks > looks) this.#onStall(`it has answered nothing for ${lookMs * looks} ms`)
  }

  /** A thread that hangs in the disk may still write when the disk lets it: the next one begins only after its end. */
  #onStall(cause: string): void {
    const worker = this.#worker
    this.#lose(cause)
    void worker?.terminate().then(() => { this.#scheduleRestart() })
  }

  #onDeath(cause: string): void {
    this.#lose(cause)
    this.#scheduleRestart()
  }

  /** Fail closed: what waits is refused, and nothing is admitted until another thread has a session. */
  #lose(cause: string): void {
    this.#worker = undefined
    const detail = `the recorder's thread failed: ${cause}`
    const { stats } = this.#report
    this.#report = { ...this.#report, stats: { ...stats, state: 'failed', session: '', failures: stats.failures + 1, lastFault: detail } }
    this.#pending.abandon(detail)
    this.#closing?.reject(new RecorderError(detail))
  }

  #scheduleRestart(): void {
    if (this.#closing !== undefined) {
      clearInterval(this.#watch)
      return
    }
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
